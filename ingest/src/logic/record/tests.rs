#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use schemas::avro::encode_event_record;
use schemas::event::{Burst, Heartbeat, Link, Method, Power, PowerKind, Span};
use schemas::time::Day;
use uuid::Uuid;

fn envelope() -> Envelope {
    Envelope { boot_id: Uuid::from_u128(1), sent_at_ms: 0, clock_offset_ms: 0, agent: "1".into() }
}

fn heartbeat(seq: u32) -> Heartbeat {
    let span = |i: u32| Span { from_ms_ago: 86_400_000 - i, to_ms_ago: i };
    Heartbeat { seq, at_ms: 1_795_000_000_000, on: vec![], active: (0..200).map(span).collect(), apps: vec![] }
}

#[test]
fn a_post_too_large_for_one_record_becomes_several_with_every_event_once() {
    let at_ms = 1_795_000_000_000;
    let rtt_us = vec![Some(i32::MAX); 64];
    let (anchor, method, link) = ("a".into(), Method::Udp, Link::Wired);
    let events = Events {
        heartbeats: (0..300).map(heartbeat).collect(),
        bursts: vec![Burst { seq: 0, at_ms, anchor, method, link, busy: true, interval_ms: 10, rtt_us }],
        power: vec![Power { seq: 1, at_ms, kind: PowerKind::Boot }],
        ..Events::default()
    };
    let envelope = envelope();
    let post = Post { device_no: 1, received_at_ms: 0, envelope: &envelope };
    let belonging =
        BelongingFrom { from_day: Day::FIRST, school_no: 1, class_no: 0, division: 440_106, in_service: true };
    let records = records(&post, events, &[belonging], 50_000);
    assert!(records.len() > 5);
    for record in &records {
        let mut bytes = Vec::new();
        encode_event_record(record, &mut bytes);
        assert!(bytes.len() <= 50_100, "{}", bytes.len());
    }
    let mut seqs: Vec<u32> = records.iter().flat_map(|r| r.events.heartbeats.iter().map(|e| e.seq)).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (0..300).collect::<Vec<_>>());
    assert_eq!(records.iter().map(|r| r.events.len()).sum::<usize>(), 302);
}
