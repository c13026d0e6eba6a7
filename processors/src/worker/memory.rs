//! In-memory twins of the ports: a partitioned log with a group's offsets, and tables with the semantics of
//! `ReplacingMergeTree(ver)`. Deterministic; for tests and simulations.

use super::ports::{Appetite, Assigned, DeadLetters, LedgerStore, Level, Log, Polled, PortFault, RowWriter};
use crate::logic::partition;
use crate::logic::rows;
use crate::logic::school::LedgerKey;
use crate::logic::worker::{Commit, Load, Record, Wanted, Worker};
use schemas::avro::encode_event_record;
use schemas::record::{DeadRecord, EventRecord};
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A record's key and value.
type Entry = (Vec<u8>, Vec<u8>);

/// The partitions, and what the group committed: offset and where the next owner begins.
#[derive(Clone, Debug, Default)]
pub struct Partitions {
    /// Records by partition.
    pub records: BTreeMap<i32, Vec<Entry>>,
    /// Commits by partition.
    pub commits: BTreeMap<i32, (i64, i64)>,
}

impl Partitions {
    /// Produces a record, keyed by its school.
    pub fn append(&mut self, record: &EventRecord, partitions: u32) {
        let (school_no, mut value) = (record.belonging.school_no, Vec::new());
        encode_event_record(record, &mut value);
        let entries = self.records.entry(partition::of_school(school_no, partitions)).or_default();
        entries.push((school_no.to_string().into_bytes(), value));
    }
}

/// One member of the group; it is given its partitions by the test.
#[derive(Debug)]
pub struct MemoryLog {
    shared: Rc<RefCell<Partitions>>,
    owned: Vec<i32>,
    announced: bool,
    next: BTreeMap<i32, i64>,
}

impl MemoryLog {
    /// A member that is given `owned` at its first poll.
    #[must_use]
    pub fn new(shared: Rc<RefCell<Partitions>>, owned: Vec<i32>) -> MemoryLog {
        MemoryLog { shared, owned, announced: false, next: BTreeMap::new() }
    }

    /// Everything that was handed to it is committed.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let shared = self.shared.borrow();
        let drained = |partition: &i32| {
            let end = shared.records.get(partition).map_or(0, Vec::len) as i64;
            end == 0 || shared.commits.get(partition).is_some_and(|(offset, _)| *offset == end)
        };
        self.owned.iter().all(drained)
    }
}

impl Log for MemoryLog {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        let shared = self.shared.borrow();
        if !std::mem::replace(&mut self.announced, true) {
            let assigned = |partition: &i32| {
                let commit = shared.commits.get(partition);
                let (committed, rewind_to) = (commit.map(|(offset, _)| *offset), commit.map(|(_, floor)| *floor));
                Assigned { partition: *partition, committed, rewind_to }
            };
            return Ok(Polled::Assigned(self.owned.iter().map(assigned).collect()));
        }
        let mut records = 0;
        for (partition, next) in &mut self.next {
            let entries = shared.records.get(partition).map(Vec::as_slice).unwrap_or_default();
            for (key, value) in entries.iter().skip(*next as usize).take(appetite.records - records) {
                each(Record { partition: *partition, offset: *next, key, value });
                *next += 1;
                records += 1;
            }
        }
        Ok(Polled::Records(records))
    }

    fn is_behind(&self) -> bool {
        false
    }

    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault> {
        self.next.extend(from.iter().copied());
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        Ok(None)
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), PortFault> {
        for commit in commits {
            self.shared.borrow_mut().commits.insert(commit.partition, (commit.offset, commit.rewind_to));
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault> {
        self.next.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }
}

/// The tables: every version that was written, in the order of the inserts.
#[derive(Clone, Debug, Default)]
pub struct MemoryTables {
    /// Table `device_day`.
    pub device_days: Vec<DeviceDayRow>,
    /// Table `network_day`.
    pub network_days: Vec<NetworkDayRow>,
    /// Table `school_day`.
    pub school_days: Vec<SchoolDayRow>,
    /// Table `school_network_day`.
    pub school_network_days: Vec<SchoolNetworkDayRow>,
}

/// The newest version of each row, as a `T_final` view shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalRows {
    /// View `device_day_final`.
    pub device_days: BTreeMap<(LedgerKey, u32), DeviceDayRow>,
    /// View `network_day_final`.
    pub network_days: BTreeMap<(LedgerKey, u32), NetworkDayRow>,
    /// View `school_day_final`.
    pub school_days: BTreeMap<(u32, u32, u16), SchoolDayRow>,
    /// View `school_network_day_final`.
    pub school_network_days: BTreeMap<(u32, u32, u16), SchoolNetworkDayRow>,
}

