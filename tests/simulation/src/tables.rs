//! The four tables, and the inserts into them.

use crate::checks::{Checks, TableNo};
use crate::log::ProcessId;
use crate::table::{Table, Versioned};
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};

/// See the module.
#[derive(Debug, Default)]
pub struct Tables {
    /// Table `device_day`.
    pub device_days: Table<DeviceDayRow>,
    /// Table `network_day`.
    pub network_days: Table<NetworkDayRow>,
    /// Table `school_day`.
    pub school_days: Table<SchoolDayRow>,
    /// Table `school_network_day`.
    pub school_networks: Table<SchoolNetworkDayRow>,
}

/// Rows that are written in one go: of one level, so of two of the tables.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// For table `device_day`.
    pub device_days: Vec<Versioned<DeviceDayRow>>,
    /// For table `network_day`.
    pub network_days: Vec<Versioned<NetworkDayRow>>,
    /// For table `school_day`.
    pub school_days: Vec<Versioned<SchoolDayRow>>,
    /// For table `school_network_day`.
    pub school_networks: Vec<Versioned<SchoolNetworkDayRow>>,
}

impl Batch {
    /// No row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first_is_empty() && self.second_is_empty()
    }

    fn first_is_empty(&self) -> bool {
        self.device_days.is_empty() && self.school_days.is_empty()
    }

    fn second_is_empty(&self) -> bool {
        self.network_days.is_empty() && self.school_networks.is_empty()
    }

    /// Rows for both of its tables.
    #[must_use]
    pub fn is_for_both(&self) -> bool {
        !self.first_is_empty() && !self.second_is_empty()
    }

    /// Only the rows for its first table, or for its second one.
    #[must_use]
    pub fn half(self, first: bool) -> Batch {
        if first {
            Batch { device_days: self.device_days, school_days: self.school_days, ..Batch::default() }
        } else {
            Batch { network_days: self.network_days, school_networks: self.school_networks, ..Batch::default() }
        }
    }

    /// A process sends it.
    pub fn note_written(&self, process: ProcessId, checks: &mut Checks) {
        checks.written(process, 0, &self.device_days);
        checks.written(process, 1, &self.network_days);
        checks.written(process, 2, &self.school_days);
        checks.written(process, 3, &self.school_networks);
    }

    /// The tables acknowledged it.
    pub fn note_acknowledged(&self, checks: &mut Checks) {
        checks.acknowledged(0, &self.device_days);
        checks.acknowledged(1, &self.network_days);
        checks.acknowledged(2, &self.school_days);
        checks.acknowledged(3, &self.school_networks);
    }
}

impl Tables {
    /// Applies an insert. With `suppress`, a block that was inserted before is left out (`insert_deduplicate`).
    pub fn apply(&mut self, at_ms: i64, batch: Batch, suppress: bool) {
        insert(&mut self.device_days, at_ms, batch.device_days, suppress);
        insert(&mut self.network_days, at_ms, batch.network_days, suppress);
        insert(&mut self.school_days, at_ms, batch.school_days, suppress);
        insert(&mut self.school_networks, at_ms, batch.school_networks, suppress);
    }

    /// Merges parts of a table; returns how many rows that did away with.
    pub fn merge(&mut self, table: TableNo, first: usize, count: usize) -> usize {
        match table % 4 {
            0 => self.device_days.merge(first, count),
            1 => self.network_days.merge(first, count),
            2 => self.school_days.merge(first, count),
            _ => self.school_networks.merge(first, count),
        }
    }

    /// Loses the newest parts of a table that came since then; returns how many those were.
    pub fn lose(&mut self, table: TableNo, count: usize, since_ms: i64) -> usize {
        match table % 4 {
            0 => self.device_days.lose(count, since_ms),
            1 => self.network_days.lose(count, since_ms),
            2 => self.school_days.lose(count, since_ms),
            _ => self.school_networks.lose(count, since_ms),
        }
    }
}

fn insert<R: crate::table::Row>(table: &mut Table<R>, at_ms: i64, rows: Vec<Versioned<R>>, suppress: bool) {
    if !(suppress && table.knows(&rows)) {
        table.insert(at_ms, rows);
    }
}
