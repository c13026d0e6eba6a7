//! The processes, and what is done to them. Each runs the workers' own engine over the simulated ports.

use crate::checks::{Property, Violation};
use crate::controls::Control;
use crate::coverage::{Coverage, Happening};
use crate::facts::Boot;
use crate::log::{PARTITIONS, ProcessId, SLOTS};
use crate::model;
use crate::op::{Op, Scenario};
use crate::ports::Port;
use crate::state::State;
use processors::logic::bells::Timetable;
use processors::logic::bounds::Bounds;
use processors::logic::shelf::LoadFault;
use processors::logic::worker::{Rules, Stop};
use processors::worker::ports::PortFault;
use processors::worker::{Engine, Limits, Now, Phase, Turn};
use schemas::definitions::{CURRENT_TOML, Definitions, DefinitionsError};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How far a new owner rewinds; the ten minutes of production, in this small world.
const REWIND_MS: i64 = 2_000;
/// A replica is never further behind: the rewind is longer (P2).
pub const MAX_LAG_MS: i64 = 1_900;
/// An acknowledged part is durable after this time at the latest, and a loss is followed by a takeover within the
/// same time; both together are less than the rewind (P2).
const DURABLE_MS: i64 = 800;
/// Real time that a turn takes.
const TURN_MS: i64 = 10;
/// Turns in which everything must come to rest without further faults.
const PATIENCE: usize = 9_000;

/// Definitions with fewer bursts needed for a verdict, so that small logs come to one.
///
/// # Errors
/// The embedded definitions are broken.
pub fn definitions() -> Result<Definitions, DefinitionsError> {
    let definitions = Definitions::parse(CURRENT_TOML)?;
    Ok(Definitions { latency_min_received: 3, jitter_min_pairs: 2, verdict_min_judged: 2, ..definitions })
}

mod members;

struct Process {
    id: ProcessId,
    slot: usize,
    engine: Engine<Port, Port, Port, Port>,
    paused: bool,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The first property that did not hold.
    pub violation: Option<Violation>,
    /// What happened.
    pub coverage: Coverage,
}

/// Plays a scenario, with a mechanism broken or none.
#[must_use]
pub fn run(scenario: &Scenario, definitions: &Definitions, control: Option<Control>) -> Outcome {
    let mut world = World::new(scenario, definitions, control);
    for op in &scenario.ops {
        if world.is_violated() {
            break;
        }
        world.apply(*op);
    }
    world.finish();
    let mut state = world.state.borrow_mut();
    let (rebalances, partial) = (state.group.rebalances, state.group.partial);
    state.coverage.add(Happening::Rebalanced, rebalances);
    state.coverage.add(Happening::Partial, partial);
    Outcome { violation: state.checks.violation.take(), coverage: std::mem::take(&mut state.coverage) }
}

struct World {
    state: Rc<RefCell<State>>,
    /// The members of the group, then those whose identity was taken.
    processes: Vec<Process>,
    /// How many of them are members.
    members: usize,
    next_id: ProcessId,
    rules: Rules,
    limits: Limits,
    /// Byte budget of the scenario.
    budget: usize,
    timetable: Arc<Timetable>,
    /// When the owners must have been replaced, as acknowledged parts were lost.
    takeover_by: Option<i64>,
}

impl World {
    fn new(scenario: &Scenario, definitions: &Definitions, control: Option<Control>) -> World {
        let rules = Rules {
            topic: "telemetry.events.v1".into(),
            group: "ledgers".into(),
            partitions: PARTITIONS,
            definitions: definitions.clone(),
            bounds: Bounds::default(),
            rewind_ms: REWIND_MS,
            breaker: usize::MAX,
        };
        let limits = Limits {
            flush_ms: 60,
            catch_up_ms: 120,
            flush_rows: 12,
            batch_records: scenario.batch,
            batch_bytes: usize::MAX,
            memory_bytes: if control == Some(Control::NoBudget) { usize::MAX } else { scenario.memory_bytes },
            wait: Duration::ZERO,
        };
        let mut timetable = Timetable::default();
        timetable.set(model::BELLS_SCHOOL, model::bells());
        let state = Rc::new(RefCell::new(State::new(control)));
        let (processes, timetable) = (Vec::new(), Arc::new(timetable));
        let mut world = World {
            state,
            processes,
            members: SLOTS,
            next_id: 0,
            rules,
            limits,
            budget: scenario.memory_bytes,
            timetable,
            takeover_by: None,
        };
        for slot in 0..SLOTS {
            let process = world.start(slot, None);
            world.processes.push(process);
        }
        world
    }

