#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use proptest::prelude::*;
use schemas::event::{Power, PowerKind};
use schemas::time::parse_rfc3339_ms;

fn from(day: &str, school_no: u32) -> BelongingFrom {
    let from_day = if day.is_empty() { Day::FIRST } else { Day::parse(day).unwrap() };
    BelongingFrom { from_day, school_no, class_no: 0, division: 440_106, in_service: true }
}

fn moved() -> Vec<BelongingFrom> {
    vec![from("", 1), from("2026-11-20", 2)]
}

fn heartbeat(at: &str, on: &[(u32, u32)]) -> Heartbeat {
    let on =
        on.iter().map(|(from_ms_ago, to_ms_ago)| Span { from_ms_ago: *from_ms_ago, to_ms_ago: *to_ms_ago }).collect();
    Heartbeat { seq: 0, at_ms: parse_rfc3339_ms(at).unwrap(), on, active: vec![], apps: vec![] }
}

/// Schools of the records, with the number of events in each.
fn schools(events: Events, belongings: &[BelongingFrom]) -> Vec<(u32, usize)> {
    stamp(events, belongings).iter().map(|(belonging, events)| (belonging.school_no, events.len())).collect()
}

fn one(heartbeat: Heartbeat) -> Vec<(u32, usize)> {
    schools(Events { heartbeats: vec![heartbeat], ..Events::default() }, &moved())
}

#[test]
fn an_event_goes_to_each_belonging_whose_days_it_touches() {
    assert_eq!(one(heartbeat("2026-11-19T23:59:59.999+08:00", &[])), [(1, 1)]);
    assert_eq!(one(heartbeat("2026-11-20T00:00:00+08:00", &[])), [(2, 1)]);
    assert_eq!(one(heartbeat("2026-11-20T00:05:00+08:00", &[(300_000, 0)])), [(2, 1)], "from midnight on");
    assert_eq!(one(heartbeat("2026-11-20T00:05:00+08:00", &[(301_000, 0)])), [(1, 1), (2, 1)]);
    assert_eq!(one(heartbeat("2026-11-20T00:00:00.500+08:00", &[(501, 0)])), [(1, 1), (2, 1)], "floored to a second");
    assert_eq!(one(heartbeat("2026-11-19T23:59:59.900+08:00", &[(800, 0)])), [(1, 1)], "empty when floored");
}

#[test]
fn a_span_that_is_empty_when_floored_touches_no_day() {
    let belongings = [from("", 1), from("2026-11-20", 2), from("2026-11-21", 3)];
    let events = |at, on: &[_]| Events { heartbeats: vec![heartbeat(at, on)], ..Events::default() };
    // Within the last second of the 20th: nothing of it is left there, though the event looks back beyond midnight.
    assert_eq!(schools(events("2026-11-21T00:00:00.100+08:00", &[(900, 200)]), &belongings), [(3, 1)]);
    assert_eq!(schools(events("2026-11-21T00:00:00.100+08:00", &[(900, 50)]), &belongings), [(2, 1), (3, 1)]);
}

#[test]
fn a_post_over_a_change_becomes_two_records_each_with_its_own_events() {
    let power = |at: &str| Power { seq: 0, at_ms: parse_rfc3339_ms(at).unwrap(), kind: PowerKind::Boot };
    let events = Events {
        heartbeats: vec![heartbeat("2026-11-20T08:00:00+08:00", &[(36_000_000, 0)])],
        power: vec![
            power("2026-11-19T22:00:00+08:00"),
            power("2026-11-20T07:00:00+08:00"),
            power("2026-11-20T07:30:00+08:00"),
        ],
        ..Events::default()
    };
    let stamped = stamp(events, &moved());
    assert_eq!(
        stamped.iter().map(|(b, e)| (b.school_no, e.heartbeats.len(), e.power.len())).collect::<Vec<_>>(),
        [(1, 1, 1), (2, 1, 2)]
    );
    let day = Day::parse("2026-11-20").unwrap();
    assert_eq!((stamped[0].0.from_day, stamped[0].0.until_day), (Day::FIRST, day));
    assert_eq!((stamped[1].0.from_day, stamped[1].0.until_day), (day, Day::OPEN));
}

proptest! {
    /// By the plainest means: each second of each span, and `at`.
    #[test]
    fn no_touched_day_is_left_out_and_no_other_taken_in(
        at_ms in 1_795_104_000_000_i64 - 200_000..1_795_104_000_000 + 200_000,
        spans in prop::collection::vec((1..200_000_u32, 0..200_000_u32), 0..4),
    ) {
        let belongings = [from("", 1), BelongingFrom { from_day: Day::of_ms(1_795_104_000_000), ..from("", 2) }];
        let on: Vec<Span> = spans
            .into_iter()
            .map(|(a, b)| Span { from_ms_ago: a.max(b) + u32::from(a == b), to_ms_ago: a.min(b) })
            .collect();
        let mut expected: Vec<Day> = vec![Day::of_ms(at_ms)];
        for span in &on {
            let second = |ago: u32| (at_ms - i64::from(ago)).div_euclid(1000);
            expected.extend((second(span.from_ms_ago)..second(span.to_ms_ago)).map(|s| Day::of_ms(s * 1000)));
        }
        let change = belongings[1].from_day;
        let expected_schools: Vec<u32> = [(1, expected.iter().any(|d| *d < change)), (2, expected.iter().any(|d| *d >= change))]
            .into_iter()
            .filter_map(|(school, touched)| touched.then_some(school))
            .collect();
        let heartbeat = Heartbeat { seq: 0, at_ms, on, active: vec![], apps: vec![] };
        let events = Events { heartbeats: vec![heartbeat], ..Events::default() };
        let stamped: Vec<u32> = schools(events, &belongings).into_iter().map(|(school, _)| school).collect();
        prop_assert_eq!(stamped, expected_schools);
    }
}
