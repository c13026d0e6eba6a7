//! The ledger worker's decisions, step by step: stage a batch, say what must be loaded, fold, make rows, say what may
//! be committed. It does nothing by itself; the engine (or a simulation) carries each step out.
//!
//! What a replay does: staging and folding change memory only, and what is in a row already is not folded again. Rows
//! are absolute, so writing them again changes nothing. Only the commit moves the group on, and it comes last.

use super::activity::ActivityDay;
use super::bells::Timetable;
use super::names::Names;
use super::network::NetworkDay;
use super::partition;
use super::rewind::History;
use super::rows;
use super::school::LedgerKey;
use super::shelf::{Ledger, LoadFault, Shelf};
use super::tally::Tally;
use super::touch::Touched;
use schemas::avro::{Streams, decode_event_record_for};
use schemas::record::{Belonging, DeadRecord, EventRecord};
use schemas::rows::{DeviceDayRow, NetworkDayRow};
use schemas::time::Day;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Position {
    committed: i64,
    folded: i64,
    acknowledged: i64,
    history: History,
}

struct Staged {
    partition: i32,
    offset: i64,
    record: EventRecord,
}

mod folding;
mod owning;
mod steps;
mod writing;

pub use steps::{Begin, Commit, Load, Record, Rules, Stop, Wanted};

/// See the module.
pub struct Worker {
    rules: Rules,
    timetable: Arc<Timetable>,
    names: Names,
    activity: Shelf<ActivityDay>,
    network: Shelf<NetworkDay>,
    positions: BTreeMap<i32, Position>,
    staged: Vec<Staged>,
    /// Per partition: offset after the last staged record.
    read: BTreeMap<i32, i64>,
    dead: Vec<DeadRecord>,
    /// By partition that they came from: events of days that a correction put elsewhere.
    forwards: Vec<(i32, EventRecord)>,
    undecodable: (i64, usize),
    tally: Tally,
    /// The days that are folded: first, and day after the last.
    days: (Day, Day),
}

/// Streams that the ledgers fold.
const STREAMS: Streams = Streams { activity: true, network: true, device: false, resource: false };

impl Worker {
    /// A worker that owns nothing yet.
    #[must_use]
    pub fn new(rules: Rules) -> Worker {
        Worker {
            rules,
            timetable: Arc::default(),
            names: Names::default(),
            activity: Shelf::default(),
            network: Shelf::default(),
            positions: BTreeMap::new(),
            staged: Vec::new(),
            read: BTreeMap::new(),
            dead: Vec::new(),
            forwards: Vec::new(),
            undecodable: (0, 0),
            tally: Tally::default(),
            days: (Day::FIRST, Day::OPEN),
        }
    }

    /// Folds only these days from now on: first, and day after the last. For rebuilds of a part.
    pub fn keep_days(&mut self, days: (Day, Day)) {
        self.days = days;
    }

    /// Bells from now on; those of past days never change.
    pub fn set_timetable(&mut self, timetable: Arc<Timetable>) {
        self.timetable = timetable;
    }

    /// Decodes a record and puts it into the batch; what cannot be decoded becomes a dead letter.
    ///
    /// # Errors
    /// The worker must stop.
    pub fn stage(&mut self, record: Record<'_>, now_ms: i64) -> Result<(), Stop> {
        if !self.positions.contains_key(&record.partition) {
            return Ok(());
        }
        self.read.insert(record.partition, record.offset + 1);
        match decode_event_record_for(record.value, STREAMS) {
            Ok(decoded) => self.stage_decoded(&record, decoded),
            Err(error) => self.bury_undecodable(&record, &error, now_ms),
        }
    }

    fn stage_decoded(&mut self, record: &Record<'_>, mut decoded: EventRecord) -> Result<(), Stop> {
        let school_no = decoded.belonging.school_no;
        let expected = partition::of_school(school_no, self.rules.partitions);
        if expected != record.partition {
            let (partition, offset) = (record.partition, record.offset);
            return Err(Stop::WrongPartition { school_no, partition, expected, offset });
        }
        let Belonging { from_day, until_day, .. } = &mut decoded.belonging;
        (*from_day, *until_day) = ((*from_day).max(self.days.0), (*until_day).min(self.days.1));
        self.staged.push(Staged { partition: record.partition, offset: record.offset, record: decoded });
        Ok(())
    }

