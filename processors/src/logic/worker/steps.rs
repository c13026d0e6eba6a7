//! What goes in and out of the worker's steps.

use super::super::activity::ActivityDay;
use super::super::bounds::Bounds;
use super::super::network::NetworkDay;
use super::super::partition::Share;
use super::super::school::LedgerKey;
use super::super::shelf::Loaded;
use schemas::definitions::Definitions;
use schemas::time::Day;

/// What a worker goes by; the same for its whole life.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Topic that it folds, for dead letters.
    pub topic: String,
    /// Its consumer group, likewise.
    pub group: String,
    /// Partitions of the topic; never changes.
    pub partitions: u32,
    /// Parameters of the figures.
    pub definitions: Definitions,
    /// Bounds of a device-day.
    pub bounds: Bounds,
    /// How far a new owner rewinds, ms.
    pub rewind_ms: i64,
    /// Undecodable records within a minute that stop the worker.
    pub breaker: usize,
}

/// A record of the log.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Partition it was read from.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

/// Why a worker must not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Precondition P1 is broken: another partitioner, or another number of partitions.
    #[error(
        "school {school_no} belongs to partition {expected}, but offset {offset} of it came from partition {partition}"
    )]
    WrongPartition {
        /// School of the record.
        school_no: u32,
        /// Partition it came from.
        partition: i32,
        /// Where it should be.
        expected: i32,
        /// Its offset.
        offset: i64,
    },
    /// Something is wrong with the topic or with this build; going on would drain it into the dead letters.
    #[error("{0} records within a minute cannot be decoded")]
    Breaker(usize),
}

/// Where an owner begins in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Partition.
    pub partition: i32,
    /// What the group committed; 0 if it never did.
    pub committed: i64,
    /// First offset to read: at or below the committed one.
    pub from: i64,
}

/// What may be committed once everything dirty was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Partition.
    pub partition: i32,
    /// Offset after the last folded record.
    pub offset: i64,
    /// Where the next owner must begin.
    pub rewind_to: i64,
}

/// Ledgers that must be read from the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything of these days in these partitions.
    Days {
        /// Days.
        days: Vec<Day>,
        /// Partitions.
        share: Share,
    },
    /// These ledgers, whole.
    Ledgers {
        /// Of stream activity.
        activity: Vec<LedgerKey>,
        /// Of stream network.
        network: Vec<LedgerKey>,
    },
}

impl Wanted {
    /// A ledger is among them.
    #[must_use]
    pub fn covers(&self, key: &LedgerKey) -> bool {
        match self {
            Wanted::Days { share, .. } => share.has_school(key.school_no),
            Wanted::Ledgers { .. } => true,
        }
    }
}

/// Ledgers as they are read.
#[derive(Default)]
pub struct Load {
    /// Stream activity.
    pub activity: Loaded<ActivityDay>,
    /// Stream network.
    pub network: Loaded<NetworkDay>,
}
