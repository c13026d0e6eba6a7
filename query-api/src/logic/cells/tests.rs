#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
use super::*;
use crate::logic::units::Facts;
use schemas::org::OrgId;
use schemas::token::{Grant, Role};

fn scope(place: &str) -> Scope {
    Scope::of_grants(&[Grant { role: Role::CityAdmin, scope: place.into() }])
}

fn roster(rows: u64, on: u64, in_service: u64) -> Told {
    let sums = RosterSums { rows, school_day_rows: on, in_service, ..RosterSums::default() };
    Told::Roster(Counted { sums, rows, ver: rows }, false)
}

fn activity(used: u64, ver: u64) -> Told {
    Told::Activity(Counted { sums: ActivitySums { used, ..ActivitySums::default() }, rows: 1, ver })
}

/// The school right below 440100; the other places are counties.
const SCHOOL: u32 = 7;

fn place(area: u32) -> Place {
    (area, if area.is_multiple_of(100) { SCHOOL } else { 0 })
}

/// Reads everything that is stale of a table, as the tables would tell it.
fn read(cells: &mut Cells, table: Table, rows: &[(u32, i32, Told)]) {
    while let Some(reread) = cells.stale(table, 14) {
        let asked = |area: &u32, day: &i32| {
            reread.days.contains(&Day(*day)) && reread.areas.as_ref().is_none_or(|areas| areas.contains(area))
        };
        let told = rows.iter().filter(|(area, day, _)| asked(area, day));
        cells.put(
            table,
            &reread,
            told.map(|(area, day, told)| (place(*area), Day(*day), told.clone())).collect::<Vec<_>>().into_iter(),
        );
    }
}

/// Two days of a city with a school of its own (day 11: off), two counties, and a county of another city.
fn city() -> Cells {
    let mut cells = Cells::default();
    cells.hold(Day(10), Day(11));
    let rosters = [
        (440_100, 10, roster(1, 1, 5)),
        (440_100, 11, roster(1, 0, 0)),
        (440_103, 10, roster(2, 2, 20)),
        (440_103, 11, roster(2, 1, 10)),
        (440_104, 10, roster(3, 3, 30)),
        (440_204, 10, roster(9, 9, 90)),
        (440_204, 11, roster(9, 9, 90)),
    ];
    let activities = [
        (440_100, 10, activity(4, 100)),
        (440_103, 10, activity(11, 100)),
        (440_103, 11, activity(7, 100)),
        (440_104, 10, activity(22, 100)),
        (440_204, 10, activity(77, 100)),
    ];
    read(&mut cells, Table::Roster, &rosters);
    read(&mut cells, Table::Activity, &activities);
    read(&mut cells, Table::Network, &[]);
    cells
}

fn gather(cells: &Cells, scope: &Scope, grouping: Grouping) -> Facts {
    let wanted = Wanted { scope, area: 440_100, from: Day(10), to: Day(11), grouping, network: true };
    cells.gather(&wanted).finish().0
}

#[test]
fn an_area_is_the_sum_of_what_lies_in_it() {
    let whole = gather(&city(), &scope("440100"), Grouping::Whole);
    assert_eq!((whole.whole.activity.used, whole.whole.roster.in_service), (4 + 11 + 7 + 22, 5 + 20 + 10 + 30));
    let counts: Vec<_> = whole.calendar.days.iter().map(|day| (day.day.0, day.on, day.off)).collect();
    assert_eq!(counts, [(10, 6, 0), (11, 1, 2)]);
    let by_day = gather(&city(), &scope("440000"), Grouping::Days);
    assert_eq!((by_day.days[&10].activity.used, by_day.days[&11].activity.used), (37, 7));
}

#[test]
fn units_are_areas_and_the_schools_right_below() {
    let facts = gather(&city(), &scope("440100"), Grouping::Units);
    let used: BTreeMap<String, u64> =
        facts.units.iter().map(|(id, sums)| (id.to_string(), sums.activity.used)).collect();
    assert_eq!(used, BTreeMap::from([("440103".into(), 18), ("440104".into(), 22), (format!("s{SCHOOL}"), 4)]));
    assert_eq!(facts.calendar.days.len(), 2, "the calendar is that of all schools");
    assert!(!facts.units.contains_key(&OrgId::Area(440_204)));
}

#[test]
fn a_scope_that_does_not_cover_an_area_gets_nothing_of_it() {
    let county = gather(&city(), &scope("440103"), Grouping::Whole);
    assert_eq!(county.whole.activity.used, 18);
    for narrow in ["s7", "c7", "440204"] {
        let nothing = gather(&city(), &scope(narrow), Grouping::Whole);
        assert_eq!((nothing.whole, nothing.calendar.days.len()), (Default::default(), 0), "{narrow}");
    }
}

#[test]
fn what_changed_is_read_again_and_nothing_else() {
    let mut cells = city();
    assert_eq!(cells.stale(Table::Activity, 14), None);
    cells.touch(Table::Activity, 440_103, Day(11));
    cells.touch(Table::Activity, 440_103, Day(99));
    let wanted = Reread { days: vec![Day(11)], areas: Some(vec![440_103]) };
    assert_eq!((cells.stale(Table::Activity, 14), cells.stale(Table::Roster, 14)), (Some(wanted.clone()), None));
    cells.put(Table::Activity, &wanted, [(place(440_103), Day(11), activity(8, 101))].into_iter());
    assert_eq!(cells.stale(Table::Activity, 14), None);
    assert_eq!(gather(&cells, &scope("440100"), Grouping::Days).days[&11].activity.used, 8);
}

#[test]
fn numerators_follow_the_roster_and_rows_that_are_gone_leave_nothing() {
    let mut cells = city();
    cells.touch(Table::Roster, 440_104, Day(10));
    for table in Table::ALL {
        assert!(cells.stale(table, 14).is_some(), "{}", table.name());
        read(&mut cells, table, &[]);
    }
    let facts = gather(&cells, &scope("440100"), Grouping::Whole);
    assert_eq!((facts.whole.activity.used, facts.whole.roster.in_service), (22, 35), "without 440104");
}

#[test]
fn a_new_day_is_read_and_an_old_one_is_dropped() {
    let mut cells = city();
    cells.touch(Table::Roster, 440_103, Day(10));
    cells.hold(Day(11), Day(12));
    assert_eq!(cells.stale(Table::Roster, 14), Some(Reread { days: vec![Day(12)], areas: None }));
    assert_eq!(gather(&cells, &scope("440100"), Grouping::Whole).calendar.days.len(), 1);
    let long = Cells::default();
    assert!(long.is_empty() && long.stale(Table::Roster, 1).is_none());
}

#[test]
fn statements_of_many_days_are_taken_in_turns() {
    let mut cells = Cells::default();
    cells.hold(Day(0), Day(9));
    let mut reads = Vec::new();
    while let Some(reread) = cells.stale(Table::Network, 4) {
        reads.push(reread.days.len());
        cells.put(Table::Network, &reread, std::iter::empty());
    }
    assert_eq!(reads, [4, 4, 2]);
}
