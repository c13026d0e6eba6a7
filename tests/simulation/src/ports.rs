//! The worker's ports onto the simulated world.

use crate::checks::TableNo;
use crate::controls::Control;
use crate::coverage::Happening;
use crate::log::{Change, Content, Entry, ProcessId, Standing, Topic};
use crate::op::Fault;
use crate::state::State;
use crate::table::{Row, Table, Versioned, newest};
use processors::logic::rows::{key_of_device_day, key_of_network_day};
use processors::logic::school::LedgerKey;
use processors::logic::shelf::{Ledger, Loaded};
use processors::logic::worker::{Commit, Load, Record, Wanted, Worker};
use processors::worker::ports::{Appetite, DeadLetters, LedgerStore, Level, Log, Polled, PortFault, RowWriter};
use schemas::avro::encode_event_record;
use schemas::record::{DeadRecord, EventRecord};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A process's access to the world.
#[derive(Clone, Debug)]
pub struct Port {
    state: Rc<RefCell<State>>,
    process: ProcessId,
}

fn fault(what: &'static str) -> PortFault {
    PortFault::new(what, "simulated")
}

fn fatal(what: &'static str) -> PortFault {
    PortFault { fatal: true, ..fault(what) }
}

fn numbers(partitions: &[usize]) -> Vec<i32> {
    partitions.iter().map(|partition| *partition as i32).collect()
}

impl Port {
    /// The ports of a process.
    #[must_use]
    pub const fn new(state: Rc<RefCell<State>>, process: ProcessId) -> Port {
        Port { state, process }
    }

    /// What a process is told that is no member any more; `None`: it still has records that it fetched before.
    fn told_off(&self) -> Option<Result<Polled, PortFault>> {
        let mut state = self.state.borrow_mut();
        let told = state.group.told(self.process);
        let session = state.group.sessions.get_mut(&self.process)?;
        if session.standing == Standing::Joined {
            return None;
        }
        if session.blind > 0 {
            session.blind -= 1;
            return None;
        }
        if session.standing != Standing::Lost {
            return Some(Err(fatal("stay in the group")));
        }
        state.breakage.loses(self.process, &told);
        Some(Ok(Polled::Lost(told)))
    }

    fn change(&self) -> Option<Polled> {
        let mut state = self.state.borrow_mut();
        match state.group.change(self.process)? {
            Change::Revoke(partitions) if state.breakage.is(Control::KeepsGivenUp) => {
                state.breakage.keep(self.process, &partitions);
                state.group.release(self.process, &partitions);
                None
            }
            Change::Revoke(partitions) => Some(Polled::Revoked(numbers(&partitions))),
            Change::Assign(partitions) => {
                let partitions = self.without_kept(&mut state, partitions);
                let mut assigned = state.group.assigned(&partitions);
                for one in &mut assigned {
                    one.rewind_to = state.breakage.rewind_to(one.rewind_to, one.committed);
                }
                state.checks.assigned(self.process, &partitions);
                state.breakage.assigned(self.process, &partitions);
                Some(Polled::Assigned(assigned))
            }
        }
    }

    /// Under [`Control::KeepsGivenUp`], partitions that come back are read on without a word to the worker.
    fn without_kept(&self, state: &mut State, partitions: Vec<usize>) -> Vec<usize> {
        let State { breakage, group, .. } = state;
        let (kept, new): (Vec<_>, Vec<_>) =
            partitions.into_iter().partition(|partition| breakage.has_kept(self.process, *partition));
        for assigned in group.assigned(&kept) {
            let from = assigned.rewind_to.or(assigned.committed).unwrap_or(0) as usize;
            if let Some(session) = group.sessions.get_mut(&self.process) {
                session.next.insert(assigned.partition as usize, from);
            }
        }
        new
    }

    fn read(&self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> usize {
        let mut state = self.state.borrow_mut();
        let State { group, topic, coverage, .. } = &mut *state;
        let Some(session) = group.sessions.get_mut(&self.process) else { return 0 };
        let mut records = 0;
        for (partition, next) in &mut session.next {
            let committed = group.commits[*partition].map_or(0, |(offset, _)| offset as usize);
            let entries = topic.partitions[*partition].iter().skip(*next).take(appetite.records - records);
            for entry in entries {
                let (key, value) = (entry.key.as_slice(), entry.value.as_slice());
                each(Record { partition: *partition as i32, offset: *next as i64, key, value });
                coverage.add(Happening::Replayed, u64::from(*next < committed));
                *next += 1;
                records += 1;
            }
        }
        records
    }

    fn strike(&self, kinds: &[Fault], happening: Happening) -> bool {
        let mut state = self.state.borrow_mut();
        let strikes = state.strike(self.process, kinds).is_some();
        if strikes {
            state.coverage.count(happening);
        }
        strikes
    }
}

impl Log for Port {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        if self.strike(&[Fault::Poll], Happening::PollFailed) {
            return Err(fault("read the log"));
        }
        if let Some(told_off) = self.told_off() {
            return told_off;
        }
        if let Some(change) = self.change() {
            return Ok(change);
        }
        Ok(Polled::Records(self.read(appetite, each)))
    }

