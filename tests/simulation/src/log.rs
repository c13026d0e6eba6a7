//! The partitioned log, and the consumer group with eager assignment and static membership.

use processors::logic::partition;
use processors::worker::ports::Assigned;
use schemas::record::EventRecord;
use std::collections::{BTreeMap, VecDeque};

/// Partitions of the topic.
pub const PARTITIONS: u32 = 2;
/// Members of the group.
pub const SLOTS: usize = 2;

/// What a record is to those who know every schema.
#[derive(Clone, Debug)]
pub enum Content {
    /// It can be folded.
    Events(Box<EventRecord>),
    /// It will be, when the workers know its schema.
    Newer,
    /// Nothing.
    Garbage,
}

/// A record of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Key.
    pub key: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
    /// What it is.
    pub content: Content,
}

/// The topic.
#[derive(Debug, Default)]
pub struct Topic {
    /// Records by partition and offset.
    pub partitions: [Vec<Entry>; PARTITIONS as usize],
    /// Where each record went, in the order of their production.
    pub order: Vec<(usize, usize)>,
}

impl Topic {
    /// Where a school's records go.
    #[must_use]
    pub fn partition_of(school_no: u32) -> usize {
        partition::of_school(school_no, PARTITIONS) as usize
    }

    /// Produces a record.
    pub fn append(&mut self, partition: usize, entry: Entry) {
        self.order.push((partition, self.partitions[partition].len()));
        self.partitions[partition].push(entry);
    }
}

/// A process, for ever.
pub type ProcessId = u32;

/// A change of ownership, told at a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These partitions are yours.
    Assign(Vec<usize>),
    /// Give everything back.
    Revoke,
}

/// What the coordinator thinks of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A member.
    Joined,
    /// Taken for dead.
    Lost,
    /// Another process has its identity.
    Fenced,
}

/// A process as a member of the group.
#[derive(Debug)]
pub struct Session {
    slot: usize,
    /// What the coordinator thinks of it.
    pub standing: Standing,
    changes: VecDeque<Change>,
    /// Assigned, and not given back yet.
    held: Vec<usize>,
    /// It was told to give everything back.
    revoked: bool,
    /// Next offset by partition that it reads.
    pub next: BTreeMap<usize, usize>,
    /// Polls until it learns that it is no member any more.
    pub blind: u8,
}

impl Session {
    fn new(slot: usize) -> Session {
        let (changes, held, next) = (VecDeque::new(), Vec::new(), BTreeMap::new());
        Session { slot, standing: Standing::Joined, changes, held, revoked: false, next, blind: 0 }
    }
}

/// The group's coordinator.
#[derive(Debug, Default)]
pub struct Group {
    /// By process.
    pub sessions: BTreeMap<ProcessId, Session>,
    /// What is committed: offset, and where the next owner begins.
    pub commits: [Option<(i64, i64)>; PARTITIONS as usize],
    /// A rebalance is under way, towards this split.
    pending: Option<u8>,
    /// Assignments after a rebalance so far.
    pub rebalances: u64,
    split: u8,
}

impl Group {
    /// A new process joins, or takes the identity of `former` over. If the group is at rest it keeps what that one had.
    pub fn join(&mut self, process: ProcessId, slot: usize, former: Option<ProcessId>) {
        let mut session = Session::new(slot);
        let inherits = former.and_then(|former| self.sessions.get(&former)).filter(|f| f.standing == Standing::Joined);
        let at_rest = self.pending.is_none();
        let inherited = inherits.filter(|_| at_rest).map(|former| former.held.clone());
        if let Some(held) = &inherited {
            session.held.clone_from(held);
            session.changes.push_back(Change::Assign(held.clone()));
        }
        if let Some(former) = former.and_then(|former| self.sessions.get_mut(&former)) {
            former.standing = Standing::Fenced;
            former.held.clear();
        }
        self.sessions.insert(process, session);
        if inherited.is_none() {
            self.rebalance(self.split);
        }
    }

