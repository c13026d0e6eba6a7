//! Roster days computed by hand.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use schemas::definitions::CURRENT_TOML;
use schemas::registry::{BelongingFrom, DeviceKind, DeviceState};
use schemas::rows::{DeviceRow, RosterDayRow};
use uuid::Uuid;

const ALL: Limits = Limits { rows: 1_000_000, device_nos: 1_000_000 };

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// A Friday.
fn today() -> Day {
    day("2026-11-20")
}

fn org(id: &str, level: Level, parent: &str, division: u32) -> OrgRecord {
    OrgRecord {
        id: id.into(),
        level,
        name: format!("机构{id}"),
        parent: parent.into(),
        division,
        school_no: id.strip_prefix('s').map_or(0, |no| no.parse().unwrap()),
        class_no: 0,
        school_type: String::new(),
        status: vec![],
        calendar: vec![],
        bells: vec![],
        batch: 0,
        pilot: false,
        rev: 1,
        updated_at_ms: 1,
    }
}

fn school(no: u32, division: u32) -> OrgRecord {
    org(&format!("s{no}"), Level::School, &division.to_string(), division)
}

fn span(from: &str, until: &str, school_day: bool, name: &str) -> CalendarSpan {
    let (from_day, until_day) = (day(from), day(until));
    CalendarSpan { from_day, until_day, school_day, name: name.into(), provisional: false }
}

fn at(from_day: Day, school_no: u32, class_no: u32, division: u32, in_service: bool) -> BelongingFrom {
    BelongingFrom { from_day, school_no, class_no, division, in_service }
}

fn device(no: u32, belongings: Vec<BelongingFrom>) -> DeviceRecord {
    DeviceRecord {
        device_no: no,
        device_id: Uuid::from_u128(u128::from(no)),
        kind: DeviceKind::AllInOne,
        state: DeviceState::InService,
        token_gen: 0,
        revoked: false,
        enrolled_at_ms: 0,
        belongings,
        rev: 1,
        updated_at_ms: 1,
    }
}

fn province() -> OrgRecord {
    let calendar =
        vec![span("2026-11-23", "2026-11-25", false, "测试假日"), span("2026-11-21", "2026-11-22", true, "调休上班")];
    OrgRecord { calendar, ..org("440000", Level::Province, "", 440_000) }
}

/// Two counties of one city, a school in the first, another one without devices in the second.
fn small() -> Roster {
    let mut roster = Roster::new(&Definitions::parse(CURRENT_TOML).unwrap(), today());
    roster.apply_org(province()).unwrap();
    roster.apply_org(org("440100", Level::City, "440000", 440_100)).unwrap();
    roster.apply_org(org("440103", Level::County, "440100", 440_103)).unwrap();
    roster.apply_org(org("440106", Level::County, "440100", 440_106)).unwrap();
    roster.apply_org(school(1, 440_106)).unwrap();
    roster.apply_org(school(2, 440_103)).unwrap();
    roster
}

/// Takes all, and forgets it.
fn settle(roster: &mut Roster) {
    assert!(!roster.take(ALL, 1).is_empty());
    assert!(roster.take(ALL, 1).is_empty());
}

fn row<'a>(batch: &'a Batch, division: u32, school_no: u32, on: &str) -> &'a RosterDayRow {
    let wanted = (division, school_no, u16::try_from(day(on).0).unwrap());
    batch.roster.iter().find(|row| (row.division, row.school_no, row.day) == wanted).unwrap()
}

fn schools(batch: &Batch) -> BTreeSet<u32> {
    batch.roster.iter().map(|row| row.school_no).collect()
}

