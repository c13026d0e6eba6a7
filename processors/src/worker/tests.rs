//! The worker's real steps on the in-memory twins: any order, repetition and crash give the same rows; and for each
//! precondition of DESIGN section 4 a control that breaks it and must be noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod controls;
mod corrections;
mod model;
mod world;

use super::engine::Phase;
use proptest::prelude::*;
use world::{Op, World, day, device_ops, ops};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Invariant 2, and 4 by the naive model.
    #[test]
    fn any_order_repetition_and_crash_give_the_same_rows(
        ops in ops(),
        order in any::<u64>(),
        crashes in proptest::collection::vec(1..40_usize, 0..6),
    ) {
        let plain = World::with(&ops, 2);
        plain.run_to_end();
        let shuffled = World::with(&world::shuffled_with_repetitions(&ops, order), 2);
        for turns in crashes {
            shuffled.run_for(turns);
        }
        shuffled.run_to_end();
        prop_assert_eq!(plain.finals(), shuffled.finals());
        model::check(&ops, &plain.finals());
    }

    #[test]
    fn every_event_has_one_outcome(ops in ops()) {
        let world = World::with(&ops, 1);
        let tally = world.run_to_end()[0];
        prop_assert!(tally.balances());
        prop_assert_eq!(tally.received, ops.len() as u64);
        prop_assert_eq!(tally.dead_lettered + tally.unfolded, 0);
    }

    /// Rows are checkpoints: a ledger that is evicted and read back after each flush ends the same.
    #[test]
    fn eviction_after_each_flush_changes_nothing(ops in ops()) {
        let (plain, evicting) = (World::with(&ops, 1), World::with(&ops, 1).evicting());
        plain.run_to_end();
        let tally = evicting.run_to_end()[0];
        prop_assert_eq!(plain.finals(), evicting.finals());
        prop_assert!(tally.evicted > 0 || plain.finals().device_days.is_empty());
    }
}

#[test]
fn nothing_is_committed_before_its_rows_are_there() {
    let ops = device_ops(1, 30);
    let world = World::with(&ops, 1);
    let mut engine = world.engine(0);
    let mut written = false;
    for _ in 0..200 {
        let phase = engine.phase();
        let committed = !world.log.borrow().commits.is_empty();
        assert!(!committed || written, "a commit before both kinds of rows");
        world.turn(&mut engine).unwrap();
        written |= phase == Phase::SchoolRows && !world.tables.borrow().school_days.is_empty();
    }
    assert!(written);
}

#[test]
fn an_undecodable_record_is_buried_once_and_a_burst_of_them_stops_the_worker() {
    let world = World::with(&device_ops(1, 3), 1);
    world.append_raw(0, b"1", b"garbage");
    let tally = world.run_to_end()[0];
    assert_eq!((tally.undecodable, tally.dead_letters, tally.folded), (1, 1, 3));
    let letter = world.dead.borrow()[0].clone();
    assert_eq!((letter.reason.as_str(), letter.offset, letter.value.as_slice()), ("undecodable", 3, &b"garbage"[..]));
    (0..20).for_each(|_| world.append_raw(0, b"1", b"garbage"));
    assert!(matches!(world.try_run(), Err(crate::logic::worker::Stop::Breaker(_))));
    assert!(world.log.borrow().commits[&0].0 <= 4 + 10, "the topic is not drained");
}

#[test]
fn an_event_beyond_a_bound_is_buried_and_not_seen() {
    // Every second sequence number: one range each, so the 4,097th is too many.
    let ops: Vec<Op> = (0..4098).map(|n| Op::power(1, n * 2, day().start_ms() + i64::from(n) * 1000)).collect();
    let world = World::with(&ops, 1);
    let tally = world.run_to_end()[0];
    assert_eq!((tally.folded, tally.dead_lettered, tally.dead_letters), (4096, 2, 2));
    let finals = world.finals();
    let row = finals.device_days.values().next().unwrap();
    assert_eq!((row.ver, row.events, row.seen_ranges[0].len()), (4096, 4096, 8192));
    assert_eq!(world.dead.borrow()[0].reason, "over_bound");
}

#[test]
fn a_heartbeat_over_midnight_stands_in_both_days() {
    let at = day().start_ms() + 60_000;
    let world = World::with(&[Op::heartbeat(1, 0, at, &[(120_000, 0)])], 1);
    world.run_to_end();
    let rows: Vec<_> =
        world.finals().device_days.into_values().map(|row| (row.ver, row.events, row.on_spans)).collect();
    assert_eq!(rows, [(1, 0, vec![86_340, 86_400]), (1, 1, vec![0, 60])]);
}