    fn is_behind(&self) -> bool {
        let state = self.state.borrow();
        let session = state.group.sessions.get(&self.process);
        let is_far = |(partition, next): (&usize, &usize)| next + 8 < state.topic.partitions[*partition].len();
        session.is_some_and(|session| session.next.iter().any(is_far))
    }

    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault> {
        if let Some(session) = self.state.borrow_mut().group.sessions.get_mut(&self.process) {
            session.next.extend(from.iter().map(|(partition, offset)| (*partition as usize, *offset as usize)));
        }
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        if let Some(told_off) = self.told_off() {
            return told_off.map(Some);
        }
        let revoked = self.state.borrow_mut().group.revocation(self.process);
        if let Some(partitions) = &revoked {
            self.state.borrow_mut().coverage.count(Happening::RevokedInFault);
            return Ok(Some(Polled::Revoked(numbers(partitions))));
        }
        Ok(None)
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), PortFault> {
        if self.strike(&[Fault::Commit], Happening::CommitFailed) {
            return Err(fault("commit"));
        }
        let lost = self.strike(&[Fault::LostCommit], Happening::LostCommit);
        let mut state = self.state.borrow_mut();
        if state.breakage.is(Control::KeepsGivenUp) {
            let own = |commit: &&Commit| state.group.is_owner(self.process, commit.partition as usize);
            let commits: Vec<_> = commits.iter().filter(own).copied().collect();
            state.take_commits(&commits);
            return Ok(());
        }
        if !commits.iter().all(|commit| state.group.is_owner(self.process, commit.partition as usize)) {
            state.coverage.count(Happening::FencedCommit);
            let standing = state.group.sessions.get(&self.process).map(|session| session.standing);
            return Err(if standing == Some(Standing::Fenced) { fatal("commit") } else { fault("commit") });
        }
        state.take_commits(commits);
        if lost { Err(fault("commit")) } else { Ok(()) }
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault> {
        let partitions: Vec<usize> = partitions.iter().map(|partition| *partition as usize).collect();
        self.state.borrow_mut().group.release(self.process, &partitions);
        Ok(())
    }
}

/// The rows that a replica shows, which may lag: any number of versions of each.
fn visible<R: Row>(
    state: &mut State,
    table: impl Fn(&State) -> &Table<R>,
    is_asked: impl Fn(&R) -> bool,
) -> Vec<Versioned<R>> {
    let is_asked = |(_, row): &&Versioned<R>| is_asked(row);
    let rows: Vec<_> = table(state).rows().filter(is_asked).cloned().collect();
    if state.lag_ms == 0 {
        return rows;
    }
    let until_ms = state.now_ms - state.lag_ms;
    let lagging: Vec<_> = table(state).rows_until(until_ms).filter(is_asked).cloned().collect();
    let misses = newest(rows.iter()) != newest(lagging.iter());
    state.coverage.add(Happening::LaggingLoad, u64::from(misses));
    lagging
}

fn announce<R: Row, L: Ledger>(rows: &[Versioned<R>], key: fn(&R) -> (LedgerKey, u32), loaded: &mut Loaded<L>) {
    let mut sums: BTreeMap<LedgerKey, (usize, u64)> = BTreeMap::new();
    for (_, row) in rows {
        let sum = sums.entry(key(row).0).or_default();
        *sum = (sum.0 + 1, sum.1 + u64::from(row.ver()));
    }
    sums.into_iter().for_each(|(key, (devices, ver))| loaded.announce(key, devices, ver));
}

/// What a load is to bring of a table.
struct Asked<'a> {
    wanted: &'a Wanted,
    keys: &'a [LedgerKey],
}

impl Asked<'_> {
    fn is_for(&self, key: &LedgerKey) -> bool {
        match self.wanted {
            Wanted::Days { days, .. } => days.contains(&key.day) && self.wanted.covers(key),
            Wanted::Ledgers { .. } => self.keys.contains(key),
        }
    }
}