    /// A process joins the group, perhaps with the identity of another one.
    fn start(&mut self, slot: usize, former: Option<ProcessId>) -> Process {
        let id = self.next_id;
        self.next_id += 1;
        self.state.borrow_mut().group.join(id, slot, former);
        let port = || Port::new(self.state.clone(), id);
        let mut engine = Engine::new(self.rules.clone(), self.limits, port(), port(), port(), port());
        engine.worker_mut().set_timetable(self.timetable.clone());
        Process { id, slot, engine, paused: false }
    }

    fn is_violated(&self) -> bool {
        self.state.borrow().checks.violation.is_some()
    }

    fn apply(&mut self, op: Op) {
        let index = |process: u8| usize::from(process) % self.processes.len();
        match op {
            Op::Turns { process, count } => (0..count).for_each(|_| self.turn(usize::from(process))),
            Op::Fail { process, fault } => {
                let id = self.processes[index(process)].id;
                self.state.borrow_mut().faults.push((id, fault));
            }
            Op::Crash { process } => self.crash(index(process)),
            Op::Pause { process } => {
                let index = index(process);
                self.processes[index].paused = true;
                self.state.borrow_mut().coverage.count(Happening::Paused);
            }
            Op::Expire { process } => self.expire(index(process)),
            Op::Wake { process, blind } => self.wake(index(process), blind),
            Op::Replace { process } => self.replace(usize::from(process) % self.members),
            Op::Add => self.add(),
            Op::Remove => self.remove(),
            Op::Wait { ms } => self.pass(i64::from(ms)),
            Op::Vanish { table, parts } => self.vanish(table, usize::from(parts)),
            _ => self.apply_outside(op),
        }
    }

    /// What happens outside the processes.
    fn apply_outside(&mut self, op: Op) {
        let mut state = self.state.borrow_mut();
        match op {
            Op::Post { device, boot, first, count, edge } => {
                state.post(Boot::new(device, boot), first..first.saturating_add(count), edge);
            }
            Op::Again { back } => state.again(usize::from(back)),
            Op::Poison { school } => state.poison(u32::from(school)),
            Op::Move { device, school } => {
                let today = state.today;
                let moved = state.registry.transfer(device, school, today);
                state.coverage.add(Happening::Moved, u64::from(moved));
            }
            Op::Midnight => state.today = state.today.plus(1),
            Op::Rebalance { split } => state.group.rebalance(split),
            Op::Lag { ms } => state.lag_ms = i64::from(ms).min(MAX_LAG_MS),
            Op::Arrive { nth } => state.arrive(usize::from(nth)),
            Op::Merge { table, first, count } => {
                let rows = state.tables.merge(table, usize::from(first), usize::from(count));
                state.coverage.add(Happening::Merged, u64::from(rows > 0));
            }
            Op::Redrive => state.redrive(),
            _ => {}
        }
    }

    fn pass(&mut self, ms: i64) {
        self.state.borrow_mut().now_ms += ms;
        let now_ms = self.state.borrow().now_ms;
        if self.takeover_by.is_some_and(|by| by <= now_ms) {
            self.take_over();
        }
    }

    fn vanish(&mut self, table: u8, parts: usize) {
        let mut state = self.state.borrow_mut();
        let now_ms = state.now_ms;
        let lost = state.tables.lose(table, parts, now_ms - DURABLE_MS);
        state.coverage.add(Happening::Vanished, lost as u64);
        if lost > 0 {
            self.takeover_by = Some(self.takeover_by.map_or(now_ms + DURABLE_MS, |by| by.min(now_ms + DURABLE_MS)));
        }
    }

