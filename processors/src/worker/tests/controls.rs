//! Preconditions P1 to P4: each held by its mechanism, and noticed when the mechanism is broken on purpose.

use super::world::{Op, World, day, device_ops};
use crate::logic::partition;
use crate::logic::worker::{Load, Stop, Wanted, Worker};
use crate::worker::memory::{MemoryTables, SharedTables};
use crate::worker::ports::{LedgerStore, PortFault};
use crate::worker::{Phase, Turn};

fn expected(ops: &[Op]) -> crate::worker::memory::FinalRows {
    let world = World::with(ops, 1);
    world.run_to_end();
    world.finals()
}

#[test]
fn p1_a_record_from_another_partitioner_stops_the_worker() {
    let ops = device_ops(2, 4);
    let world = World::with(&ops, 4);
    world.run_to_end();
    let right = partition::of_school(2, 4);
    let (key, value) = world.log.borrow().records[&right][0].clone();
    world.append_raw((right + 1) % 4, &key, &value);
    let stop = world.try_run().unwrap_err();
    assert!(matches!(stop, Stop::WrongPartition { school_no: 2, .. }), "{stop}");
}

/// A store that leaves the newest device row out of its results, after announcing it.
struct Cut(SharedTables, bool);

impl LedgerStore for Cut {
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        let whole = self.0.borrow().clone();
        let mut cut = whole.clone();
        cut.device_days.pop();
        if self.1 {
            // What a result looks like that was cut, with the announcement of the whole.
            let mut announced = Load::default();
            whole.read(wanted, worker, &mut announced)?;
            load.activity.announce_as(&announced.activity);
        }
        let mut rows = Load::default();
        cut.read(wanted, worker, &mut rows)?;
        load.activity.take_rows(rows.activity);
        load.network = rows.network;
        Ok(())
    }
}

#[test]
fn p2_a_cut_load_is_refused() {
    let ops = device_ops(1, 12);
    let world = World::with(&ops[..6], 1);
    world.run_to_end();
    ops[6..].iter().for_each(|op| world.append(op));
    let mut engine = world.engine_on(0, Cut(world.tables.clone(), true), world.tables.clone());
    let failed = (0..100).any(|_| matches!(world.turn(&mut engine).unwrap(), Turn::Failed(_)));
    assert!(failed, "the load is not trusted");
    world.run_to_end();
    assert_eq!(world.finals(), expected(&ops), "and nothing was written from it");

    // Control: without the announcement the gap goes into the rows and stays there.
    let world = World::with(&ops[..6], 1);
    world.run_to_end();
    ops[6..].iter().for_each(|op| world.append(op));
    world.drain(&mut world.engine_on(0, Cut(world.tables.clone(), false), world.tables.clone())).unwrap();
    assert_ne!(world.finals(), expected(&ops));
}

/// A replica that shows an older state until it is synced.
struct Lagging {
    now: SharedTables,
    then: MemoryTables,
}

impl LedgerStore for Lagging {
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        self.then.read(wanted, worker, load)
    }
}

/// An owner folds half of the log; the next one loads from a replica that lags behind it.
fn takeover_from_a_lagging_replica(rewind_ms: i64) -> (World, Vec<Op>) {
    let ops: Vec<Op> = (1..4).flat_map(|device_no| device_ops(device_no, 12)).collect();
    let mut world = World::with(&ops[..10], 1);
    world.rewind_ms = rewind_ms;
    world.run_to_end();
    let then = world.tables.borrow().clone();
    ops[10..20].iter().for_each(|op| world.append(op));
    world.run_to_end();
    ops[20..].iter().for_each(|op| world.append(op));
    let store = Lagging { now: world.tables.clone(), then };
    let tables = store.now.clone();
    world.drain(&mut world.engine_on(0, store, tables)).unwrap();
    (world, ops)
}

#[test]
fn p2_the_rewind_covers_a_replica_that_lags() {
    let (world, ops) = takeover_from_a_lagging_replica(600_000);
    assert_eq!(world.finals(), expected(&ops));
    // Control: without the rewind a row with a gap overtakes the good one.
    let (world, ops) = takeover_from_a_lagging_replica(0);
    assert_ne!(world.finals(), expected(&ops));
}

/// Evicts after the first flush, then reloads from a state before it.
fn reload_of_an_older_state(forget: bool) -> (World, Vec<Op>, bool) {
    let ops = device_ops(1, 6);
    let world = World::with(&ops[..3], 1).evicting();
    let store = Lagging { now: world.tables.clone(), then: MemoryTables::default() };
    let mut engine = world.engine_on(0, store, world.tables.clone());
    world.drain(&mut engine).unwrap();
    if forget {
        engine.worker_mut().forget_evicted();
    }
    ops[3..].iter().for_each(|op| world.append(op));
    let mut refused = false;
    for _ in 0..300 {
        if matches!(world.turn(&mut engine).unwrap(), Turn::Failed(_)) {
            refused = true;
            engine.store.then = engine.store.now.borrow().clone();
        }
    }
    (world, ops, refused)
}