    fn bury_undecodable(
        &mut self,
        record: &Record<'_>,
        error: &schemas::avro::CodecError,
        now_ms: i64,
    ) -> Result<(), Stop> {
        self.tally.undecodable += 1;
        if now_ms - self.undecodable.0 > 60_000 {
            self.undecodable = (now_ms, 0);
        }
        self.undecodable.1 += 1;
        if self.undecodable.1 > self.rules.breaker {
            return Err(Stop::Breaker(self.undecodable.1));
        }
        if !self.is_replay(record.partition, record.offset) {
            let letter = self.letter(record.partition, record.offset, "undecodable", error.to_string(), now_ms);
            self.dead.push(DeadRecord { key: record.key.to_vec(), value: record.value.to_vec(), ..letter });
        }
        Ok(())
    }

    fn letter(&self, partition: i32, offset: i64, reason: &str, detail: String, at_ms: i64) -> DeadRecord {
        let (topic, group) = (self.rules.topic.clone(), self.rules.group.clone());
        let reason = reason.to_owned();
        DeadRecord { topic, partition, offset, group, reason, detail, at_ms, key: Vec::new(), value: Vec::new() }
    }

    /// The record was committed by a former owner, and is read again for the rows that its load may have missed.
    fn is_replay(&self, partition: i32, offset: i64) -> bool {
        self.positions.get(&partition).is_some_and(|position| offset < position.committed)
    }

    /// Records in the batch.
    #[must_use]
    pub fn staged(&self) -> usize {
        self.staged.len()
    }

    /// Ledgers that the batch touches and that are not in memory.
    #[must_use]
    pub fn missing(&self) -> Option<Wanted> {
        let (mut activity, mut network) = (Vec::new(), Vec::new());
        for staged in &self.staged {
            let events = &staged.record.events;
            for beat in &events.heartbeats {
                note_missing(&self.activity, staged, Touched::by(beat), &mut activity);
            }
            for power in &events.power {
                note_missing(&self.activity, staged, Touched::at(power.at_ms), &mut activity);
            }
            for burst in &events.bursts {
                note_missing(&self.network, staged, Touched::at(burst.at_ms), &mut network);
            }
            for key in marked(&staged.record) {
                activity.extend(Some(key).filter(|key| self.activity.lacks(key, staged.partition)));
                network.extend(Some(key).filter(|key| self.network.lacks(key, staged.partition)));
            }
        }
        for keys in [&mut activity, &mut network] {
            keys.sort_unstable();
            keys.dedup();
        }
        let missing = !activity.is_empty() || !network.is_empty();
        missing.then_some(Wanted::Ledgers { activity, network })
    }

    /// Keeps a row of a load if it is the newest version so far.
    ///
    /// # Errors
    /// No worker wrote this row.
    pub fn read_device_day(&mut self, load: &mut Load, row: &DeviceDayRow) -> Result<(), rows::RowFault> {
        let (key, device_no) = rows::key_of_device_day(row);
        if !load.activity.is_old(&key, device_no, row.ver) {
            load.activity.put(key, device_no, rows::activity_day(row, &mut self.names)?);
        }
        Ok(())
    }

    /// The same for the other stream.
    ///
    /// # Errors
    /// No worker wrote this row.
    pub fn read_network_day(&mut self, load: &mut Load, row: &NetworkDayRow) -> Result<(), rows::RowFault> {
        let (key, device_no) = rows::key_of_network_day(row);
        if !load.network.is_old(&key, device_no, row.ver) {
            load.network.put(key, device_no, rows::network_ledger(row)?);
        }
        Ok(())
    }

    /// Takes a load over.
    ///
    /// # Errors
    /// It was cut or is stale: load again.
    pub fn install(&mut self, load: Load, wanted: &Wanted) -> Result<(), LoadFault> {
        match wanted {
            Wanted::Days { days, share } => {
                let whole: Vec<_> =
                    share.partitions().iter().flat_map(|partition| days.iter().map(|day| (*partition, *day))).collect();
                self.activity.install(load.activity, &[], &whole)?;
                self.network.install(load.network, &[], &whole)
            }
            Wanted::Ledgers { activity, network } => {
                self.activity.install(load.activity, activity, &[])?;
                self.network.install(load.network, network, &[])
            }
        }
    }