#[test]
fn a_device_counts_from_the_day_after_its_enrolment() {
    let mut roster = small();
    let (first, counts) = (at(Day::FIRST, 1, 11, 440_106, false), at(day("2026-11-18"), 1, 11, 440_106, true));
    roster.apply_device(&device(7, vec![first, counts])).unwrap();
    roster.apply_device(&device(8, vec![at(Day::FIRST, 1, 11, 440_106, true)])).unwrap();
    roster.apply_device(&device(9, vec![at(Day::FIRST, 1, 0, 440_106, true)])).unwrap();
    let batch = roster.take(ALL, 42);
    let before = row(&batch, 440_106, 1, "2026-11-17");
    assert_eq!((before.in_service, before.classes, &before.in_service_nos[..]), (2, 1, &[8, 9][..]));
    let after = row(&batch, 440_106, 1, "2026-11-18");
    assert_eq!((after.in_service, after.classes, &after.in_service_nos[..]), (3, 1, &[7, 8, 9][..]));
    assert_eq!((after.lessons, after.ver), (8, 42));
    let empty = row(&batch, 440_103, 2, "2026-11-18");
    assert_eq!((empty.in_service, empty.classes, empty.school_day), (0, 0, 1), "a school without devices has its rows");
}

#[test]
fn the_window_is_the_accepted_past_and_the_coming_week() {
    let mut roster = small();
    let batch = roster.take(ALL, 1);
    let days: BTreeSet<u16> = batch.roster.iter().map(|row| row.day).collect();
    // 45 days back from 20 November is 6 October; a week ahead is the 27th: 45 + 1 + 7 days.
    assert_eq!(days.len(), 53);
    assert_eq!(i32::from(*days.first().unwrap()), day("2026-10-06").0);
    assert_eq!(i32::from(*days.last().unwrap()), day("2026-11-27").0);
    assert_eq!(batch.roster.len(), 2 * 53);
}

#[test]
fn a_day_is_a_school_day_by_all_levels() {
    let mut roster = small();
    let closure = vec![span("2026-11-19", "2026-11-20", false, "台风停课")];
    roster.apply_org(OrgRecord { calendar: closure, ..org("440103", Level::County, "440100", 440_103) }).unwrap();
    let batch = roster.take(ALL, 1);
    let school_day = |division, school_no, on| row(&batch, division, school_no, on).school_day;
    assert_eq!(school_day(440_106, 1, "2026-11-21"), 1, "a make-up Saturday");
    assert_eq!(school_day(440_106, 1, "2026-11-22"), 0, "a Sunday");
    assert_eq!(school_day(440_106, 1, "2026-11-23"), 0, "a holiday on a Monday");
    assert_eq!(school_day(440_106, 1, "2026-11-19"), 1);
    assert_eq!(school_day(440_103, 2, "2026-11-19"), 0, "the county's closure");
    let name = |org: &str, on| {
        let wanted = u16::try_from(day(on).0).unwrap();
        let row = batch.calendar.iter().find(|row| row.org == org && row.day == wanted);
        row.map(|row| (row.school_day, row.name.as_str()))
    };
    assert_eq!(name("440103", "2026-11-19"), Some((0, "台风停课")));
    assert_eq!(name("440100", "2026-11-21"), Some((1, "调休上班")));
    assert_eq!(name("440106", "2026-11-19"), Some((1, "")));
    assert_eq!(name("s2", "2026-11-19"), None, "a school has rows only where its own calendar decides");
    assert_eq!(batch.calendar.len(), 4 * 53);
}

#[test]
fn own_bells_hold_from_their_day() {
    let mut roster = small();
    let bells = vec![Bells { from_day: day("2026-11-18"), lessons: vec![(28_800, 31_200), (31_800, 34_200)] }];
    roster.apply_org(OrgRecord { bells, ..school(1, 440_106) }).unwrap();
    let batch = roster.take(ALL, 1);
    assert_eq!(row(&batch, 440_106, 1, "2026-11-17").lessons, 8);
    assert_eq!(row(&batch, 440_106, 1, "2026-11-18").lessons, 2);
}

