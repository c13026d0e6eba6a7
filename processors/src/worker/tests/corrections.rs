//! Corrections that reach back: wherever in the log they come, the rows that readers see are those of a log that was
//! stamped right from the begin.

use super::world::{Op, World, day, device_ops};
use crate::logic::corrections::{copy, markers};
use crate::worker::memory::FinalRows;
use schemas::record::{Belonging, EventRecord};
use schemas::registry::Shift;
use schemas::rows::{DeviceDayRow, SchoolDayRow};
use std::collections::BTreeMap;

/// Device 2 is said to be in school 2.
const DEVICE: u32 = 2;
const SAID: u32 = 2;
/// Where it was: device 4 is there, too, and its records are in another partition than those of school 2.
const RIGHT: u32 = 3;

/// What the events say, in the order in which they were sent: device 6 is in neither school.
fn events() -> Vec<Op> {
    let mut all = device_ops(DEVICE, 12);
    all.extend(device_ops(4, 3));
    all.extend(device_ops(6, 3));
    all
}

fn shift(school_no: u32, class_no: u32) -> Shift {
    Shift {
        device_no: DEVICE,
        from_day: day().plus(-1),
        until_day: day().plus(1),
        old_school_no: if school_no == SAID { RIGHT } else { SAID },
        old_class_no: DEVICE * 10,
        old_division: 440_106,
        old_in_service: true,
        school_no,
        class_no,
        division: 440_106,
        in_service: true,
    }
}

/// The record of an event as an edge stamps it that knows of the correction.
fn stamped(op: &Op, shift: &Shift) -> EventRecord {
    let Shift { school_no, class_no, division, in_service, .. } = *shift;
    let record = op.record();
    if record.device_no != shift.device_no {
        return record;
    }
    EventRecord { belonging: Belonging { school_no, class_no, division, in_service, ..record.belonging }, ..record }
}

fn tell(world: &World, seq: u32, shift: &Shift) {
    markers(seq, 5, shift).for_each(|marker| world.append_record(&marker));
}

fn copy_all(world: &World, seq: u32, shift: &Shift, ops: &[Op]) {
    let own = ops.iter().filter(|op| op.device_no == shift.device_no);
    own.for_each(|op| world.append_record(&copy(seq, shift, op.record())));
}

/// What is sent on may land in a log that was drained already.
fn run(world: &World) {
    (0..3).for_each(|_| drop(world.run_to_end()));
}

type Shown = (BTreeMap<(u32, u32), DeviceDayRow>, BTreeMap<u32, SchoolDayRow>);

/// What readers see: hidden rows are left out, and `ver` counts events alone.
fn shown(finals: &FinalRows) -> Shown {
    let is_shown = |row: &&DeviceDayRow| row.moved_school_no == 0 && row.ver as usize > row.corrections.len();
    let devices = finals.device_days.values().filter(is_shown).map(|row| {
        let ver = row.ver - row.corrections.len() as u32;
        ((row.school_no, row.device_no), DeviceDayRow { ver, corrections: Vec::new(), ..row.clone() })
    });
    let schools = finals
        .school_days
        .values()
        .filter(|row| row.ver > row.hidden_ver)
        .map(|row| (row.school_no, SchoolDayRow { ver: row.ver - row.hidden_ver, hidden_ver: 0, ..row.clone() }));
    (devices.collect(), schools.collect())
}

/// Rows of a log in which the device was there from the begin.
fn expected(ops: &[Op], shift: &Shift) -> Shown {
    let world = World::with(&[], 4);
    ops.iter().for_each(|op| world.append_record(&stamped(op, shift)));
    run(&world);
    shown(&world.finals())
}

/// The first `known` events are folded and archived when the correction comes; the others follow with the former stamp.
fn corrected_after(known: usize, shift: &Shift) -> World {
    let all = events();
    let world = World::with(&all[..known], 4);
    run(&world);
    tell(&world, 1, shift);
    all[known..].iter().for_each(|op| world.append(op));
    copy_all(&world, 1, shift, &all[..known]);
    world
}