    /// Something waits to be written or committed.
    #[must_use]
    pub fn has_progress(&self) -> bool {
        self.dirty_rows() > 0 || self.positions.values().any(|position| position.folded > position.acknowledged)
    }

    /// Device rows to write.
    #[must_use]
    pub fn dirty_rows(&self) -> usize {
        self.activity.dirty_rows() + self.network.dirty_rows()
    }

    /// Dead letters to send before the commit.
    #[must_use]
    pub fn dead_letters(&self) -> &[DeadRecord] {
        &self.dead
    }

    /// They were sent.
    pub fn dead_letters_sent(&mut self) {
        self.tally.dead_letters += self.dead.len() as u64;
        self.dead.clear();
    }

    /// Events to send on to the logs of the schools where they belong, before the commit.
    pub fn forwards(&self) -> impl Iterator<Item = &EventRecord> {
        self.forwards.iter().map(|(_, record)| record)
    }

    /// They were sent.
    pub fn forwarded(&mut self) {
        self.forwards.clear();
    }

    /// All rows were acknowledged: they are clean, and what was folded may be committed.
    pub fn acknowledge(&mut self, now_ms: i64) -> Vec<Commit> {
        self.activity.acknowledge();
        self.network.acknowledge();
        let mut commits = Vec::new();
        for (partition, position) in &mut self.positions {
            let offset = position.folded;
            // While the rewound part is read again, the group's position stays where it is.
            if offset > position.acknowledged && offset > position.committed {
                commits.push(Commit {
                    partition: *partition,
                    offset,
                    rewind_to: position.history.commit(now_ms, offset),
                });
            }
            position.acknowledged = offset;
        }
        commits
    }

    /// Evicts clean ledgers beyond `budget` bytes; `oldest` is the first day whose events are still accepted.
    pub fn evict(&mut self, budget: usize, oldest: Day) {
        let total = self.bytes();
        if total > budget {
            let share = |bytes: usize| (bytes as u128 * budget as u128 / total.max(1) as u128) as usize;
            let (activity, network) = (share(self.activity.bytes()), share(self.network.bytes()));
            let evicted = self.activity.evict(activity) + self.network.evict(network);
            self.tally.evicted += evicted as u64;
            self.activity.forget_before(oldest);
            self.network.forget_before(oldest);
        }
    }

    /// Bytes of all ledgers.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.activity.bytes() + self.network.bytes()
    }

    /// Ledgers of stream activity.
    #[must_use]
    pub const fn activity(&self) -> &Shelf<ActivityDay> {
        &self.activity
    }

    /// Ledgers of stream network.
    #[must_use]
    pub const fn network(&self) -> &Shelf<NetworkDay> {
        &self.network
    }

    /// What became of the events so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What it goes by.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Forgets what was evicted, as a worker without that check would: for negative controls of precondition P2.
    pub fn forget_evicted(&mut self) {
        self.activity.forget_evicted();
        self.network.forget_evicted();
    }
}

fn note_missing<L: Ledger>(shelf: &Shelf<L>, staged: &Staged, touched: Touched, missing: &mut Vec<LedgerKey>) {
    for key in keys(&staged.record, touched) {
        if missing.last() != Some(&key) && shelf.lacks(&key, staged.partition) {
            missing.push(key);
        }
    }
}

/// The ledgers that a record tells of a correction.
fn marked(record: &EventRecord) -> impl Iterator<Item = LedgerKey> + use<> {
    let Belonging { division, school_no, from_day, until_day, .. } = record.belonging;
    let days =
        if record.correction.is_some_and(|correction| correction.marker) { from_day.0..until_day.0 } else { 0..0 };
    days.map(move |day| LedgerKey { division, school_no, day: Day(day) })
}

fn keys(record: &EventRecord, touched: Touched) -> impl Iterator<Item = LedgerKey> {
    let belonging = record.belonging;
    let key = move |day| LedgerKey { division: belonging.division, school_no: belonging.school_no, day };
    touched.within(belonging.from_day, belonging.until_day).map(key)
}
