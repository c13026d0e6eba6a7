#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use schemas::registry::DeviceKind;
use schemas::time::parse_rfc3339_ms;
use uuid::Uuid;

fn ms(text: &str) -> i64 {
    parse_rfc3339_ms(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn change<T>(from_day: Day, value: T) -> Change<T> {
    Change { from_day, value }
}

fn device(enrolled_at_ms: i64, places: Vec<Change<Place>>, states: Vec<Change<DeviceState>>) -> Device {
    Device {
        no: 1,
        id: Uuid::nil(),
        kind: DeviceKind::AllInOne,
        state: DeviceState::InService,
        token_gen: 0,
        revoked: false,
        enrolled_at_ms,
        places,
        states,
    }
}

fn school(division: u32) -> SchoolHistory {
    SchoolHistory {
        divisions: vec![change(Day::FIRST, division)],
        statuses: vec![change(Day::FIRST, SchoolStatus::Normal)],
    }
}

fn entry(from_day: Day, school_no: u32, class_no: u32, division: u32, in_service: bool) -> BelongingFrom {
    BelongingFrom { from_day, school_no, class_no, division, in_service }
}

const A: Place = Place { school_no: 1, class_no: 11 };
const B: Place = Place { school_no: 2, class_no: 22 };

fn schools() -> Schools {
    Schools::from([(1, school(440_106)), (2, school(440_103))])
}

#[test]
fn a_change_waits_for_midnight_and_a_late_one_for_the_next() {
    let tomorrow = day("2026-11-21");
    assert_eq!(effective_day(ms("2026-11-20T00:00:00+08:00")), tomorrow);
    assert_eq!(effective_day(ms("2026-11-20T22:59:59.999+08:00")), tomorrow);
    assert_eq!(effective_day(ms("2026-11-20T23:00:00+08:00")), tomorrow.plus(1));
    assert_eq!(effective_day(ms("2026-11-20T23:59:59.999+08:00")), tomorrow.plus(1));
}

#[test]
fn the_day_of_enrolment_is_the_first_places_and_not_in_service() {
    let device = device(ms("2026-11-20T10:00:00+08:00"), vec![change(Day::FIRST, A)], vec![]);
    let expected = vec![entry(Day::FIRST, 1, 11, 440_106, false), entry(day("2026-11-21"), 1, 11, 440_106, true)];
    assert_eq!(belongings(&device, &schools(), Day::FIRST), expected);
}

#[test]
fn enrolled_at_midnight_sharp_is_not_before_that_day() {
    let device = device(day("2026-11-20").start_ms(), vec![change(Day::FIRST, A)], vec![]);
    assert!(!belonging_on(&device, &schools(), day("2026-11-20")).in_service);
    assert!(belonging_on(&device, &schools(), day("2026-11-21")).in_service);
}

#[test]
fn a_move_splits_at_its_midnight() {
    let places = vec![change(Day::FIRST, A), change(day("2026-11-21"), B)];
    let device = device(ms("2026-06-01T10:00:00+08:00"), places, vec![]);
    let entries = belongings(&device, &schools(), day("2026-10-01"));
    let expected = vec![entry(Day::FIRST, 1, 11, 440_106, true), entry(day("2026-11-21"), 2, 22, 440_103, true)];
    assert_eq!(entries, expected, "the time before the enrolment is trimmed");
}

#[test]
fn suspensions_retirements_and_school_statuses_end_service() {
    let states = vec![
        change(day("2026-11-01"), DeviceState::Suspended),
        change(day("2026-11-05"), DeviceState::InService),
        change(day("2026-11-20"), DeviceState::Retired),
    ];
    let device = device(ms("2026-06-01T10:00:00+08:00"), vec![change(Day::FIRST, A)], states);
    let mut schools = schools();
    let status = change(day("2026-11-10"), SchoolStatus::Suspended);
    schools.get_mut(&1).unwrap().statuses.push(status);
    schools.get_mut(&1).unwrap().statuses.push(change(day("2026-11-12"), SchoolStatus::Normal));
    let serving: Vec<_> = belongings(&device, &schools, day("2026-10-01"))
        .into_iter()
        .map(|entry| (entry.from_day.to_string(), entry.in_service))
        .collect();
    let days = ["1970-01-01", "2026-11-01", "2026-11-05", "2026-11-10", "2026-11-12", "2026-11-20"];
    let expected: Vec<_> =
        days.iter().zip([true, false].into_iter().cycle()).map(|(d, s)| (d.to_string(), s)).collect();
    assert_eq!(serving, expected);
}

#[test]
fn a_school_that_changes_its_division_takes_its_devices_along() {
    let device = device(ms("2026-06-01T10:00:00+08:00"), vec![change(Day::FIRST, A)], vec![]);
    let mut schools = schools();
    schools.get_mut(&1).unwrap().divisions.push(change(day("2026-11-10"), 440_000));
    let entries = belongings(&device, &schools, day("2026-10-01"));
    assert_eq!(entries[1], entry(day("2026-11-10"), 1, 11, 440_000, true));
}

/// What somebody does to a device, in hours since the enrolment day's midnight.
#[derive(Clone, Debug)]
enum Act {
    Move(Place),
    State(DeviceState),
    Status(SchoolStatus),
}

#[derive(Clone, Debug)]
struct Story {
    enrolled_hour: i64,
    acts: Vec<(i64, Act)>,
    horizon: i32,
}

const BEGIN: Day = Day(20_000);

fn stories() -> impl Strategy<Value = Story> {
    let act = prop_oneof![
        (1..3_u32, 0..3_u32).prop_map(|(school_no, class_no)| Act::Move(Place { school_no, class_no })),
        prop_oneof![Just(DeviceState::Suspended), Just(DeviceState::InService), Just(DeviceState::Retired)]
            .prop_map(Act::State),
        prop_oneof![Just(SchoolStatus::Suspended), Just(SchoolStatus::Normal)].prop_map(Act::Status),
    ];
    let acts = prop::collection::vec((0..24 * 12_i64, act), 0..12);
    (0..24_i64, acts, -3..15_i32).prop_map(|(enrolled_hour, mut acts, horizon)| {
        acts.iter_mut().for_each(|(hour, _)| *hour += enrolled_hour);
        acts.sort_by_key(|(hour, _)| *hour);
        Story { enrolled_hour, acts, horizon }
    })
}

fn at(hour: i64) -> i64 {
    BEGIN.start_ms() + hour * 3_600_000
}

/// The store's part: each act becomes a row from its effective day, the later entry of a day replacing the earlier.
fn recorded(story: &Story) -> (Device, Schools) {
    let mut device = device(at(story.enrolled_hour), vec![change(Day::FIRST, A)], vec![]);
    let mut schools = schools();
    for (hour, act) in &story.acts {
        let from_day = effective_day(at(*hour));
        match act {
            Act::Move(place) => put(&mut device.places, from_day, *place),
            Act::State(state) => put(&mut device.states, from_day, *state),
            Act::Status(status) => put(&mut schools.get_mut(&1).unwrap().statuses, from_day, *status),
        }
    }
    (device, schools)
}

fn put<T>(changes: &mut Vec<Change<T>>, from_day: Day, value: T) {
    changes.retain(|change| change.from_day != from_day);
    changes.push(change(from_day, value));
    changes.sort_by_key(|change| change.from_day);
}

/// The rule told again, without rows: at each midnight, everything done at least an hour before it is in force.
fn told(story: &Story, day: Day) -> (Place, bool) {
    let (mut place, mut serving, mut normal) = (A, true, true);
    for (hour, act) in &story.acts {
        if at(*hour) < day.start_ms() - 3_600_000 {
            match act {
                Act::Move(to) => place = *to,
                Act::State(state) => serving = *state == DeviceState::InService,
                Act::Status(status) => normal = *status == SchoolStatus::Normal,
            }
        }
    }
    let enrolled = at(story.enrolled_hour) < day.start_ms();
    (place, enrolled && serving && (normal || place.school_no != 1))
}

fn looked_up(entries: &[BelongingFrom], day: Day) -> BelongingFrom {
    entries[entries.partition_point(|entry| entry.from_day <= day) - 1]
}

/// Holds `made` against the rule on every day from the horizon on, and against the shape of a value.
fn check(story: &Story, made: &[BelongingFrom]) -> Result<(), TestCaseError> {
    prop_assert_eq!(made[0].from_day, Day::FIRST);
    for pair in made.windows(2) {
        prop_assert!(pair[0].from_day < pair[1].from_day, "ascending");
        prop_assert!(!same_place(&pair[0], &pair[1]), "neighbours differ");
    }
    let horizon = story.horizon.max(-2);
    prop_assert!(made.iter().skip(1).all(|entry| entry.from_day > BEGIN.plus(horizon)), "trimmed");
    for offset in horizon..20 {
        let day = BEGIN.plus(offset);
        let (place, in_service) = told(story, day);
        let division = if place.school_no == 1 { 440_106 } else { 440_103 };
        let found = looked_up(made, day);
        let expected = entry(found.from_day, place.school_no, place.class_no, division, in_service);
        prop_assert_eq!(found, expected, "{}", day);
    }
    Ok(())
}

fn prove(make: impl Fn(&Device, &Schools, Day) -> Vec<BelongingFrom>) -> bool {
    let mut runner = TestRunner::deterministic();
    let proof = runner.run(&stories(), |story| {
        let (device, schools) = recorded(&story);
        check(&story, &make(&device, &schools, BEGIN.plus(story.horizon.max(-2))))
    });
    proof.is_ok()
}

#[test]
fn every_day_belongs_to_what_was_in_force_at_its_midnight() {
    assert!(prove(belongings));
}

/// Negative controls: the check goes red when the mechanism is broken.
#[test]
fn broken_belongings_are_found() {
    let untrimmed = |device: &Device, schools: &Schools, _: Day| belongings(device, schools, Day::FIRST);
    assert!(!prove(untrimmed), "history that is never trimmed");
    let overtrimmed = |device: &Device, schools: &Schools, horizon: Day| belongings(device, schools, horizon.plus(1));
    assert!(!prove(overtrimmed), "the entry in force at the horizon is cut off");
    let at_once = |device: &Device, schools: &Schools, horizon: Day| {
        let mut early = device.clone();
        early.places.iter_mut().skip(1).for_each(|change| change.from_day = change.from_day.plus(-1));
        belongings(&early, schools, horizon)
    };
    assert!(!prove(at_once), "a move that takes effect on its own day");
    let same_day = |device: &Device, schools: &Schools, horizon: Day| {
        let early = Device { enrolled_at_ms: device.enrolled_at_ms - DAY_MS, ..device.clone() };
        belongings(&early, schools, horizon)
    };
    assert!(!prove(same_day), "a device that serves on the day of its enrolment");
    let deaf = |device: &Device, _: &Schools, horizon: Day| belongings(device, &schools(), horizon);
    assert!(!prove(deaf), "a school's status that is not heard");
}
