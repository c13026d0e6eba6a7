//! One effect per turn, in the order that makes a row its own checkpoint:
//!
//! poll → load what is missing → fold → (when due) dead letters → device rows → school rows → commit.
//!
//! Each turn either carries its effect out and moves on, or fails and stays, so a crash may come between any two turns,
//! and a simulation can make it do so. What is dirty stays dirty until both kinds of rows are acknowledged.

use super::ports::{Appetite, Assigned, DeadLetters, LedgerStore, Level, Log, Polled, PortFault, RowWriter};
use crate::logic::partition::Share;
use crate::logic::worker::{Begin, Commit, Load, Rules, Stop, Wanted, Worker};
use schemas::time::Day;
use std::time::Duration;

/// When the worker writes, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest time between flushes, ms.
    pub flush_ms: i64,
    /// The same while the worker is behind: each flush writes every row that was touched, so fewer flushes catch up
    /// faster, and nobody sees fresh rows anyway.
    pub catch_up_ms: i64,
    /// Dirty device rows that cause a flush before its time.
    pub flush_rows: usize,
    /// Records staged at once.
    pub batch_records: usize,
    /// Bytes staged at once.
    pub batch_bytes: usize,
    /// Bytes of ledgers.
    pub memory_bytes: usize,
    /// Longest wait for records.
    pub wait: Duration,
}

/// What the next turn does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads records, or learns of a change of ownership.
    Poll,
    /// Loads the open days of new partitions, then starts them.
    Open,
    /// Loads what the batch touches.
    Load,
    /// Folds the batch.
    Fold,
    /// Sends dead letters, and on what belongs elsewhere.
    DeadLetters,
    /// Writes device rows.
    DeviceRows,
    /// Writes school rows, after the device rows were acknowledged.
    SchoolRows,
    /// Commits, after the school rows were acknowledged.
    Commit,
    /// Gives partitions back.
    Release,
}

/// How a turn went.
#[derive(Debug)]
pub enum Turn {
    /// Its effect is done.
    Done(Phase),
    /// There was nothing to read or write.
    Idle,
    /// Its effect failed: wait, call [`Engine::keep_alive`], and try again.
    Failed(PortFault),
}

/// Now, for the worker.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Real time, ms; only differences matter.
    pub real_ms: i64,
    /// Today by the service's clock: which days are open.
    pub today: Day,
}

/// See the module.
pub struct Engine<L, S, W, D> {
    /// The log.
    pub log: L,
    /// Where ledgers come from.
    pub store: S,
    /// Where rows go.
    pub writer: W,
    /// Where dead letters go.
    pub dead: D,
    worker: Worker,
    limits: Limits,
    phase: Phase,
    /// Being opened.
    assigned: Vec<Assigned>,
    commits: Vec<Commit>,
    next_flush: NextFlush,
    /// To be given back when everything is committed.
    leaving: Option<Vec<i32>>,
    /// The phase after [`Phase::Release`].
    then: Phase,
    draining: bool,
}

/// Polls that bring nothing one after the other, until the worker takes it that it has caught up.
const IDLE_POLLS: u32 = 5;

/// When the next flush is due.
#[derive(Clone, Copy, Debug, Default)]
struct NextFlush {
    last_ms: i64,
    /// The last poll brought what had waited for long.
    behind: bool,
    /// Polls since that brought nothing.
    idle_polls: u32,
    /// A new owner soon shows that it goes on.
    is_first: bool,
}

impl NextFlush {
    const fn is_due(self, now_ms: i64, limits: &Limits) -> bool {
        let interval = match (self.is_first, self.behind) {
            (true, _) => limits.flush_ms / 5,
            (false, true) => limits.catch_up_ms,
            (false, false) => limits.flush_ms,
        };
        now_ms - self.last_ms >= interval
    }
}

impl<L: Log, S: LedgerStore, W: RowWriter, D: DeadLetters> Engine<L, S, W, D> {
    /// An engine that owns no partition yet.
    pub fn new(rules: Rules, limits: Limits, log: L, store: S, writer: W, dead: D) -> Self {
        Engine {
            log,
            store,
            writer,
            dead,
            worker: Worker::new(rules),
            limits,
            phase: Phase::Poll,
            assigned: Vec::new(),
            commits: Vec::new(),
            next_flush: NextFlush::default(),
            leaving: None,
            then: Phase::Poll,
            draining: false,
        }
    }

    /// What the next turn does.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What was read last has waited in the log for long: there is much more of it.
    pub const fn is_behind(&self) -> bool {
        self.next_flush.behind
    }

    /// The worker's state.
    pub const fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The worker's state, for what comes from outside the loop (bells).
    pub const fn worker_mut(&mut self) -> &mut Worker {
        &mut self.worker
    }