    /// A process is gone for good.
    pub fn forget(&mut self, process: ProcessId) {
        self.sessions.remove(&process);
    }

    /// A process is taken for dead.
    pub fn expire(&mut self, process: ProcessId) {
        let split = self.split;
        if let Some(session) = self.sessions.get_mut(&process).filter(|s| s.standing == Standing::Joined) {
            session.standing = Standing::Lost;
            session.held.clear();
            session.changes.clear();
            self.rebalance(split);
        }
    }

    /// Shares the partitions out anew, as soon as every member has given back what it holds.
    pub fn rebalance(&mut self, split: u8) {
        (self.split, self.pending) = (split, Some(split));
        for session in self.sessions.values_mut().filter(|s| s.standing == Standing::Joined && !s.held.is_empty()) {
            if !std::mem::replace(&mut session.revoked, true) {
                session.changes.push_back(Change::Revoke);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        let mut joined: Vec<&mut Session> =
            self.sessions.values_mut().filter(|session| session.standing == Standing::Joined).collect();
        let Some(split) = self.pending else { return };
        if joined.is_empty() || joined.iter().any(|session| !session.held.is_empty()) {
            return;
        }
        joined.sort_by_key(|session| session.slot);
        let members = joined.len();
        let owner = |partition: usize| usize::from(split >> partition & 1) % members;
        for (index, session) in joined.into_iter().enumerate() {
            session.held = (0..PARTITIONS as usize).filter(|partition| owner(*partition) == index).collect();
            session.changes.push_back(Change::Assign(session.held.clone()));
        }
        self.pending = None;
        self.rebalances += 1;
    }

    /// The next change that a process is told.
    pub fn change(&mut self, process: ProcessId) -> Option<Change> {
        self.sessions.get_mut(&process)?.changes.pop_front()
    }

    /// A revocation, if that is the next change.
    pub fn revocation(&mut self, process: ProcessId) -> bool {
        let Some(session) = self.sessions.get_mut(&process) else { return false };
        let is_next = session.changes.front() == Some(&Change::Revoke);
        if is_next {
            session.changes.pop_front();
        }
        is_next
    }

    /// Nobody waits to be told of a change, and nothing is being shared out.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let is_told = |session: &Session| session.standing == Standing::Joined && session.changes.is_empty();
        self.pending.is_none() && self.sessions.values().all(is_told)
    }

    /// Every member has read what it holds to the end.
    #[must_use]
    pub fn has_read(&self, topic: &Topic) -> bool {
        let is_at_end = |session: &Session| {
            let ends = |partition: &usize| session.next.get(partition) == Some(&topic.partitions[*partition].len());
            session.held.iter().all(ends)
        };
        self.sessions.values().all(is_at_end)
    }

    /// What an owner is told of partitions.
    #[must_use]
    pub fn assigned(&self, partitions: &[usize]) -> Vec<Assigned> {
        let assigned = |partition: &usize| {
            let commit = self.commits[*partition];
            Assigned {
                partition: *partition as i32,
                committed: commit.map(|(offset, _)| offset),
                rewind_to: commit.map(|(_, floor)| floor),
            }
        };
        partitions.iter().map(assigned).collect()
    }

    /// A process gives everything back; one that was taken for dead joins again.
    pub fn release(&mut self, process: ProcessId) {
        let split = self.split;
        let Some(session) = self.sessions.get_mut(&process) else { return };
        session.held.clear();
        session.next.clear();
        session.revoked = false;
        if session.standing == Standing::Lost {
            session.standing = Standing::Joined;
            session.blind = 0;
            self.rebalance(split);
        }
        self.settle();
    }

    /// A process may commit this partition.
    #[must_use]
    pub fn is_owner(&self, process: ProcessId, partition: usize) -> bool {
        let session = self.sessions.get(&process);
        session.is_some_and(|s| s.standing == Standing::Joined && s.held.contains(&partition))
    }
}
