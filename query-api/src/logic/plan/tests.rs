#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]
use super::*;
use crate::logic::device_plan::{DevicePlan, device_days, device_sessions, device_verdicts};
use crate::logic::scope::DevicesOf;
use schemas::token::{Grant, Role};

const GROUPINGS: [Grouping; 3] = [Grouping::Whole, Grouping::Units, Grouping::Days];

fn scope(place: &str) -> Scope {
    Scope::of_grants(&[Grant { role: Role::CountyAdmin, scope: place.into() }])
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn plan(scope: &Scope, grouping: Grouping) -> Plan<'_> {
    let (from, to) = (day("2026-11-16"), day("2026-11-20"));
    Plan { scope, target: Target::Area(440_106), from, to, grouping, figures: FigureId::ALL }
}

fn calendar(days: &[(&str, u64, u64)]) -> Calendar {
    let count =
        |(text, on, off): &(&str, u64, u64)| DayCount { day: day(text), on: *on, off: *off, provisional: false };
    Calendar { days: days.iter().map(count).collect() }
}

fn week() -> Calendar {
    calendar(&[("2026-11-16", 3, 0), ("2026-11-17", 3, 0), ("2026-11-18", 2, 1), ("2026-11-20", 3, 0)])
}

/// Every statement over rows of schools or devices that a request leads to.
fn statements(scope: &Scope) -> Vec<Statement> {
    let (from, to) = (day("2026-11-16"), day("2026-11-20"));
    let mut all = Vec::new();
    for grouping in GROUPINGS {
        let plan = plan(scope, grouping);
        all.push(plan.roster());
        all.extend(plan.activity(&week()));
        all.extend(plan.network(&week()));
        all.push(plan.in_service_devices(&[to]));
    }
    let devices = DevicePlan { scope, school_no: 7, devices: &DevicesOf::School, from, to, figures: FigureId::ALL };
    all.push(devices.listed());
    all.extend(devices.were_here());
    all.extend(devices.activity(&[to]));
    all.extend(devices.network(&[to]));
    all.push(device_days(scope, 5, from, to));
    all.push(device_verdicts(scope, 5, from, to));
    all.push(device_sessions(scope, 5, from, to));
    all
}

#[test]
fn who_is_online_is_asked_only_of_a_range_that_ends_today() {
    let (scope, today) = (scope("440000"), day("2026-11-20"));
    let whole = plan(&scope, Grouping::Whole);
    assert!(whole.asks_who_is_online(today) && !whole.asks_who_is_online(today.plus(1)));
    let usage = Plan { figures: &[FigureId::UsageRate], ..plan(&scope, Grouping::Whole) };
    assert!(!usage.asks_who_is_online(today));
}

/// The tables that a statement reads without the scope's condition in the same WHERE.
fn unscoped(statement: &Statement, condition: &str) -> usize {
    let reads = statement.text().matches(" FROM ").count();
    reads - statement.text().matches(&format!("WHERE {condition} AND ")).count().min(reads)
}

#[test]
fn every_read_of_every_statement_carries_the_scope() {
    let scope = scope("440106");
    for statement in statements(&scope) {
        assert_eq!(unscoped(&statement, &scope.school_rows()), 0, "{}", statement.text());
    }
}

/// Negative control: the check above sees a statement whose scope was left out.
#[test]
fn a_statement_without_scope_is_caught() {
    let scope = scope("440106");
    for statement in statements(&scope) {
        let leaky = Statement(statement.text().replacen(&scope.school_rows(), "1", 1));
        assert!(unscoped(&leaky, &scope.school_rows()) > 0, "{}", leaky.text());
    }
}

#[test]
fn days_on_which_no_school_is_open_are_left_out_and_closed_schools_are_excluded() {
    let scope = scope("440106");
    let text = plan(&scope, Grouping::Whole).activity(&week()).unwrap().text().to_owned();
    assert!(
        text.contains(
            "day IN (toDate('2026-11-16'), toDate('2026-11-17'), toDate('2026-11-18'), toDate('2026-11-20'))"
        )
    );
    assert!(text.contains("(division, school_no, day) NOT IN (SELECT division, school_no, day FROM roster_day FINAL"));
    assert!(text.contains("day BETWEEN toDate('2026-11-18') AND toDate('2026-11-18') AND school_day = 0"));
    let uniform = calendar(&[("2026-11-16", 3, 0), ("2026-11-17", 3, 0)]);
    let text = plan(&scope, Grouping::Whole).activity(&uniform).unwrap().text().to_owned();
    assert!(!text.contains("NOT IN") && text.contains("day BETWEEN toDate('2026-11-16') AND toDate('2026-11-17')"));
    assert_eq!(plan(&scope, Grouping::Whole).activity(&calendar(&[("2026-11-21", 0, 3)])), None);
}

#[test]
fn columns_that_no_figure_needs_are_not_read() {
    let scope = scope("440106");
    let usage = Plan { figures: &[FigureId::UsageRate], ..plan(&scope, Grouping::Whole) };
    assert_eq!(usage.network(&week()), None);
    assert!(!usage.activity(&week()).unwrap().text().contains("online_slots)"));
    let loss = Plan { figures: &[FigureId::LossRate], ..plan(&scope, Grouping::Whole) };
    assert!(!loss.network(&week()).unwrap().text().contains("latency_hist"));
}

#[test]
fn units_of_a_province_are_cities_and_of_a_city_counties() {
    let scope = scope("440000");
    let of = |code| Plan { target: Target::Area(code), ..plan(&scope, Grouping::Units) }.roster().text().to_owned();
    assert!(of(440_000).contains("if(division = 440000, 0, intDiv(division, 100) * 100)"));
    assert!(of(440_100).contains("if(division = 440100, 0, division)"));
    assert!(of(440_106).contains("if(division = 440106, school_no, 0)"));
}