#[test]
fn a_school_that_moved_keeps_its_past_under_the_old_division() {
    let mut roster = small();
    roster.apply_device(&device(7, vec![at(Day::FIRST, 1, 11, 440_106, true)])).unwrap();
    settle(&mut roster);
    let (old, new) = (at(Day::FIRST, 1, 11, 440_106, true), at(day("2026-11-21"), 1, 11, 440_103, true));
    roster.apply_org(school(1, 440_103)).unwrap();
    roster.apply_device(&device(7, vec![old, new])).unwrap();
    let batch = roster.take(ALL, 2);
    let in_service = |division, on| row(&batch, division, 1, on).in_service;
    assert_eq!((in_service(440_106, "2026-11-20"), in_service(440_103, "2026-11-20")), (1, 0));
    assert_eq!((in_service(440_106, "2026-11-21"), in_service(440_103, "2026-11-21")), (0, 1));
}

#[test]
fn rows_that_are_no_longer_true_are_overwritten_also_after_a_restart() {
    let mut roster = small();
    roster.remember_school(1, 440_103);
    roster.remember_school(3, 440_106);
    roster.remember_closure(2, day("2026-11-18"));
    let batch = roster.take(ALL, 1);
    assert_eq!(row(&batch, 440_103, 1, "2026-11-20").in_service, 0, "the school once had another division");
    assert_eq!(row(&batch, 440_106, 3, "2026-11-20").in_service, 0, "a school that is gone");
    let reopened: Vec<_> = batch.calendar.iter().filter(|row| row.org == "s2").collect();
    assert_eq!(reopened.len(), 1);
    assert_eq!((reopened[0].school_day, reopened[0].name.as_str()), (1, ""));
}

#[test]
fn a_closure_that_is_lifted_is_overwritten() {
    let mut roster = small();
    let calendar = vec![span("2026-11-18", "2026-11-20", false, "停水")];
    roster.apply_org(OrgRecord { calendar, ..school(1, 440_106) }).unwrap();
    let own = |batch: &Batch| -> Vec<(u8, String)> {
        let rows = batch.calendar.iter().filter(|row| row.org == "s1");
        rows.map(|row| (row.school_day, row.name.clone())).collect()
    };
    assert_eq!(own(&roster.take(ALL, 1)), [(0, "停水".into()), (0, "停水".into())]);
    roster.apply_org(school(1, 440_106)).unwrap();
    assert_eq!(own(&roster.take(ALL, 2)), [(1, String::new()), (1, String::new())]);
}

#[test]
fn a_repetition_marks_nothing() {
    let mut roster = small();
    let kept = device(7, vec![at(Day::FIRST, 1, 11, 440_106, true)]);
    roster.apply_device(&kept).unwrap();
    settle(&mut roster);
    roster.apply_org(OrgRecord { rev: 99, updated_at_ms: 99, ..province() }).unwrap();
    roster.apply_device(&DeviceRecord { rev: 99, updated_at_ms: 99, token_gen: 3, ..kept }).unwrap();
    assert!(roster.take(ALL, 2).is_empty(), "the province's heartbeat and a rotated token");
    let renamed = OrgRecord { name: "新名".into(), ..school(1, 440_106) };
    roster.apply_org(renamed).unwrap();
    let batch = roster.take(ALL, 2);
    assert_eq!((batch.rows(), batch.orgs.len()), (1, 1), "a name changes no denominator");
}

#[test]
fn a_change_rewrites_only_the_schools_that_it_touches() {
    let mut roster = small();
    roster.apply_device(&device(7, vec![at(Day::FIRST, 1, 11, 440_106, true)])).unwrap();
    roster.apply_device(&device(8, vec![at(Day::FIRST, 2, 21, 440_103, true)])).unwrap();
    settle(&mut roster);
    roster.apply_device(&device(8, vec![at(Day::FIRST, 2, 21, 440_103, false)])).unwrap();
    let batch = roster.take(ALL, 2);
    assert_eq!((schools(&batch), batch.devices.len()), (BTreeSet::from([2]), 1));
    roster.apply_device(&device(8, vec![at(Day::FIRST, 1, 11, 440_106, true)])).unwrap();
    let batch = roster.take(ALL, 3);
    assert_eq!(schools(&batch), BTreeSet::from([1, 2]), "both the school it leaves and the one it joins");
    assert_eq!(row(&batch, 440_103, 2, "2026-11-20").in_service, 0);
    assert_eq!(row(&batch, 440_106, 1, "2026-11-20").in_service, 2);
    roster.remove_device(8);
    assert_eq!(row(&roster.take(ALL, 4), 440_106, 1, "2026-11-20").in_service, 1);
}

