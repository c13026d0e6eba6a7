//! The partitioned log, and the consumer group with cooperative assignment and static membership: a change of ownership
//! names the partitions that move, and a partition has a new owner only after the former one has let go of it.

use processors::logic::partition;
use processors::worker::ports::Assigned;
use schemas::record::EventRecord;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Partitions of the topic.
pub const PARTITIONS: u32 = 3;
/// Members of the group at first.
pub const SLOTS: usize = 2;
/// Members of the group at most.
pub const MAX_SLOTS: usize = 3;

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
    /// These partitions are yours, too.
    Assign(Vec<usize>),
    /// Give these back.
    Revoke(Vec<usize>),
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
    /// Its partitions, as the coordinator sees it.
    held: Vec<usize>,
    /// Those of them that it was told to give back.
    leaving: BTreeSet<usize>,
    /// The partitions that it takes for its own.
    told: BTreeSet<usize>,
    /// Next offset by partition that it reads.
    pub next: BTreeMap<usize, usize>,
    /// Polls until it learns that it is no member any more.
    pub blind: u8,
}

impl Session {
    fn new(slot: usize) -> Session {
        Session {
            slot,
            standing: Standing::Joined,
            changes: VecDeque::new(),
            held: Vec::new(),
            leaving: BTreeSet::new(),
            told: BTreeSet::new(),
            next: BTreeMap::new(),
            blind: 0,
        }
    }
}

/// The group's coordinator.
#[derive(Debug, Default)]
pub struct Group {
    /// By process.
    pub sessions: BTreeMap<ProcessId, Session>,
    /// What is committed: offset, and where the next owner begins.
    pub commits: [Option<(i64, i64)>; PARTITIONS as usize],
    /// Rebalances so far.
    pub rebalances: u64,
    /// Partitions that members gave back while they kept others.
    pub partial: u64,
    /// Who is to have which partition: two bits each.
    split: u8,
}

impl Group {
    /// A new process joins, or takes the identity of `former` over. If the group is at rest it keeps what that one had.
    pub fn join(&mut self, process: ProcessId, slot: usize, former: Option<ProcessId>) {
        let mut session = Session::new(slot);
        let at_rest = self.sessions.values().all(|session| session.leaving.is_empty());
        let mut inherits = false;
        if let Some(former) = former.and_then(|former| self.sessions.get_mut(&former)) {
            inherits = at_rest && former.standing == Standing::Joined;
            former.standing = Standing::Fenced;
            former.leaving.clear();
            let held = std::mem::take(&mut former.held);
            if inherits {
                session.changes.push_back(Change::Assign(held.clone()));
                session.held = held;
            }
        }
        self.sessions.insert(process, session);
        if !inherits {
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
            session.leaving.clear();
            session.changes.clear();
            self.rebalance(split);
        }
    }

    /// Shares the partitions out anew: members are told to give back what is to be another's, and keep the rest.
    pub fn rebalance(&mut self, split: u8) {
        self.split = split;
        self.rebalances += 1;
        let owners = self.owners();
        for (process, session) in self.sessions.iter_mut().filter(|(_, s)| s.standing == Standing::Joined) {
            let is_others = |partition: &&usize| owners[**partition] != Some(*process);
            let leaving: Vec<usize> =
                session.held.iter().filter(is_others).filter(|p| !session.leaving.contains(p)).copied().collect();
            if !leaving.is_empty() {
                self.partial += u64::from(leaving.len() + session.leaving.len() < session.held.len());
                session.leaving.extend(&leaving);
                session.changes.push_back(Change::Revoke(leaving));
            }
        }
        self.settle(&owners);
    }

    /// By partition: who is to have it.
    fn owners(&self) -> [Option<ProcessId>; PARTITIONS as usize] {
        let joined = self.sessions.iter().filter(|(_, session)| session.standing == Standing::Joined);
        let mut joined: Vec<_> = joined.map(|(process, session)| (session.slot, *process)).collect();
        joined.sort_unstable();
        let owner = |partition: usize| {
            let wish = usize::from(self.split >> (2 * partition) & 3);
            joined.get(wish % joined.len().max(1)).map(|(_, process)| *process)
        };
        std::array::from_fn(owner)
    }

    /// Gives what nobody holds to those who are to have it. A member that gets nothing is told so, as in Kafka.
    fn settle(&mut self, owners: &[Option<ProcessId>; PARTITIONS as usize]) {
        let is_held = |partition: &usize| self.sessions.values().any(|session| session.held.contains(partition));
        let free: Vec<usize> = (0..PARTITIONS as usize).filter(|partition| !is_held(partition)).collect();
        for (process, session) in self.sessions.iter_mut().filter(|(_, s)| s.standing == Standing::Joined) {
            let own = |partition: &&usize| owners[**partition] == Some(*process);
            let added: Vec<usize> = free.iter().filter(own).copied().collect();
            session.held.extend(&added);
            session.changes.push_back(Change::Assign(added));
        }
    }

    /// The next change that a process is told.
    pub fn change(&mut self, process: ProcessId) -> Option<Change> {
        let session = self.sessions.get_mut(&process)?;
        let change = session.changes.pop_front()?;
        if let Change::Assign(partitions) = &change {
            session.told.extend(partitions);
        }
        Some(change)
    }

    /// A revocation, if that is the next change.
    pub fn revocation(&mut self, process: ProcessId) -> Option<Vec<usize>> {
        let session = self.sessions.get_mut(&process)?;
        match session.changes.pop_front_if(|change| matches!(change, Change::Revoke(_)))? {
            Change::Revoke(partitions) | Change::Assign(partitions) => Some(partitions),
        }
    }

    /// Nobody waits to be told of a change, and every partition has an owner.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let is_settled = |session: &Session| {
            session.standing == Standing::Joined && session.changes.is_empty() && session.leaving.is_empty()
        };
        let held: usize = self.sessions.values().map(|session| session.held.len()).sum();
        held == PARTITIONS as usize && self.sessions.values().all(is_settled)
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

    /// A process gives partitions back; one that was taken for dead joins again when it has given up everything.
    pub fn release(&mut self, process: ProcessId, partitions: &[usize]) {
        let Some(session) = self.sessions.get_mut(&process) else { return };
        session.held.retain(|partition| !partitions.contains(partition));
        session.next.retain(|partition, _| !partitions.contains(partition));
        session.told.retain(|partition| !partitions.contains(partition));
        session.leaving.retain(|partition| !partitions.contains(partition));
        if session.standing == Standing::Lost && session.told.is_empty() {
            session.standing = Standing::Joined;
            session.blind = 0;
            self.rebalance(self.split);
        } else {
            self.settle(&self.owners());
        }
    }

    /// What a process takes for its own.
    #[must_use]
    pub fn told(&self, process: ProcessId) -> Vec<i32> {
        let told = self.sessions.get(&process).map(|session| &session.told);
        told.into_iter().flatten().map(|partition| *partition as i32).collect()
    }

    /// A process may commit this partition.
    #[must_use]
    pub fn is_owner(&self, process: ProcessId, partition: usize) -> bool {
        let session = self.sessions.get(&process);
        session.is_some_and(|s| s.standing == Standing::Joined && s.held.contains(&partition))
    }
}