    /// Writes and commits what is folded, then gives all partitions back; see [`Engine::has_drained`].
    pub fn drain(&mut self) {
        self.draining = true;
        match self.phase {
            Phase::Release => self.then = self.before_leaving(self.then),
            phase => self.phase = self.before_leaving(phase),
        }
    }

    /// What was asked for with [`Engine::drain`] is done.
    pub fn has_drained(&self) -> bool {
        self.draining && self.phase == Phase::Poll && self.worker.partitions().is_empty()
    }

    /// Where to go on from a phase to leave; a flush that is under way is brought to its end.
    fn before_leaving(&mut self, phase: Phase) -> Phase {
        if matches!(phase, Phase::Poll | Phase::Open | Phase::Load | Phase::Fold) {
            self.worker.abandon_batch();
            return Phase::DeadLetters;
        }
        phase
    }

    /// Keeps the membership while effects fail. Partitions that are revoked meanwhile are given up with what is not
    /// committed, and the next owner folds that again: to wait for an effect that fails would hold all the others up.
    ///
    /// # Errors
    /// The log cannot be reached.
    pub fn keep_alive(&mut self) -> Result<(), PortFault> {
        match self.log.keep_alive()? {
            Some(Polled::Revoked(partitions)) => self.give_up_now(partitions, false),
            Some(Polled::Lost(partitions)) => self.give_up_now(partitions, true),
            Some(Polled::Records(_) | Polled::Assigned(_)) | None => {}
        }
        Ok(())
    }

    /// Lets go of partitions in any phase, which goes on afterwards with the others.
    fn give_up_now(&mut self, partitions: Vec<i32>, lost: bool) {
        self.worker.give_up(&partitions, lost);
        self.assigned.retain(|assigned| !partitions.contains(&assigned.partition));
        self.commits.retain(|commit| !partitions.contains(&commit.partition));
        self.leaving.get_or_insert_default().extend(partitions);
        if self.phase != Phase::Release {
            self.then = std::mem::replace(&mut self.phase, Phase::Release);
        }
    }

    /// Carries out one effect.
    ///
    /// # Errors
    /// The worker must stop, nothing more is committed.
    pub fn turn(&mut self, now: Now) -> Result<Turn, Stop> {
        let phase = self.phase;
        let done = match phase {
            Phase::Poll => return self.poll(now),
            Phase::Open => self.open(now),
            Phase::Load => self.load(),
            Phase::Fold => {
                self.worker.fold(now.real_ms);
                self.phase = Phase::Poll;
                Ok(())
            }
            Phase::DeadLetters => self.send_dead_letters(),
            Phase::DeviceRows => self.write_device_rows(),
            Phase::SchoolRows => self.write_school_rows(now),
            Phase::Commit => self.commit(now),
            Phase::Release => self.release(),
        };
        Ok(done.map_or_else(Turn::Failed, |()| Turn::Done(phase)))
    }

    fn poll(&mut self, now: Now) -> Result<Turn, Stop> {
        if self.is_flush_due(now) {
            self.phase = Phase::DeadLetters;
            return Ok(Turn::Done(Phase::Poll));
        }
        let Limits { batch_records: records, batch_bytes: bytes, wait, .. } = self.limits;
        let (worker, mut stop) = (&mut self.worker, None);
        let polled = self.log.poll(Appetite { records, bytes, wait }, &mut |record| {
            if stop.is_none() {
                stop = worker.stage(record, now.real_ms).err();
            }
        });
        if let Some(stop) = stop {
            return Err(stop);
        }
        Ok(match polled {
            Err(fault) => Turn::Failed(fault),
            Ok(Polled::Records(0)) => {
                // A single one may only mean that the next fetch is still under way.
                self.next_flush.idle_polls += 1;
                self.next_flush.behind &= self.next_flush.idle_polls < IDLE_POLLS;
                Turn::Idle
            }
            Ok(polled) => {
                self.react(polled);
                Turn::Done(Phase::Poll)
            }
        })
    }

    fn react(&mut self, polled: Polled) {
        match polled {
            Polled::Records(_) => {
                (self.next_flush.behind, self.next_flush.idle_polls) = (self.log.is_behind(), 0);
                self.phase = Phase::Load;
            }
            Polled::Assigned(assigned) => {
                self.assigned = assigned;
                self.phase = Phase::Open;
            }
            Polled::Revoked(partitions) => {
                self.leaving = Some(partitions);
                self.phase = Phase::DeadLetters;
            }
            Polled::Lost(partitions) => self.give_up_now(partitions, true),
        }
    }