impl Port {
    /// The rows of a table that a load brings, announced. If it is cut, the last one is missing.
    fn found<R: Row, L: Ledger>(
        &self,
        table: impl Fn(&State) -> &Table<R>,
        asked: &Asked<'_>,
        key: fn(&R) -> (LedgerKey, u32),
        loaded: &mut Loaded<L>,
    ) -> Vec<Versioned<R>> {
        let mut state = self.state.borrow_mut();
        let mut rows = visible(&mut state, table, |row| asked.is_for(&key(row).0));
        let whole: Vec<_> = newest(rows.iter()).into_values().collect();
        let cut = !rows.is_empty() && state.strike(self.process, &[Fault::CutLoad]).is_some();
        // Any number of versions may come; the worker knows the newest by its `ver`, unless a control has broken that.
        if cut || !state.breakage.ver_is_version() {
            rows.clone_from(&whole);
        }
        if cut {
            rows.pop();
            state.coverage.count(Happening::CutLoad);
        }
        let is_believed = cut && state.breakage.is(Control::CutReload);
        announce(if is_believed { &rows } else { &whole }, key, loaded);
        rows
    }

    fn note_read<R: Row>(&self, table: TableNo, row: &Versioned<R>) {
        self.state.borrow_mut().breakage.read(self.process, table, row);
    }
}

impl LedgerStore for Port {
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        if self.strike(&[Fault::Load], Happening::LoadFailed) {
            return Err(fault("read ledgers"));
        }
        let (activity, network): (&[_], &[_]) = match wanted {
            Wanted::Days { .. } => (&[], &[]),
            Wanted::Ledgers { activity, network } => (activity, network),
        };
        let asked = Asked { wanted, keys: activity };
        let rows = self.found(|state| &state.tables.device_days, &asked, key_of_device_day, &mut load.activity);
        for row in &rows {
            self.note_read(0, row);
            worker.read_device_day(load, &row.1).map_err(|error| PortFault::new("read a row", error))?;
        }
        let asked = Asked { wanted, keys: network };
        let rows = self.found(|state| &state.tables.network_days, &asked, key_of_network_day, &mut load.network);
        for row in &rows {
            self.note_read(1, row);
            worker.read_network_day(load, &row.1).map_err(|error| PortFault::new("read a row", error))?;
        }
        Ok(())
    }
}

const WRITE_FAULTS: [Fault; 5] = [Fault::Write, Fault::FirstTable, Fault::SecondTable, Fault::LostAck, Fault::Late];

impl RowWriter for Port {
    fn write(&mut self, worker: &Worker, level: Level) -> Result<(), PortFault> {
        let mut state = self.state.borrow_mut();
        let State { breakage, tables, now_ms, .. } = &mut *state;
        let batch = breakage.batch(self.process, worker, level, tables, *now_ms);
        if batch.is_empty() {
            return Ok(());
        }
        batch.note_written(self.process, &mut state.checks);
        let standing = state.group.sessions.get(&self.process).map(|session| session.standing);
        if standing != Some(Standing::Joined) {
            state.coverage.count(Happening::ZombieWrote);
        }
        if state.breakage.is(Control::CommitBeforeAcknowledgement) {
            state.in_flight.push(batch);
            return Ok(());
        }
        match state.strike(self.process, &WRITE_FAULTS) {
            None => {
                batch.note_acknowledged(&mut state.checks);
                state.breakage.acknowledged(self.process, &batch);
                state.apply(batch);
                return Ok(());
            }
            Some(Fault::LostAck) => {
                state.coverage.count(Happening::LostAck);
                state.apply(batch);
            }
            Some(Fault::Late) => state.in_flight.push(batch),
            Some(half @ (Fault::FirstTable | Fault::SecondTable)) => {
                state.coverage.add(Happening::PartialWrite, u64::from(batch.is_for_both()));
                state.apply(batch.half(half == Fault::FirstTable));
            }
            Some(_) => state.coverage.count(Happening::WriteFailed),
        }
        Err(fault("write rows"))
    }
}

impl DeadLetters for Port {
    fn send(&mut self, letters: &[DeadRecord]) -> Result<(), PortFault> {
        if self.strike(&[Fault::Letter], Happening::LetterFailed) {
            return Err(fault("send a dead letter"));
        }
        if self.state.borrow().breakage.is(Control::LettersDropped) {
            return Ok(());
        }
        self.state.borrow_mut().letters.extend_from_slice(letters);
        if self.strike(&[Fault::LostLetterAck], Happening::LostLetterAck) {
            return Err(fault("send a dead letter"));
        }
        Ok(())
    }

    fn forward(&mut self, records: &mut dyn Iterator<Item = &EventRecord>) -> Result<(), PortFault> {
        for record in records {
            let (school_no, mut value) = (record.belonging.school_no, Vec::new());
            encode_event_record(record, &mut value);
            let (key, content) = (school_no.to_string().into_bytes(), Content::Events(Box::new(record.clone())));
            self.state.borrow_mut().topic.append(Topic::partition_of(school_no), Entry { key, value, content });
        }
        Ok(())
    }
}
