//! The ledger worker's decisions, step by step: stage a batch, say what must be loaded, fold, make rows, say what may
//! be committed. It does nothing by itself; the engine (or a simulation) carries each step out.
//!
//! What a replay does: staging and folding change memory only, and what is in a row already is not folded again. Rows
//! are absolute, so writing them again changes nothing. Only the commit moves the group on, and it comes last.

use super::activity::{ActivityDay, Assertion};
use super::bells::Timetable;
use super::bounds::{Applied, Bounds, OverBound};
use super::names::Names;
use super::network::NetworkDay;
use super::partition;
use super::rewind::History;
use super::rows;
use super::school::{self, LedgerKey};
use super::shelf::{LoadFault, Loaded, Shelf};
use super::summary::{DayRules, Summary};
use super::tally::{StepOutcome, Tally};
use super::touch::Touched;
use schemas::avro::{Streams, decode_event_record_for, encode_event_record};
use schemas::definitions::Definitions;
use schemas::event::{Burst, Heartbeat, Power};
use schemas::record::{DeadRecord, EventRecord};
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};
use schemas::time::Day;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Rows to write in one go; device rows and school rows never together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Table `device_day`.
    pub device_days: Vec<DeviceDayRow>,
    /// Table `network_day`.
    pub network_days: Vec<NetworkDayRow>,
    /// Table `school_day`.
    pub school_days: Vec<SchoolDayRow>,
    /// Table `school_network_day`.
    pub school_network_days: Vec<SchoolNetworkDayRow>,
}