    fn is_flush_due(&self, now: Now) -> bool {
        let due = self.next_flush.is_due(now.real_ms, &self.limits);
        // Only what is written can be evicted, so that memory is the budget and one batch, however much a batch loads.
        let is_full = self.worker.bytes() > self.limits.memory_bytes;
        self.worker.dirty_rows() >= self.limits.flush_rows || ((due || is_full) && self.worker.has_progress())
    }

    fn open(&mut self, now: Now) -> Result<(), PortFault> {
        let begins: Vec<Begin> = self.assigned.iter().map(begin).collect();
        let from: Vec<_> = begins.iter().map(|begin| (begin.partition, begin.from)).collect();
        if !begins.is_empty() {
            self.worker.begin(&begins);
            let partitions: Vec<_> = begins.iter().map(|begin| begin.partition).collect();
            let share = Share::new(&partitions, self.worker.rules().partitions);
            self.fetch(&Wanted::Days { days: vec![now.today.plus(-1), now.today], share })?;
            self.next_flush = NextFlush { last_ms: now.real_ms, is_first: true, ..NextFlush::default() };
        }
        self.log.start(&from)?;
        self.worker.opened(from.len());
        self.assigned.clear();
        self.evict(now);
        self.phase = Phase::Poll;
        Ok(())
    }

    fn load(&mut self) -> Result<(), PortFault> {
        if let Some(wanted) = self.worker.missing() {
            self.fetch(&wanted)?;
        }
        self.phase = Phase::Fold;
        Ok(())
    }

    fn fetch(&mut self, wanted: &Wanted) -> Result<(), PortFault> {
        let mut load = Load::default();
        self.store.load(wanted, &mut self.worker, &mut load)?;
        self.worker.install(load, wanted).map_err(|fault| PortFault::new("trust a load", fault))
    }

    fn send_dead_letters(&mut self) -> Result<(), PortFault> {
        if !self.worker.dead_letters().is_empty() {
            self.dead.send(self.worker.dead_letters())?;
            self.worker.dead_letters_sent();
        }
        if self.worker.forwards().next().is_some() {
            self.dead.forward(&mut self.worker.forwards())?;
            self.worker.forwarded();
        }
        self.phase = Phase::DeviceRows;
        Ok(())
    }

    fn write_device_rows(&mut self) -> Result<(), PortFault> {
        self.writer.write(&self.worker, Level::Devices)?;
        self.phase = Phase::SchoolRows;
        Ok(())
    }

    fn write_school_rows(&mut self, now: Now) -> Result<(), PortFault> {
        self.writer.write(&self.worker, Level::Schools)?;
        self.commits = self.worker.acknowledge(now.real_ms);
        self.phase = Phase::Commit;
        Ok(())
    }

    fn commit(&mut self, now: Now) -> Result<(), PortFault> {
        if !self.commits.is_empty() {
            if let Err(fault) = self.log.commit(&self.commits) {
                self.leave_uncommitted();
                return Err(fault);
            }
            self.commits.clear();
        }
        self.evict(now);
        self.next_flush = NextFlush { last_ms: now.real_ms, is_first: false, ..self.next_flush };
        if self.draining {
            self.leaving = Some(self.worker.partitions());
        }
        self.phase = if self.leaving.is_some() { Phase::Release } else { Phase::Poll };
        Ok(())
    }

    /// Keeps within the budget; whatever is dirty stays.
    fn evict(&mut self, now: Now) {
        let oldest = now.today.plus(-(self.worker.rules().definitions.accept_days as i32) - 2);
        self.worker.evict(self.limits.memory_bytes, oldest);
    }

    /// What leaves does not wait for a commit that fails: the member may have been taken for dead meanwhile, and then
    /// none succeeds until it has let go. Its rows are written; the next owner only reads some records again.
    fn leave_uncommitted(&mut self) {
        if let Some(leaving) = self.leaving.take() {
            self.give_up_now(leaving, false);
        }
    }

    fn release(&mut self) -> Result<(), PortFault> {
        let leaving = self.leaving.take().unwrap_or_default();
        self.worker.give_up(&leaving, false);
        if let Err(fault) = self.log.release(&leaving) {
            self.leaving = Some(leaving);
            return Err(fault);
        }
        self.phase = std::mem::replace(&mut self.then, Phase::Poll);
        Ok(())
    }
}

/// Without a word of the former owner (a group that is new, or was reset by hand) the committed offset is the begin.
fn begin(assigned: &Assigned) -> Begin {
    let committed = assigned.committed.unwrap_or(0);
    let from = assigned.rewind_to.unwrap_or(committed).min(committed);
    Begin { partition: assigned.partition, committed, from }
}
