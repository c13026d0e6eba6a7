use super::*;
use crate::logic::sums::{ActivitySums, DeviceSums, NetworkSums, RosterSums};

/// Two schools on one school day. A: 10 in service in 8 classes, 7 lessons; 6 used. B: silent, 10 in service.
fn two_schools() -> Sums {
    let mut sums = Sums {
        roster: RosterSums { rows: 1, school_day_rows: 1, in_service: 10, classes: 8, schools: 1, lesson_slots: 70 },
        activity: ActivitySums {
            reporting: 8,
            powered: 7,
            used: 6,
            classes_used: 5,
            schools_used: 1,
            on_s: 200_000,
            active_s: 100_000,
            lessons_used: 21,
            online_slots: 315,
        },
        network: NetworkSums {
            pass: 4,
            fail: 1,
            outage: 2,
            partial: 3,
            valid: 95,
            lost: 63,
            sent: 6300,
            ..NetworkSums::default()
        },
        devices: DeviceSums { in_service: 10, active7: 9, active30: 10, online_now: Some(3) },
    };
    sums.network.latency[7] = 100;
    let silent = Sums {
        roster: sums.roster,
        devices: DeviceSums { in_service: 10, online_now: Some(0), ..DeviceSums::default() },
        ..Sums::default()
    };
    sums.add(&silent);
    sums
}

fn check(id: FigureId, num: u64, den: u64) {
    let found = figure(id, &two_schools(), true);
    let expected = Figure { value: Some(num as f64 / den as f64), num: Some(num), den, reason: None };
    assert_eq!(found, expected, "{}", id.as_str());
}

#[test]
fn rates_are_ratios_of_sums_with_silent_schools_in_the_denominator() {
    check(FigureId::UsageRate, 6, 20);
    check(FigureId::ClassUsageRate, 5, 16);
    check(FigureId::SchoolUsageRate, 1, 2);
    check(FigureId::PowerOnRate, 7, 20);
    check(FigureId::OnlineRate, 315, 20 * 63);
    check(FigureId::ReportingRate, 8, 20);
    check(FigureId::LessonUsageRate, 21, 140);
    check(FigureId::Active7Rate, 9, 20);
    check(FigureId::Active30Rate, 10, 20);
    check(FigureId::AvgActiveS, 100_000, 20);
    check(FigureId::AvgActiveSReporting, 100_000, 8);
    check(FigureId::AvgOnS, 200_000, 20);
    check(FigureId::OnlineNow, 3, 20);
    check(FigureId::NetworkPassRate, 4, 20);
    check(FigureId::NetworkKnownShare, 5, 20);
    check(FigureId::LossRate, 63, 6300);
    check(FigureId::OutageRate, 2, 100);
}

#[test]
fn percentiles_have_bursts_as_denominator_and_no_numerator() {
    let p50 = figure(FigureId::LatencyP50, &two_schools(), true);
    assert_eq!(p50, Figure { value: Some(12.5), num: None, den: 100, reason: None });
    let jitter = figure(FigureId::JitterP50, &two_schools(), true);
    assert_eq!(jitter, Figure { value: None, num: None, den: 0, reason: Some(Reason::NoData) });
}

#[test]
fn a_figure_without_value_says_why() {
    let reason_of = |id, sums: &Sums, has_school_days| figure(id, sums, has_school_days).reason;
    let empty = Sums::default();
    assert_eq!(reason_of(FigureId::UsageRate, &empty, false), Some(Reason::NotSchoolDay));
    assert_eq!(reason_of(FigureId::UsageRate, &empty, true), Some(Reason::NoUnits));
    assert_eq!(reason_of(FigureId::LossRate, &empty, true), Some(Reason::NoUnits));
    let closed = Sums { roster: RosterSums { rows: 3, ..RosterSums::default() }, ..Sums::default() };
    assert_eq!(reason_of(FigureId::UsageRate, &closed, true), Some(Reason::NotSchoolDay));
    let silent = Sums {
        roster: RosterSums { rows: 1, school_day_rows: 1, in_service: 4, ..RosterSums::default() },
        ..Sums::default()
    };
    assert_eq!(figure(FigureId::UsageRate, &silent, true).value, Some(0.0));
    assert_eq!(reason_of(FigureId::AvgActiveSReporting, &silent, true), Some(Reason::NoData));
    assert_eq!(reason_of(FigureId::ClassUsageRate, &silent, true), Some(Reason::NoUnits));
    assert_eq!(reason_of(FigureId::OnlineNow, &silent, true), Some(Reason::NoData));
    assert_eq!(reason_of(FigureId::Active7Rate, &silent, true), Some(Reason::NoUnits));
}
