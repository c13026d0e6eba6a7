//! The properties, and what is kept of a run to check them.

use crate::facts::{Stream, touches};
use crate::log::{Content, Entry, PARTITIONS, ProcessId, Topic};
use crate::model::Expected;
use crate::table::{Key, Row, Versioned};
use crate::tables::Tables;
use schemas::record::DeadRecord;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What must hold in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// At the end, every row of every table equals the fold of the distinct events of the log.
    FinalRows,
    /// An owner never writes a row of a lower `ver` than it wrote before.
    VerNeverFalls,
    /// When an offset is committed, inserts that were acknowledged hold every event below it, in the device rows and
    /// in the school rows.
    AcknowledgedBeforeCommit,
    /// When an offset is committed, every record below it that cannot be decoded is among the dead letters.
    BuriedBeforeCommit,
    /// Records are read only while the ledgers are within their budget: never more than the budget and one batch.
    MemoryBound,
    /// Every record is in its school's partition; a worker stops otherwise.
    OneLog,
    /// Without further faults everything is folded, written and committed in the end.
    Progress,
}

/// A property that does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// How it shows.
    pub what: String,
}

/// One of the four tables, as a number.
pub type TableNo = u8;

/// Table of the school rows of a stream.
const fn school_table(stream: Stream) -> TableNo {
    match stream {
        Stream::Activity => 2,
        Stream::Network => 3,
    }
}

/// Table of the device rows of a stream.
const fn device_table(stream: Stream) -> TableNo {
    match stream {
        Stream::Activity => 0,
        Stream::Network => 1,
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Checks {
    /// Highest version of each row that was acknowledged.
    acknowledged: BTreeMap<(TableNo, Key), u32>,
    /// Version that a process wrote last, since it was assigned its partitions.
    written: BTreeMap<(ProcessId, TableNo, Key), u32>,
    /// Distinct events of each device-day below the committed offsets.
    committed: BTreeMap<(Stream, Key), BTreeSet<(Uuid, u32)>>,
    scanned: [usize; PARTITIONS as usize],
    /// The first violation.
    pub violation: Option<Violation>,
}

impl Checks {
    /// Notes a violation, if it is the first.
    pub fn violated(&mut self, property: Property, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { property, what: what() });
        }
    }

    /// A process was assigned partitions, and begins them anew.
    pub fn assigned(&mut self, process: ProcessId, partitions: &[usize]) {
        let is_new = |key: &Key| partitions.contains(&Topic::partition_of(key.1));
        self.written.retain(|(owner, _, key), _| *owner != process || !is_new(key));
    }

    /// A process sends these rows.
    pub fn written<R: Row>(&mut self, process: ProcessId, table: TableNo, rows: &[Versioned<R>]) {
        for (_, row) in rows {
            let before = self.written.insert((process, table, row.key()), row.ver()).unwrap_or(0);
            if row.ver() < before {
                self.violated(Property::VerNeverFalls, || {
                    format!("process {process} wrote ver {} of {:?} after {before}", row.ver(), row.key())
                });
            }
        }
    }

    /// The table acknowledged these rows.
    pub fn acknowledged<R: Row>(&mut self, table: TableNo, rows: &[Versioned<R>]) {
        for (_, row) in rows {
            let newest = self.acknowledged.entry((table, row.key())).or_default();
            *newest = row.ver().max(*newest);
        }
    }

    /// The group's offset of a partition moved to `offset`.
    pub fn committed(&mut self, partition: usize, offset: usize, topic: &Topic, letters: &[DeadRecord]) {
        let begin = self.scanned[partition];
        self.scanned[partition] = offset.max(begin);
        for at in begin..offset {
            self.pass(partition, at, &topic.partitions[partition][at], letters);
        }
    }

    fn pass(&mut self, partition: usize, offset: usize, entry: &Entry, letters: &[DeadRecord]) {
        let Content::Events(record) = &entry.content else {
            let is_it = |letter: &DeadRecord| (letter.partition, letter.offset) == (partition as i32, offset as i64);
            if !letters.iter().any(is_it) {
                self.violated(Property::BuriedBeforeCommit, || format!("offset {offset} of partition {partition}"));
            }
            return;
        };
        for touch in touches(record) {
            self.committed.entry((touch.stream, touch.key)).or_default().insert(touch.event);
            self.check_acknowledged(touch.stream, touch.key);
        }
    }

    /// `ver` counts distinct events and an owner folds a prefix of the log, so a row that holds all events below the
    /// offset has at least that version.
    fn check_acknowledged(&mut self, stream: Stream, key: Key) {
        let school = (key.0, key.1, key.2, 0);
        let devices = self.committed.range((stream, school)..=(stream, (key.0, key.1, key.2, u32::MAX)));
        let of_school: usize = devices.map(|(_, events)| events.len()).sum();
        let of_device = self.committed.get(&(stream, key)).map_or(0, BTreeSet::len);
        let required = [(device_table(stream), key, of_device), (school_table(stream), school, of_school)];
        for (table, key, required) in required {
            let found = self.acknowledged.get(&(table, key)).copied().unwrap_or(0);
            if (found as usize) < required {
                self.violated(Property::AcknowledgedBeforeCommit, || {
                    format!("table {table} acknowledged ver {found} of {key:?}, {required} events are committed")
                });
            }
        }
    }

    /// The tables at the end of a run.
    pub fn finals(&mut self, tables: &Tables, expected: &Expected) {
        self.final_rows("device_day", &tables.device_days.finals(), &expected.device_days);
        self.final_rows("network_day", &tables.network_days.finals(), &expected.network_days);
        self.final_rows("school_day", &tables.school_days.finals(), &expected.school_days);
        self.final_rows("school_network_day", &tables.school_networks.finals(), &expected.school_networks);
    }

    fn final_rows<R: Row>(&mut self, table: &str, found: &BTreeMap<Key, Versioned<R>>, expected: &BTreeMap<Key, R>) {
        for (key, row) in expected {
            match found.get(key) {
                Some((_, found)) if **found == *row => {}
                other => self.violated(Property::FinalRows, || {
                    format!(
                        "{table} {key:?}: {}",
                        other.map_or("no row".into(), |(_, found)| difference(&**found, row))
                    )
                }),
            }
        }
        if let Some(key) = found.keys().find(|key| !expected.contains_key(key)) {
            self.violated(Property::FinalRows, || format!("{table} {key:?}: no event of the log touches it"));
        }
    }
}

/// The columns in which two rows differ.
fn difference<R: Row>(found: &R, expected: &R) -> String {
    let columns = |row: &R| serde_json::to_value(row).unwrap_or_default();
    let (found, expected) = (columns(found), columns(expected));
    let names = expected.as_object().into_iter().flat_map(serde_json::Map::keys);
    let differing = names.filter(|name| found[name.as_str()] != expected[name.as_str()]);
    let texts =
        differing.map(|name| format!("{name} is {}, expected {}", found[name.as_str()], expected[name.as_str()]));
    texts.collect::<Vec<_>>().join("; ")
}