impl Rows {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.device_days.len() + self.network_days.len() + self.school_days.len() + self.school_network_days.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Ledgers that must be read from the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything of these days in these partitions.
    Days {
        /// Days.
        days: Vec<Day>,
        /// Partitions, of `count`.
        partitions: Vec<i32>,
        /// Partitions of the topic.
        count: u32,
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
            Wanted::Days { partitions, count, .. } => partitions.contains(&partition::of_school(key.school_no, *count)),
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
    undecodable: (i64, usize),
    tally: Tally,
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
            undecodable: (0, 0),
            tally: Tally::default(),
        }
    }

    /// Takes partitions over, with nothing in memory.
    pub fn begin(&mut self, begins: &[Begin]) {
        self.clear();
        for begin in begins {
            let history = History::new(self.rules.rewind_ms, begin.from);
            let position =
                Position { committed: begin.committed, folded: begin.from, acknowledged: begin.from, history };
            self.positions.insert(begin.partition, position);
        }
    }

    /// Gives everything up that is not committed.
    pub fn clear(&mut self) {
        self.activity = Shelf::default();
        self.network = Shelf::default();
        self.positions.clear();
        self.abandon_batch();
        self.dead.clear();
    }

    /// Drops what is staged: it will be read again.
    pub fn abandon_batch(&mut self) {
        self.staged.clear();
        self.read.clear();
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

    fn stage_decoded(&mut self, record: &Record<'_>, decoded: EventRecord) -> Result<(), Stop> {
        let school_no = decoded.belonging.school_no;
        let expected = partition::of_school(school_no, self.rules.partitions);
        if expected != record.partition {
            let (partition, offset) = (record.partition, record.offset);
            return Err(Stop::WrongPartition { school_no, partition, expected, offset });
        }
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
        for Staged { record, .. } in &self.staged {
            let events = &record.events;
            for beat in &events.heartbeats {
                self.note_missing(&self.activity, record, Touched::by(beat), &mut activity);
            }
            for power in &events.power {
                self.note_missing(&self.activity, record, Touched::at(power.at_ms), &mut activity);
            }
            for burst in &events.bursts {
                self.note_missing(&self.network, record, Touched::at(burst.at_ms), &mut network);
            }
        }
        for keys in [&mut activity, &mut network] {
            keys.sort_unstable();
            keys.dedup();
        }
        let missing = !activity.is_empty() || !network.is_empty();
        missing.then_some(Wanted::Ledgers { activity, network })
    }

    fn note_missing<L: super::shelf::Ledger>(
        &self,
        shelf: &Shelf<L>,
        record: &EventRecord,
        touched: Touched,
        missing: &mut Vec<LedgerKey>,
    ) {
        for key in keys(record, touched) {
            if missing.last() != Some(&key) && shelf.lacks(&key) {
                missing.push(key);
            }
        }
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
            Wanted::Days { days, .. } => {
                self.activity.install(load.activity, &[], days)?;
                self.network.install(load.network, &[], days)
            }
            Wanted::Ledgers { activity, network } => {
                self.activity.install(load.activity, activity, &[])?;
                self.network.install(load.network, network, &[])
            }
        }
    }

    /// Folds the batch, whose ledgers are all in memory.
    pub fn fold(&mut self, now_ms: i64) {
        let mut staged = std::mem::take(&mut self.staged);
        for one in staged.drain(..) {
            self.fold_record(&one, now_ms);
        }
        self.staged = staged;
        for (partition, next) in std::mem::take(&mut self.read) {
            if let Some(position) = self.positions.get_mut(&partition) {
                position.folded = next;
            }
        }
        debug_assert!(self.tally.balances(), "received = folded + duplicate + dead-lettered + elsewhere + unfolded");
    }

    /// In the order of the type table, then of the post (CONTRACT section 4).
    fn fold_record(&mut self, staged: &Staged, now_ms: i64) {
        let replay = self.is_replay(staged.partition, staged.offset);
        let events = &staged.record.events;
        for beat in &events.heartbeats {
            let outcome = self.fold_activity(staged, &heard(&staged.record, beat), Touched::by(beat), replay, now_ms);
            self.tally.count(outcome);
        }
        for power in &events.power {
            let touched = Touched::at(power.at_ms);
            let outcome = self.fold_activity(staged, &switched(&staged.record, power), touched, replay, now_ms);
            self.tally.count(outcome);
        }
        for burst in &events.bursts {
            let outcome = self.fold_burst(staged, burst, replay, now_ms);
            self.tally.count(outcome);
        }
        events.bandwidth.iter().for_each(|_| self.tally.count(StepOutcome::Unfolded));
    }

    fn fold_activity(
        &mut self,
        staged: &Staged,
        event: &Assertion<'_>,
        touched: Touched,
        replay: bool,
        now_ms: i64,
    ) -> StepOutcome {
        let record = &staged.record;
        let stamps = (record.belonging.class_no, record.belonging.in_service);
        let mut outcome = StepOutcome::Elsewhere;
        for key in keys(record, touched) {
            let (names, bounds) = (&mut self.names, &self.rules.bounds);
            let applied = self.activity.with(key, record.device_no, stamps, |ledger| {
                let applied = ledger.apply(event, key.day, names, bounds);
                (applied, dirties(applied, replay))
            });
            outcome = outcome.or(applied);
            if let Applied::OverBound(bound) = applied {
                self.bury(staged, key.day, ("activity", event.seq), bound, replay, now_ms);
            }
        }
        outcome
    }

    fn fold_burst(&mut self, staged: &Staged, burst: &Burst, replay: bool, now_ms: i64) -> StepOutcome {
        let record = &staged.record;
        let stamps = (record.belonging.class_no, record.belonging.in_service);
        let mut outcome = StepOutcome::Elsewhere;
        for key in keys(record, Touched::at(burst.at_ms)) {
            let Rules { definitions, bounds, .. } = &self.rules;
            let applied = self.network.with(key, record.device_no, stamps, |ledger| {
                let applied = ledger.apply(record.boot_id, burst, record.received_at_ms, definitions, bounds);
                (applied, dirties(applied, replay))
            });
            outcome = outcome.or(applied);
            if let Applied::OverBound(bound) = applied {
                self.bury(staged, key.day, ("network", burst.seq), bound, replay, now_ms);
            }
        }
        outcome
    }

    fn bury(&mut self, staged: &Staged, day: Day, event: (&str, u32), bound: OverBound, replay: bool, now_ms: i64) {
        if replay {
            return;
        }
        let record = &staged.record;
        let detail =
            format!("{bound}: device {}, {day}, {} {} of boot {}", record.device_no, event.0, event.1, record.boot_id);
        let letter = self.letter(staged.partition, staged.offset, "over_bound", detail, now_ms);
        let mut value = Vec::new();
        encode_event_record(record, &mut value);
        self.dead.push(DeadRecord { key: record.belonging.school_no.to_string().into_bytes(), value, ..letter });
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

    /// The dirty device rows.
    #[must_use]
    pub fn device_rows(&self) -> Rows {
        let (definitions, mut summary) = (&self.rules.definitions, Summary::default());
        let mut rows = Rows::default();
        rows.device_days.reserve(self.activity.dirty_rows());
        for (key, school) in self.activity.dirty() {
            let rules = self.day_rules(key);
            let row = |(no, ledger)| rows::device_day(key, no, ledger, &rules, &mut summary);
            rows.device_days.extend(school.dirty_devices().map(row));
        }
        rows.network_days.reserve(self.network.dirty_rows());
        for (key, school) in self.network.dirty() {
            let row = |(no, ledger)| rows::network_day(key, no, ledger, definitions);
            rows.network_days.extend(school.dirty_devices().map(row));
        }
        rows
    }

    /// The rows of the dirty schools, to be written when their device rows were acknowledged.
    #[must_use]
    pub fn school_rows(&self) -> Rows {
        let activity = self.activity.dirty();
        let network = self.network.dirty();
        let definitions = &self.rules.definitions;
        Rows {
            school_days: activity
                .map(|(key, school)| school::activity_row(key, school.devices(), &self.day_rules(key)))
                .collect(),
            school_network_days: network
                .map(|(key, school)| school::network_row(key, school.devices(), definitions))
                .collect(),
            ..Rows::default()
        }
    }

    fn day_rules(&self, key: LedgerKey) -> DayRules<'_> {
        let definitions = &self.rules.definitions;
        DayRules { definitions, lessons: self.timetable.lessons(key.school_no, &definitions.bells, key.day) }
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

    /// Forgets what was evicted: only for the negative control of precondition P2.
    #[cfg(test)]
    pub fn forget_evicted(&mut self) {
        self.activity.forget_evicted();
        self.network.forget_evicted();
    }
}

/// P3: touched is dirty, changed or not; below the committed offset only what is changed is.
fn dirties(applied: Applied, replay: bool) -> bool {
    !replay || applied == Applied::Folded
}

fn keys(record: &EventRecord, touched: Touched) -> impl Iterator<Item = LedgerKey> {
    let belonging = record.belonging;
    let key = move |day| LedgerKey { division: belonging.division, school_no: belonging.school_no, day };
    touched.within(belonging.from_day, belonging.until_day).map(key)
}

fn heard<'a>(record: &EventRecord, beat: &'a Heartbeat) -> Assertion<'a> {
    Assertion {
        boot: record.boot_id,
        seq: beat.seq,
        at_ms: beat.at_ms,
        received_at_ms: record.received_at_ms,
        on: &beat.on,
        active: &beat.active,
        apps: &beat.apps,
    }
}

fn switched<'a>(record: &EventRecord, power: &Power) -> Assertion<'a> {
    Assertion {
        boot: record.boot_id,
        seq: power.seq,
        at_ms: power.at_ms,
        received_at_ms: record.received_at_ms,
        on: &[],
        active: &[],
        apps: &[],
    }
}
