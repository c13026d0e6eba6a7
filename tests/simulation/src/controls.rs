//! Negative controls: each breaks one mechanism, at the ports, and must be noticed. The workers know nothing of it.

use crate::checks::{Property, TableNo};
use crate::log::{PARTITIONS, ProcessId, Topic};
use crate::table::{Key, Row, Versioned};
use crate::tables::{Batch, Tables};
use processors::logic::worker::Worker;
use processors::worker::ports::Level;
use schemas::rows::{DeviceDayRow, SchoolDayRow};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A mechanism that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// An insert is taken for acknowledged as soon as it is sent.
    CommitBeforeAcknowledgement,
    /// P3: a row is written only if its ledger changed.
    OnlyChangedRows,
    /// A block that was inserted before is acknowledged and left out.
    DuplicateSuppression,
    /// P2: a new owner begins at the committed offset.
    NoRewind,
    /// P2: an evicted ledger is reloaded whatever its version.
    EvictionForgetsVer,
    /// P2: a result that was cut is taken for whole.
    CutReload,
    /// The version is the time of the write.
    VerFromClock,
    /// The version counts what was folded, repetitions too.
    VerCountsFolds,
    /// P1: one of the edges partitions by another function.
    OtherPartitioner,
    /// P4: a session that goes on over midnight is not counted in the second day.
    NeighbouringDay,
    /// School rows are increased by what changed in the device rows.
    Increments,
    /// Dead letters are taken for sent.
    LettersDropped,
    /// Nothing is evicted.
    NoBudget,
    /// The ledgers of a partition are kept when it is given up, and folded on when it comes back, without a load.
    KeepsGivenUp,
}

/// A control, what it breaks in words, and which property must go red.
pub type Description = (Control, &'static str, &'static [Property]);

/// A row that lacks events counts as the newest one: it shows at the end, or before, when an owner that has loaded it
/// commits what follows.
const GAP: &[Property] = &[Property::FinalRows, Property::AcknowledgedBeforeCommit];
const FINAL: &[Property] = &[Property::FinalRows];
/// A row that is not written again is missing at the commit; or, where its part was lost before it was durable, at the end.
const UNWRITTEN: &[Property] = &[Property::AcknowledgedBeforeCommit, Property::FinalRows];
const EARLY: &[Property] = &[Property::AcknowledgedBeforeCommit];

/// Every control.
pub const CONTROLS: &[Description] = &[
    (Control::CommitBeforeAcknowledgement, "commit before acknowledgement", EARLY),
    (Control::OnlyChangedRows, "only changed rows written (P3)", UNWRITTEN),
    (Control::DuplicateSuppression, "duplicate-insert suppression on", FINAL),
    (Control::NoRewind, "stale load without the rewind (P2)", GAP),
    (Control::EvictionForgetsVer, "eviction that forgets ver (P2)", &[Property::VerNeverFalls]),
    (Control::CutReload, "reload from a cut result (P2)", GAP),
    (Control::VerFromClock, "ver from the clock", GAP),
    (Control::VerCountsFolds, "ver counting folds", GAP),
    (Control::OtherPartitioner, "another partitioner (P1)", &[Property::OneLog]),
    (Control::NeighbouringDay, "a row that looks at its neighbouring day (P4)", FINAL),
    (Control::Increments, "school row summed by increments", FINAL),
    (Control::LettersDropped, "dead letters not sent", &[Property::BuriedBeforeCommit]),
    (Control::KeepsGivenUp, "ledgers kept of a partition given up", GAP),
    (Control::NoBudget, "ledgers never evicted", &[Property::MemoryBound]),
];

/// What a control must remember of each process.
#[derive(Debug, Default)]
pub struct Breakage {
    /// The control, if one is played.
    control: Option<Control>,
    /// Version and `ver` of each row that the process read or wrote last.
    known: BTreeMap<(ProcessId, TableNo, Key), (u64, u32)>,
    /// School-days of which a device row was written since the last school rows.
    changed: BTreeSet<(ProcessId, TableNo, Key)>,
    /// Seconds on by which the device rows of a school-day grew since its last row.
    growth: BTreeMap<(ProcessId, Key), i64>,
    /// Partitions that were given up and of which the worker was not told.
    kept: BTreeSet<(ProcessId, usize)>,
}

const fn school_of(key: Key) -> Key {
    (key.0, key.1, key.2, 0)
}

impl Breakage {
    /// Breaks this mechanism, or none.
    #[must_use]
    pub fn of(control: Option<Control>) -> Breakage {
        Breakage { control, ..Breakage::default() }
    }

    /// This control is played.
    #[must_use]
    pub fn is(&self, control: Control) -> bool {
        self.control == Some(control)
    }

    /// The tables go by column `ver`.
    #[must_use]
    pub fn ver_is_version(&self) -> bool {
        !self.is(Control::VerFromClock) && !self.is(Control::VerCountsFolds)
    }

    /// The partition that an edge sends a school's records to.
    #[must_use]
    pub fn partition_of(&self, school_no: u32, is_other_edge: bool) -> usize {
        if self.is(Control::OtherPartitioner) && is_other_edge {
            return (school_no % PARTITIONS) as usize;
        }
        Topic::partition_of(school_no)
    }

    /// Where the next owner is told to begin.
    #[must_use]
    pub fn rewind_to(&self, rewind_to: Option<i64>, committed: Option<i64>) -> Option<i64> {
        if self.is(Control::NoRewind) { committed } else { rewind_to }
    }