/// Of equal versions the one inserted last stays, as in the engine.
fn newest<K: Ord, R: Clone>(rows: &[R], key: impl Fn(&R) -> K, ver: impl Fn(&R) -> u32) -> BTreeMap<K, R> {
    let mut newest: BTreeMap<K, R> = BTreeMap::new();
    for row in rows {
        let key = key(row);
        if newest.get(&key).is_none_or(|former| ver(former) <= ver(row)) {
            newest.insert(key, row.clone());
        }
    }
    newest
}

impl MemoryTables {
    /// What readers see.
    #[must_use]
    pub fn finals(&self) -> FinalRows {
        FinalRows {
            device_days: newest(&self.device_days, rows::key_of_device_day, |row| row.ver),
            network_days: newest(&self.network_days, rows::key_of_network_day, |row| row.ver),
            school_days: newest(&self.school_days, |row| (row.division, row.school_no, row.day), |row| row.ver),
            school_network_days: newest(
                &self.school_network_days,
                |row| (row.division, row.school_no, row.day),
                |row| row.ver,
            ),
        }
    }

    /// Adds the worker's dirty rows of a level.
    pub fn insert(&mut self, worker: &Worker, level: Level) {
        match level {
            Level::Devices => {
                self.device_days.extend(worker.device_days());
                self.network_days.extend(worker.network_days());
            }
            Level::Schools => {
                self.school_days.extend(worker.school_days());
                self.school_network_days.extend(worker.school_network_days());
            }
        }
    }

    /// Reads what is wanted, after announcing it.
    ///
    /// # Errors
    /// A row that no worker wrote.
    pub fn read(&self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        let finals = self.finals();
        for (key, held) in announcements(finals.device_days.iter().map(|((key, _), row)| (*key, row.ver))) {
            if asks_for(wanted, &key, true) {
                load.activity.announce(key, held.0, held.1);
            }
        }
        for (key, held) in announcements(finals.network_days.iter().map(|((key, _), row)| (*key, row.ver))) {
            if asks_for(wanted, &key, false) {
                load.network.announce(key, held.0, held.1);
            }
        }
        for row in &self.device_days {
            if asks_for(wanted, &rows::key_of_device_day(row).0, true) {
                worker.read_device_day(load, row).map_err(|fault| PortFault::new("read a row", fault))?;
            }
        }
        for row in &self.network_days {
            if asks_for(wanted, &rows::key_of_network_day(row).0, false) {
                worker.read_network_day(load, row).map_err(|fault| PortFault::new("read a row", fault))?;
            }
        }
        Ok(())
    }
}

fn announcements(rows: impl Iterator<Item = (LedgerKey, u32)>) -> BTreeMap<LedgerKey, (usize, u64)> {
    let mut announced: BTreeMap<LedgerKey, (usize, u64)> = BTreeMap::new();
    for (key, ver) in rows {
        let entry = announced.entry(key).or_default();
        *entry = (entry.0 + 1, entry.1 + u64::from(ver));
    }
    announced
}

fn asks_for(wanted: &Wanted, key: &LedgerKey, of_activity: bool) -> bool {
    match wanted {
        Wanted::Days { days, .. } => days.contains(&key.day) && wanted.covers(key),
        Wanted::Ledgers { activity, network } => (if of_activity { activity } else { network }).contains(key),
    }
}

/// Tables that a test and its workers share.
pub type SharedTables = Rc<RefCell<MemoryTables>>;

impl LedgerStore for SharedTables {
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        self.borrow().read(wanted, worker, load)
    }
}

impl RowWriter for SharedTables {
    fn write(&mut self, worker: &Worker, level: Level) -> Result<(), PortFault> {
        self.borrow_mut().insert(worker, level);
        Ok(())
    }
}

/// Where letters go, and the log into which records are sent on.
#[derive(Clone, Debug)]
pub struct MemoryOutlet {
    /// Dead letters.
    pub letters: Rc<RefCell<Vec<DeadRecord>>>,
    /// The log.
    pub log: Rc<RefCell<Partitions>>,
    /// Its partitions.
    pub partitions: u32,
}

impl DeadLetters for MemoryOutlet {
    fn send(&mut self, letters: &[DeadRecord]) -> Result<(), PortFault> {
        self.letters.borrow_mut().extend_from_slice(letters);
        Ok(())
    }

    fn forward(&mut self, records: &mut dyn Iterator<Item = &EventRecord>) -> Result<(), PortFault> {
        records.for_each(|record| self.log.borrow_mut().append(record, self.partitions));
        Ok(())
    }
}