#[test]
fn wherever_the_correction_comes_the_rows_are_right() {
    let (all, shift) = (events(), shift(RIGHT, 77));
    let right = expected(&all, &shift);
    assert_eq!(right.0.keys().copied().collect::<Vec<_>>(), [(3, 2), (3, 4), (4, 6)]);
    for known in 0..=all.len() {
        let world = corrected_after(known, &shift);
        run(&world);
        assert_eq!(shown(&world.finals()), right, "after {known} events");
    }
}

#[test]
fn what_is_sent_again_with_either_stamp_changes_nothing() {
    let (all, shift) = (events(), shift(RIGHT, 77));
    let world = corrected_after(5, &shift);
    run(&world);
    for op in &all {
        world.append(op);
        world.append_record(&stamped(op, &shift));
    }
    tell(&world, 1, &shift);
    copy_all(&world, 1, &shift, &all);
    run(&world);
    assert_eq!(shown(&world.finals()), expected(&all, &shift));
}

#[test]
fn owners_that_die_at_any_turn_lose_and_double_nothing() {
    let (all, shift) = (events(), shift(RIGHT, 77));
    let right = expected(&all, &shift);
    for turns in 1..40 {
        let world = corrected_after(7, &shift);
        (0..6).for_each(|_| world.run_for(turns));
        run(&world);
        assert_eq!(shown(&world.finals()), right, "owners that die after {turns} turns");
    }
}

#[test]
fn a_former_owner_that_wakes_up_late_brings_nothing_back() {
    let (all, shift) = (events(), shift(RIGHT, 77));
    let world = World::with(&all, 4);
    run(&world);
    let former = world.tables.borrow().clone();
    tell(&world, 1, &shift);
    copy_all(&world, 1, &shift, &all);
    run(&world);
    world.tables.borrow_mut().device_days.extend(former.device_days);
    world.tables.borrow_mut().school_days.extend(former.school_days);
    assert_eq!(shown(&world.finals()), expected(&all, &shift));
}

#[test]
fn a_correction_of_a_correction_leads_back() {
    let (all, away, back) = (events(), shift(RIGHT, 77), shift(SAID, 20));
    for late_between in [false, true] {
        let known = if late_between { 6 } else { all.len() };
        let world = World::with(&all[..known], 4);
        tell(&world, 1, &away);
        copy_all(&world, 1, &away, &all[..known]);
        run(&world);
        all[known..].iter().for_each(|op| world.append(op));
        run(&world);
        tell(&world, 2, &back);
        copy_all(&world, 2, &back, &all);
        run(&world);
        assert_eq!(shown(&world.finals()), expected(&all, &back), "late between: {late_between}");
    }
}

#[test]
fn another_class_and_another_state_are_corrected_in_place() {
    let all = events();
    let shift = Shift { old_school_no: SAID, in_service: false, ..shift(SAID, 21) };
    let world = corrected_after(7, &shift);
    run(&world);
    let found = shown(&world.finals());
    assert_eq!(found, expected(&all, &shift));
    assert_eq!((found.1[&SAID].reporting, found.1[&SAID].reporting_unlisted), (0, 1));
}

#[test]
fn without_a_marker_or_without_copies_the_rows_are_wrong() {
    let (all, shift) = (events(), shift(RIGHT, 77));
    let right = expected(&all, &shift);
    // Only the right place is told: the device stands in both schools.
    let world = World::with(&all, 4);
    world.append_record(&markers(1, 5, &shift).next().unwrap());
    copy_all(&world, 1, &shift, &all);
    run(&world);
    assert_ne!(shown(&world.finals()), right);
    // Both are told, and nothing is copied: it stands in none.
    let world = World::with(&all, 4);
    tell(&world, 1, &shift);
    run(&world);
    assert_ne!(shown(&world.finals()), right);
}
