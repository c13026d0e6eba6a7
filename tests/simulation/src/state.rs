//! Everything outside the processes: the log, the tables, the dead letters, and what goes wrong.

use crate::checks::{Checks, Property};
use crate::controls::{Breakage, Control};
use crate::coverage::{Coverage, Happening};
use crate::facts::{Boot, FIRST_DAY, Registry, records, touches};
use crate::log::{Content, Entry, Group, ProcessId, Topic};
use crate::op::{Edge, Fault};
use crate::tables::{Batch, Tables};
use crate::wire;
use processors::logic::worker::Commit;
use schemas::record::{DeadRecord, EventRecord};
use schemas::time::Day;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// See the module.
#[derive(Debug)]
pub struct State {
    /// Real time since the run began.
    pub now_ms: i64,
    /// Today by the service's clock.
    pub today: Day,
    /// Who belongs where.
    pub registry: Registry,
    /// The log.
    pub topic: Topic,
    /// Its consumer group.
    pub group: Group,
    /// The tables.
    pub tables: Tables,
    /// The dead-letter topic.
    pub letters: Vec<DeadRecord>,
    /// Letters that were sent back, by partition and offset.
    redriven: BTreeSet<(i32, i64)>,
    /// Faults that will strike.
    pub faults: Vec<(ProcessId, Fault)>,
    /// Inserts under way.
    pub in_flight: Vec<Batch>,
    /// How far the replica that loads come from is behind.
    pub lag_ms: i64,
    /// What is broken.
    pub breakage: Breakage,
    /// Properties.
    pub checks: Checks,
    /// What happened.
    pub coverage: Coverage,
    delivered: BTreeSet<(u32, Uuid, u32)>,
    latest: BTreeMap<(u32, Uuid), u32>,
}

impl State {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(control: Option<Control>) -> State {
        State {
            now_ms: 0,
            today: FIRST_DAY,
            registry: Registry::default(),
            topic: Topic::default(),
            group: Group::default(),
            tables: Tables::default(),
            letters: Vec::new(),
            redriven: BTreeSet::new(),
            faults: Vec::new(),
            in_flight: Vec::new(),
            lag_ms: 0,
            breakage: Breakage::of(control),
            checks: Checks::default(),
            coverage: Coverage::default(),
            delivered: BTreeSet::new(),
            latest: BTreeMap::new(),
        }
    }

    /// A fault of a process strikes, if one of these is due.
    pub fn strike(&mut self, process: ProcessId, kinds: &[Fault]) -> Option<Fault> {
        let index = self.faults.iter().position(|(owner, fault)| *owner == process && kinds.contains(fault))?;
        Some(self.faults.remove(index).1)
    }

    /// A device posts.
    pub fn post(&mut self, boot: Boot, numbers: std::ops::Range<u8>, edge: Edge) {
        let records = records(&self.registry, boot, numbers, self.now_ms, self.today);
        if records.len() > 1 {
            self.coverage.count(Happening::Split);
        }
        for record in records {
            self.cover(&record, edge);
            let school_no = record.belonging.school_no;
            let partition = self.breakage.partition_of(school_no, edge == Edge::Blocks);
            let value = wire::encode(&record, edge);
            let content = if edge == Edge::Newer { Content::Newer } else { Content::Events(Box::new(record)) };
            self.topic.append(partition, Entry { key: school_no.to_string().into_bytes(), value, content });
        }
    }

    fn cover(&mut self, record: &EventRecord, edge: Edge) {
        match edge {
            Edge::Ours => {}
            Edge::Blocks => self.coverage.count(Happening::OtherWriter),
            Edge::Newer => self.coverage.count(Happening::NewerSchema),
        }
        let touches = touches(record);
        let oldest = self.today.plus(-1).0 as u16;
        let late = touches.iter().filter(|touch| touch.key.2 < oldest).count();
        self.coverage.add(Happening::LateDay, late as u64);
        for (index, touch) in touches.iter().enumerate() {
            let (boot, seq) = touch.event;
            if touches[..index].iter().any(|other| (other.stream, other.event) == (touch.stream, touch.event)) {
                self.coverage.count(Happening::OverMidnight);
            } else if touch.stream == crate::facts::Stream::Activity {
                let is_new = self.delivered.insert((record.device_no, boot, seq));
                self.coverage.count(if is_new { Happening::Delivered } else { Happening::Duplicated });
                let latest = self.latest.entry((record.device_no, boot)).or_default();
                if is_new && seq < *latest {
                    self.coverage.count(Happening::Reordered);
                }
                *latest = seq.max(*latest);
            }
        }
    }

    /// A record is produced once more.
    pub fn again(&mut self, back: usize) {
        let Some(place) = self.topic.order.len().checked_sub(1 + back) else { return };
        let (partition, offset) = self.topic.order[place];
        let entry = self.topic.partitions[partition][offset].clone();
        if matches!(entry.content, Content::Events(_)) {
            self.coverage.count(Happening::Duplicated);
        }
        self.topic.append(partition, entry);
    }

    /// Bytes that are no record.
    pub fn poison(&mut self, school_no: u32) {
        self.coverage.count(Happening::Poisoned);
        let (key, value) = (school_no.to_string().into_bytes(), b"\x00\x00\x00\x00\x01poison".to_vec());
        self.topic.append(Topic::partition_of(school_no), Entry { key, value, content: Content::Garbage });
    }

    /// Dead letters of the newer schema are sent back by readers that know it; each once.
    pub fn redrive(&mut self) {
        for letter in self.letters.clone() {
            let Some(value) = wire::known(&letter.value) else { continue };
            let Ok(record) = schemas::avro::decode_event_record(&value) else { continue };
            if self.redriven.insert((letter.partition, letter.offset)) {
                self.coverage.count(Happening::Redriven);
                let entry = Entry { key: letter.key, value, content: Content::Events(Box::new(record)) };
                self.topic.append(letter.partition as usize, entry);
            }
        }
    }

    /// An insert arrives late.
    pub fn arrive(&mut self, nth: usize) {
        if !self.in_flight.is_empty() {
            let batch = self.in_flight.remove(nth % self.in_flight.len());
            self.coverage.count(Happening::LateInsert);
            self.apply(batch);
        }
    }

    /// Applies an insert.
    pub fn apply(&mut self, batch: Batch) {
        let suppress = self.breakage.is(Control::DuplicateSuppression);
        self.tables.apply(self.now_ms, batch, suppress);
    }

    /// The coordinator takes a commit of an owner.
    pub fn take_commits(&mut self, commits: &[Commit]) {
        for commit in commits {
            let partition = commit.partition as usize;
            self.group.commits[partition] = Some((commit.offset, commit.rewind_to));
            self.checks.committed(partition, commit.offset as usize, &self.topic, &self.letters);
        }
    }

    /// Everything in the log is committed.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        let partitions = self.topic.partitions.iter().zip(&self.group.commits);
        partitions.into_iter().all(|(entries, commit)| commit.map_or(0, |(offset, _)| offset as usize) == entries.len())
    }

    /// Notes a violation.
    pub fn violated(&mut self, property: Property, what: impl FnOnce() -> String) {
        self.checks.violated(property, what);
    }
}
