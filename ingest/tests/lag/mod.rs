//! Two edges of which one has not heard yet what the other has stamp alike, for a change enters into force at the next
//! midnight. With the control that breaks it: a change that is in force at once.

use crate::client::{NOW, TestEdge, device, post};
use schemas::record::Belonging;
use schemas::registry::{BelongingFrom, DeviceRecord};
use schemas::time::{Day, parse_rfc3339_ms};
use serde_json::{Value, json};

/// Today, by the edges' clock.
fn today() -> Day {
    Day::of_ms(parse_rfc3339_ms(NOW).unwrap())
}

/// The device moves to another school from this day on.
fn moved(from_day: Day) -> DeviceRecord {
    let mut device = device();
    device.belongings.push(BelongingFrom { from_day, school_no: 9, class_no: 4, division: 440_103, in_service: true });
    device
}

fn heartbeat(seq: u32, at: &str, on_ms: u32) -> Value {
    json!({"type": "heartbeat", "seq": seq, "at": at, "on": [[on_ms, 0]], "active": [], "apps": []})
}

/// Late events of the day before, one over the midnight, and of today.
fn three_days() -> String {
    post(&[
        heartbeat(0, "2026-11-19T10:00:00.000+08:00", 60_000),
        heartbeat(1, "2026-11-20T00:01:00.000+08:00", 120_000),
        heartbeat(2, NOW, 60_000),
    ])
}

/// What counts of a stamp; until when it holds is not known to an edge that has not heard of its end.
type Stamp = (u32, u32, u32, bool, Day);

/// The stamps under which an edge stores a post, with the events of each.
fn stamps(edge: &TestEdge, body: &str) -> Vec<(Stamp, Vec<u32>)> {
    let answer = edge.send(body, &[]);
    assert_eq!((answer.status, answer.body["accepted"].as_u64()), (200, Some(3)));
    let stamp = |b: &Belonging| (b.school_no, b.class_no, b.division, b.in_service, b.from_day);
    let numbers =
        |record: &schemas::record::EventRecord| record.events.heartbeats.iter().map(|beat| beat.seq).collect();
    edge.sink.records().iter().map(|record| (stamp(&record.belonging), numbers(record))).collect()
}

/// The same post to two edges; one of them has heard of the change.
fn both(change: &DeviceRecord) -> [Vec<(Stamp, Vec<u32>)>; 2] {
    let (fresh, lagging) = (TestEdge::start(|_| {}), TestEdge::start(|_| {}));
    fresh.view.apply(change).unwrap();
    [stamps(&fresh, &three_days()), stamps(&lagging, &three_days())]
}

#[test]
fn edges_with_different_lag_stamp_alike() {
    let [fresh, lagging] = both(&moved(today().plus(1)));
    assert_eq!(fresh, lagging);
    assert_eq!(fresh.len(), 1, "one belonging on all of these days");
}

#[test]
fn from_midnight_on_a_change_that_both_have_heard_of_holds_for_its_days_only() {
    let edges = [TestEdge::start(|_| {}), TestEdge::start(|_| {})];
    // One heard of it today and has the history; the other was started anew and read the topic from its beginning.
    edges[0].view.apply(&device()).unwrap();
    edges.iter().for_each(|edge| edge.view.apply(&moved(today())).unwrap());
    let [one, other] = edges.map(|edge| stamps(&edge, &three_days()));
    assert_eq!(one, other);
    let schools: Vec<_> = one.iter().map(|(stamp, numbers)| (stamp.0, numbers.clone())).collect();
    assert_eq!(schools, [(3, vec![0, 1]), (9, vec![1, 2])], "the event over midnight stands in both");
}

#[test]
fn control_a_change_that_is_in_force_at_once_is_seen() {
    let [fresh, lagging] = both(&moved(today()));
    assert_ne!(fresh, lagging, "the check must see that one edge stamps today's events with the new school");
}
