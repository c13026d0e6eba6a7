//! What the worker needs from outside, one verb each. Every port has an in-memory twin for tests and simulations.

use crate::logic::worker::{Commit, Load, Record, Wanted, Worker};
use schemas::record::{DeadRecord, EventRecord};
use std::error::Error;
use std::time::Duration;

/// An effect that failed; it is tried again until the partition is lost.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PortFault {
    /// What was tried, in the present tense.
    pub what: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
    /// Trying again cannot help.
    pub fatal: bool,
}

impl PortFault {
    /// A fault of an attempt to do `what`, which may be tried again.
    pub fn new(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> PortFault {
        PortFault { what, source: source.into(), fatal: false }
    }
}

/// A partition given to this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Partition.
    pub partition: i32,
    /// What the group committed, if it ever did.
    pub committed: Option<i64>,
    /// Where the former owner said that the next one must begin.
    pub rewind_to: Option<i64>,
}

/// What a poll brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// This many records were handed over.
    Records(usize),
    /// These partitions are this worker's too from now on, once it calls [`Log::start`]; there may be none.
    Assigned(Vec<Assigned>),
    /// These partitions must be given back with [`Log::release`]; until then they are nobody else's.
    Revoked(Vec<i32>),
    /// These partitions may be others' already; the worker must let go of them with [`Log::release`].
    Lost(Vec<i32>),
}

/// How much a poll may bring at once, and how long it may wait for the first record.
#[derive(Clone, Copy, Debug)]
pub struct Appetite {
    /// Records.
    pub records: usize,
    /// Bytes of values.
    pub bytes: usize,
    /// Longest wait.
    pub wait: Duration,
}

/// The partitioned log, as a member of the consumer group sees it.
pub trait Log {
    /// Hands over the next records, or tells of a change of ownership.
    ///
    /// # Errors
    /// The log cannot be read now.
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault>;

    /// What was read last had waited in the log for longer than a live record would: there is much more of it.
    fn is_behind(&self) -> bool;

    /// Begins to read assigned partitions at these offsets, beside those that are read already.
    ///
    /// # Errors
    /// The partitions are no longer this worker's.
    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault>;

    /// Keeps the membership without taking records; tells of partitions that must be given back or are lost.
    ///
    /// # Errors
    /// The log cannot be reached now.
    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault>;

    /// Commits, and waits until the group's coordinator has it.
    ///
    /// # Errors
    /// It was not taken, or nobody knows.
    fn commit(&mut self, commits: &[Commit]) -> Result<(), PortFault>;

    /// Gives partitions back. It may be told more than once of one.
    ///
    /// # Errors
    /// The membership is gone already.
    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault>;
}

/// Reads ledgers from the tables.
pub trait LedgerStore {
    /// Announces, then reads every row of what is wanted into `load`, through `worker`.
    ///
    /// # Errors
    /// The result is not known to be complete.
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault>;
}

/// Which rows are written in one go: never both, for a school's row says that its devices' rows are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Tables `device_day` and `network_day`.
    Devices,
    /// Tables `school_day` and `school_network_day`.
    Schools,
}

/// Writes rows into the tables.
pub trait RowWriter {
    /// Writes the worker's dirty rows of a level, made one by one as they are sent, and waits until every one is
    /// acknowledged.
    ///
    /// # Errors
    /// Some rows may be written and others not; all are written again.
    fn write(&mut self, worker: &Worker, level: Level) -> Result<(), PortFault>;
}

/// Takes what could not be folded here.
pub trait DeadLetters {
    /// Sends, and waits until all are acknowledged.
    ///
    /// # Errors
    /// Some may be sent; all are sent again.
    fn send(&mut self, letters: &[DeadRecord]) -> Result<(), PortFault>;

    /// Sends records to the logs of the schools that they name, and waits until all are acknowledged.
    ///
    /// # Errors
    /// Some may be sent; all are sent again, and count once.
    fn forward(&mut self, records: &mut dyn Iterator<Item = &EventRecord>) -> Result<(), PortFault>;
}