    fn turn(&mut self, process: usize) {
        self.pass(TURN_MS);
        let index = process % self.processes.len();
        if self.processes[index].paused || self.is_violated() {
            return;
        }
        let now = {
            let state = self.state.borrow();
            Now { real_ms: state.now_ms, today: state.today }
        };
        let engine = &mut self.processes[index].engine;
        let (phase, bytes, evicted) = (engine.phase(), engine.worker().bytes(), engine.worker().tally().evicted);
        let turn = engine.turn(now);
        let (staged, evicted) = (engine.worker().staged(), engine.worker().tally().evicted - evicted);
        self.state.borrow_mut().coverage.add(Happening::Evicted, evicted);
        if phase == Phase::Poll && staged > 0 && bytes > self.budget {
            let budget = self.budget;
            self.violated(Property::MemoryBound, || format!("{bytes} bytes, budget {budget}, and more is read"));
        }
        match turn {
            Ok(Turn::Done(Phase::Commit)) if self.state.borrow().breakage.is(Control::EvictionForgetsVer) => {
                self.processes[index].engine.worker_mut().forget_evicted();
            }
            Ok(Turn::Failed(fault)) => self.failed(index, fault),
            Ok(_) => {}
            Err(stop @ Stop::WrongPartition { .. }) => self.violated(Property::OneLog, || stop.to_string()),
            Err(stop) => self.violated(Property::Progress, || stop.to_string()),
        }
    }

    /// As in production: keep the membership and try again; a fatal fault ends the process.
    fn failed(&mut self, index: usize, fault: PortFault) {
        if matches!(fault.source.downcast_ref(), Some(LoadFault::Stale { .. })) {
            self.state.borrow_mut().coverage.count(Happening::StaleReload);
        }
        let kept = if fault.fatal { Err(fault) } else { self.processes[index].engine.keep_alive() };
        if kept.is_err_and(|fault| fault.fatal) {
            self.crash(index);
        }
    }

    fn violated(&self, property: Property, what: impl FnOnce() -> String) {
        self.state.borrow_mut().violated(property, what);
    }

    /// No more faults: everything comes to rest, and equals the fold. Then all processes are replaced, and read what
    /// there is: nothing may change.
    fn finish(&mut self) {
        self.heal();
        self.rest();
        self.state.borrow_mut().redrive();
        self.rest();
        self.compare();
        self.take_over();
        self.rest();
        self.compare();
    }

    fn heal(&mut self) {
        while self.processes.len() > self.members {
            self.crash(self.members);
        }
        (0..self.members).for_each(|slot| self.wake(slot, 0));
        let mut state = self.state.borrow_mut();
        state.faults.clear();
        state.lag_ms = 0;
        while !state.in_flight.is_empty() {
            state.arrive(0);
        }
        drop(state);
        if self.takeover_by.is_some() {
            self.take_over();
        }
    }

    fn is_at_rest(&self) -> bool {
        let state = self.state.borrow();
        let idle = |process: &Process| process.engine.phase() == Phase::Poll && !process.engine.worker().has_progress();
        let group = &state.group;
        state.is_committed() && group.is_at_rest() && group.has_read(&state.topic) && self.processes.iter().all(idle)
    }

    fn rest(&mut self) {
        for turn in 0..PATIENCE {
            if self.is_violated() || self.is_at_rest() {
                return;
            }
            self.turn(turn % self.members);
        }
        let phases: Vec<_> = self.processes.iter().map(|process| process.engine.phase()).collect();
        self.violated(Property::Progress, || format!("no rest; next: {phases:?}"));
    }

    fn compare(&self) {
        if self.is_violated() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let expected = model::fold(&state.topic, &self.rules.definitions);
        let State { checks, tables, .. } = &mut *state;
        checks.finals(tables, &expected);
    }
}