    /// A process was assigned partitions, and knows nothing of them.
    pub fn assigned(&mut self, process: ProcessId, partitions: &[usize]) {
        let stays = |owner: ProcessId, key: &Key| owner != process || !partitions.contains(&Topic::partition_of(key.1));
        self.known.retain(|(owner, _, key), _| stays(*owner, key));
        self.changed.retain(|(owner, _, key)| stays(*owner, key));
        self.growth.retain(|(owner, key), _| stays(*owner, key));
    }

    /// For [`Control::KeepsGivenUp`]: the worker is not told that these are given up.
    pub fn keep(&mut self, process: ProcessId, partitions: &[usize]) {
        self.kept.extend(partitions.iter().map(|partition| (process, *partition)));
    }

    /// The worker is told that it lost these.
    pub fn loses(&mut self, process: ProcessId, partitions: &[i32]) {
        self.kept.retain(|(owner, partition)| *owner != process || !partitions.contains(&(*partition as i32)));
    }

    /// It was not told of this one.
    #[must_use]
    pub fn has_kept(&self, process: ProcessId, partition: usize) -> bool {
        self.kept.contains(&(process, partition))
    }

    /// A process read this row.
    pub fn read<R: Row>(&mut self, process: ProcessId, table: TableNo, (version, row): &Versioned<R>) {
        if matches!(self.control, Some(Control::OnlyChangedRows | Control::VerCountsFolds)) {
            self.known.insert((process, table, row.key()), (*version, row.ver()));
        }
    }

    /// The rows of a level that a process sends now.
    pub fn batch(&mut self, process: ProcessId, worker: &Worker, level: Level, tables: &Tables, now_ms: i64) -> Batch {
        match level {
            Level::Devices => {
                let mut days: Vec<_> = worker.device_days().collect();
                if self.is(Control::NeighbouringDay) {
                    look_at_neighbours(&mut days, tables);
                }
                if self.is(Control::Increments) {
                    self.measure_growth(process, &days, tables);
                }
                let device_days = self.versioned(process, 0, days, now_ms);
                let network_days = self.versioned(process, 1, worker.network_days().collect(), now_ms);
                Batch { device_days, network_days, ..Batch::default() }
            }
            Level::Schools => {
                let mut days: Vec<_> = worker.school_days().collect();
                if self.is(Control::Increments) {
                    self.increase(process, &mut days, tables);
                }
                let school_days = self.versioned(process, 2, days, now_ms);
                let school_networks = self.versioned(process, 3, worker.school_network_days().collect(), now_ms);
                Batch { school_days, school_networks, ..Batch::default() }
            }
        }
    }

    /// The tables acknowledged the rows of a process.
    pub fn acknowledged(&mut self, process: ProcessId, batch: &Batch) {
        if self.is(Control::OnlyChangedRows) {
            self.know(process, 0, &batch.device_days);
            self.know(process, 1, &batch.network_days);
        }
        if !batch.school_days.is_empty() || !batch.school_networks.is_empty() {
            self.changed.retain(|(owner, ..)| *owner != process);
            self.growth.retain(|(owner, _), _| *owner != process);
        }
    }

    fn know<R: Row>(&mut self, process: ProcessId, table: TableNo, rows: &[Versioned<R>]) {
        for (version, row) in rows {
            self.known.insert((process, table, row.key()), (*version, row.ver()));
            self.changed.insert((process, table + 2, school_of(row.key())));
        }
    }

    fn versioned<R: Row>(
        &mut self,
        process: ProcessId,
        table: TableNo,
        rows: Vec<R>,
        now_ms: i64,
    ) -> Vec<Versioned<R>> {
        rows.into_iter().filter_map(|row| Some((self.version(process, table, &row, now_ms)?, Rc::new(row)))).collect()
    }

    /// What the table takes for the row's version; `None`: the row is not written.
    fn version<R: Row>(&mut self, process: ProcessId, table: TableNo, row: &R, now_ms: i64) -> Option<u64> {
        let (version, known) = self.known.get(&(process, table, row.key())).copied().unwrap_or_default();
        match self.control {
            Some(Control::VerFromClock) => Some(now_ms as u64),
            Some(Control::VerCountsFolds) => {
                let folds = u64::from(row.ver().saturating_sub(known)).max(1);
                self.known.insert((process, table, row.key()), (version + folds, row.ver()));
                Some(version + folds)
            }
            Some(Control::OnlyChangedRows) => {
                let is_changed =
                    if table < 2 { row.ver() > known } else { self.changed.contains(&(process, table, row.key())) };
                is_changed.then_some(u64::from(row.ver()))
            }
            _ => Some(u64::from(row.ver())),
        }
    }

    fn measure_growth(&mut self, process: ProcessId, days: &[DeviceDayRow], tables: &Tables) {
        let shown = tables.device_days.finals();
        for day in days.iter().filter(|day| day.in_service == 1) {
            let before = shown.get(&day.key()).map_or(0, |(_, row)| i64::from(row.on_s));
            *self.growth.entry((process, school_of(day.key()))).or_default() += i64::from(day.on_s) - before;
        }
    }

    fn increase(&self, process: ProcessId, days: &mut [SchoolDayRow], tables: &Tables) {
        let shown = tables.school_days.finals();
        for day in days {
            let before = shown.get(&day.key()).map_or(0, |(_, row)| row.on_s as i64);
            let growth = self.growth.get(&(process, day.key())).copied().unwrap_or(0);
            day.on_s = (before + growth).max(0) as u64;
        }
    }
}

fn look_at_neighbours(days: &mut [DeviceDayRow], tables: &Tables) {
    let shown = tables.device_days.finals();
    for day in days.iter_mut().filter(|day| day.first_s == Some(0)) {
        let key = day.key();
        let before = shown.get(&(key.0, key.1, key.2 - 1, key.3));
        if before.is_some_and(|(_, row)| row.last_s == Some(86_399)) {
            day.sessions -= 1;
        }
    }
}