#[test]
fn a_county_calendar_rewrites_the_schools_below_it_only() {
    let mut roster = small();
    settle(&mut roster);
    let calendar = vec![span("2026-11-19", "2026-11-20", false, "停课")];
    roster.apply_org(OrgRecord { calendar, ..org("440103", Level::County, "440100", 440_103) }).unwrap();
    let batch = roster.take(ALL, 2);
    assert_eq!(schools(&batch), BTreeSet::from([2]));
    assert!(batch.calendar.iter().all(|row| row.org == "440103") && batch.calendar.len() == 53);
}

#[test]
fn a_new_day_brings_its_rows_and_what_is_told_as_of_today() {
    let mut roster = small();
    let status = vec![
        StatusSpan { from_day: Day::FIRST, status: SchoolStatus::Normal },
        StatusSpan { from_day: day("2026-11-21"), status: SchoolStatus::Merged },
    ];
    roster.apply_org(OrgRecord { status, ..school(2, 440_103) }).unwrap();
    let (here, there) = (at(Day::FIRST, 1, 11, 440_106, true), at(day("2026-11-21"), 2, 21, 440_103, true));
    roster.apply_device(&device(7, vec![here, there])).unwrap();
    roster.apply_device(&device(8, vec![here])).unwrap();
    let batch = roster.take(ALL, 1);
    let school_of = |rows: &[DeviceRow], no| rows.iter().find(|row| row.device_no == no).map(|row| row.school_no);
    assert_eq!(school_of(&batch.devices, 7), Some(1));
    roster.set_today(today());
    assert!(roster.take(ALL, 1).is_empty(), "the day has not changed");
    roster.set_today(day("2026-11-21"));
    let batch = roster.take(ALL, 1);
    assert_eq!((school_of(&batch.devices, 7), school_of(&batch.devices, 8)), (Some(2), None));
    assert_eq!(batch.orgs.iter().map(|row| (row.id.as_str(), row.status)).collect::<Vec<_>>(), [("s2", 2)]);
    assert_eq!(batch.roster.len(), 2, "28 November, for both schools");
    assert_eq!(row(&batch, 440_103, 2, "2026-11-28").in_service_nos, [7]);
    assert_eq!(batch.calendar.len(), 4);
}

#[test]
fn batches_are_bounded_and_together_complete() {
    let mut whole = small();
    let mut parts = small();
    for no in 0..40 {
        let record = device(no, vec![at(Day::FIRST, 1 + no % 9, 11, 440_106, true)]);
        whole.apply_device(&record).unwrap();
        parts.apply_device(&record).unwrap();
    }
    let whole = whole.take(ALL, 1);
    let limits = Limits { rows: 10, device_nos: 100 };
    let mut rows = Batch::default();
    loop {
        let batch = parts.take(limits, 1);
        if batch.is_empty() {
            break;
        }
        assert!(batch.roster.len() <= 10 + 2 * 53 && batch.devices.len() <= 10 && batch.orgs.len() <= 10);
        rows.orgs.extend(batch.orgs);
        rows.devices.extend(batch.devices);
        rows.roster.extend(batch.roster);
        rows.calendar.extend(batch.calendar);
    }
    rows.roster.sort_by_key(|row| (row.school_no, row.division, row.day));
    let mut expected = whole;
    expected.roster.sort_by_key(|row| (row.school_no, row.division, row.day));
    assert_eq!(rows, expected);
}

#[test]
fn impossible_records_are_refused() {
    let mut roster = small();
    assert_eq!(roster.apply_device(&device(7, vec![])), Err(RecordFault::NoBelonging(7)));
    let wrong = OrgRecord { level: Level::County, ..school(5, 440_106) };
    assert_eq!(roster.apply_org(wrong), Err(RecordFault::OrgId("s5".into())));
}
