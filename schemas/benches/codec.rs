//! Cost of coding one post: a heartbeat and a burst of 63 probes.
#![allow(missing_docs, clippy::unwrap_used, reason = "bench")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schemas::avro::*;
use schemas::event::*;
use schemas::record::{Belonging, EventRecord};
use schemas::time::Day;
use std::hint::black_box;
use uuid::Uuid;

const AT_MS: i64 = 1_763_600_000_000;

fn heartbeat() -> Heartbeat {
    let span = |from_ms_ago, to_ms_ago| Span { from_ms_ago, to_ms_ago };
    Heartbeat {
        seq: 1234,
        at_ms: AT_MS,
        on: vec![span(5_400_000, 0)],
        active: vec![span(300_000, 180_000), span(60_000, 0)],
        apps: vec![AppSpans { app: "whiteboard".into(), spans: vec![span(300_000, 200_000)] }],
    }
}

fn burst() -> Burst {
    // 2 to 20 ms with no pattern, so that the lengths of the numbers cannot be predicted.
    let mut state = 1_u32;
    let mut rtt = |i: i32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if i % 21 == 20 { None } else { Some(2_000 + (state >> 8) as i32 % 18_000) }
    };
    Burst {
        seq: 77,
        at_ms: AT_MS - 1000,
        anchor: "anchor-gz-1".into(),
        method: Method::Udp,
        link: Link::Wired,
        busy: false,
        interval_ms: 200,
        rtt_us: (0..63).map(&mut rtt).collect(),
    }
}

fn record() -> EventRecord {
    let belonging = Belonging {
        school_no: 1024,
        class_no: 77,
        division: 440_106,
        in_service: true,
        from_day: Day::FIRST,
        until_day: Day::OPEN,
    };
    EventRecord {
        device_no: 123_456,
        boot_id: Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef),
        agent: "1.0.3".into(),
        received_at_ms: AT_MS + 40,
        clock_offset_ms: 0,
        belonging,
        events: Events { heartbeats: vec![heartbeat()], bursts: vec![burst()], ..Events::default() },
        correction: None,
    }
}

fn post(record: &EventRecord) -> Post {
    Post {
        boot_id: record.boot_id,
        sent_at_ms: AT_MS,
        clock_offset_ms: 0,
        agent: record.agent.clone(),
        events: vec![Event::Heartbeat(heartbeat()), Event::Burst(burst())],
    }
}

fn records(criterion: &mut Criterion) {
    let record = record();
    let mut bytes = Vec::with_capacity(4096);
    encode_event_record(&record, &mut bytes);
    let mut group = criterion.benchmark_group("event_record");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = Vec::with_capacity(4096);
    group.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            encode_event_record(black_box(&record), &mut out);
            out.len()
        });
    });
    group.bench_function("decode", |b| b.iter(|| decode_event_record(black_box(&bytes)).unwrap()));
    let activity = Streams { activity: true, ..Streams::NONE };
    group.bench_function("decode activity", |b| {
        b.iter(|| decode_event_record_for(black_box(&bytes), activity).unwrap());
    });
    group.finish();
}

fn posts(criterion: &mut Criterion) {
    let post = post(&record());
    let mut bytes = Vec::with_capacity(4096);
    encode_device_post(&post, &mut bytes);
    let mut group = criterion.benchmark_group("device_post");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = Vec::with_capacity(4096);
    group.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            encode_device_post(black_box(&post), &mut out);
            out.len()
        });
    });
    group.bench_function("decode and walk", |b| {
        b.iter(|| {
            let raw = decode_device_post(black_box(&bytes)).unwrap();
            let spans: usize = raw.heartbeats.iter().map(|e| e.active.iter().filter_map(RawSpan::pair).count()).sum();
            spans + raw.bursts.iter().map(|e| e.rtt_us.iter().flatten().count()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, records, posts);
criterion_main!(benches);