#[test]
fn p2_a_reload_below_what_was_evicted_is_refused() {
    let (world, ops, refused) = reload_of_an_older_state(false);
    assert!(refused);
    assert_eq!(world.finals(), expected(&ops));
    // Control: an eviction that forgets the version takes the old state.
    let (world, ops, refused) = reload_of_an_older_state(true);
    assert!(!refused);
    assert_ne!(world.finals(), expected(&ops));
}

/// The owner dies between the device rows and the school rows of its only flush. With `written_off` its records were
/// committed all the same.
fn death_between_device_and_school_rows(written_off: bool) -> World {
    let world = World::with(&device_ops(1, 2), 1);
    let mut engine = world.engine(0);
    while engine.phase() != Phase::SchoolRows {
        world.turn(&mut engine).unwrap();
    }
    drop(engine);
    if written_off {
        world.log.borrow_mut().commits.insert(0, (2, 2));
    }
    let mut engine = world.engine(0);
    for _ in 0..100 {
        world.turn(&mut engine).unwrap();
    }
    world
}

#[test]
fn p3_touched_is_dirty_though_nothing_changed() {
    let world = death_between_device_and_school_rows(false);
    assert_eq!(world.finals(), expected(&device_ops(1, 2)));
    // Control: if what changed nothing were committed without its rows, the school's row would never come.
    let world = death_between_device_and_school_rows(true);
    assert!(world.finals().school_days.is_empty());
}

/// All is written and committed; then the school's row is lost, as its part was not durable yet. The next owner reads
/// the records again from `rewind_to`.
fn loss_of_a_school_row(rewind_to: i64) -> World {
    let world = World::with(&device_ops(1, 2), 1);
    world.run_to_end();
    world.tables.borrow_mut().school_days.clear();
    world.log.borrow_mut().commits.insert(0, (2, rewind_to));
    let mut engine = world.engine(0);
    for _ in 0..100 {
        world.turn(&mut engine).unwrap();
    }
    world
}

#[test]
fn p2_the_rewind_writes_school_rows_again_though_no_device_row_changes() {
    assert_eq!(loss_of_a_school_row(0).finals(), expected(&device_ops(1, 2)));
    // Control: without the rewind it stays lost.
    assert!(loss_of_a_school_row(2).finals().school_days.is_empty());
}

/// Over midnight: on until 00:05 of the next day, told by two heartbeats.
fn over_midnight() -> [Op; 2] {
    let midnight = day().plus(1).start_ms();
    [Op::heartbeat(1, 0, midnight - 600_000, &[(600_000, 0)]), Op::heartbeat(1, 1, midnight + 300_000, &[(300_000, 0)])]
}

#[test]
fn p4_a_row_does_not_look_at_its_neighbour() {
    let [evening, night] = over_midnight();
    let (forth, back) = (World::with(&[evening.clone(), night.clone()], 1), World::with(&[night, evening], 1));
    // A flush after each record, so that each row is written as early as it can be.
    for world in [&forth, &back] {
        world.run_to_end();
    }
    assert_eq!(forth.finals(), back.finals());

    // Control: a row that counts a session that began the day before as none of its own depends on what came first.
    let looking = |world: &World| {
        let mut rows = Vec::new();
        for (at, row) in world.tables.borrow().device_days.iter().enumerate() {
            let before = &world.tables.borrow().device_days[..at];
            let continues = before.iter().any(|other| other.day + 1 == row.day && other.last_s == Some(86_399));
            rows.push((row.day, row.sessions - u16::from(continues && row.first_s == Some(0))));
        }
        rows.sort_unstable();
        rows
    };
    let [evening, night] = touching_midnight();
    let one_by_one = |ops: [Op; 2]| {
        let world = World::with(&ops[..1], 1);
        world.run_to_end();
        world.append(&ops[1]);
        world.run_to_end();
        looking(&world)
    };
    assert_ne!(one_by_one([evening.clone(), night.clone()]), one_by_one([night, evening]));
}

fn touching_midnight() -> [Op; 2] {
    let midnight = day().plus(1).start_ms();
    let evening = Op::heartbeat(1, 0, midnight, &[(600_000, 0)]);
    [evening, Op::heartbeat(1, 1, midnight + 300_000, &[(300_000, 0)])]
}
