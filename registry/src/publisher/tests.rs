#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::generator::{Generator, Province};
use crate::logic::model::Place;
use crate::logic::{divisions, holidays};
use crate::store::Waiting;
use crate::store::tests::open;
use rdkafka::error::KafkaError;
use schemas::avro::{decode_device_record, decode_org_record};
use schemas::registry::DeviceState;
use schemas::time::parse_rfc3339_ms;
use std::collections::{BTreeMap, BTreeSet};

/// A topic in memory that fails on request: every `fail_every`th batch is taken only in part.
#[derive(Default)]
struct Memory {
    log: Vec<Waiting>,
    batches: usize,
    fail_every: usize,
    /// Breaks the contract: says that it took what it did not.
    lies: bool,
}

impl Sink for Memory {
    async fn send(&mut self, batch: &[Waiting]) -> Result<(), SendError> {
        self.batches += 1;
        if self.fail_every == 0 || !self.batches.is_multiple_of(self.fail_every) {
            self.log.extend_from_slice(batch);
            return Ok(());
        }
        let taken = batch.len() / 2;
        self.log.extend_from_slice(&batch[..taken]);
        if self.lies {
            return Ok(());
        }
        // What came after the failed one may have arrived all the same.
        self.log.extend_from_slice(&batch[(taken + 1).min(batch.len())..]);
        Err(SendError { taken, source: KafkaError::Canceled })
    }
}

fn at(text: &str) -> i64 {
    parse_rfc3339_ms(text).unwrap()
}

async fn seeded(directory: &tempfile::TempDir, schools: u32) -> Store {
    let store = open(directory).await;
    let divisions = divisions::parse(divisions::GUANGDONG_CSV).unwrap();
    let generator = Generator { schools, ..Generator::new(1, Day::parse("2026-11-20").unwrap()) };
    let calendar = holidays::parse(holidays::HOLIDAYS_TOML).unwrap();
    let province = Province::new(generator, &divisions);
    store.seed(&province, &calendar, false, at("2026-11-20T09:00:00+08:00")).await.unwrap();
    store
}

fn publisher(store: &Store, sink: Memory, clock: &Clock) -> Publisher<Memory> {
    let config = PublisherConfig { poll: Duration::from_millis(1), heartbeat: Duration::from_secs(3_600) };
    Publisher::new(store.clone(), sink, clock.clone(), config, Metrics::default())
}

async fn drain(publisher: &mut Publisher<Memory>) {
    while !matches!(publisher.publish().await, Ok(false)) {}
}

/// Every revision arrives, and the last value of each key is its newest.
fn arrived(log: &[Waiting], revisions: i64) -> bool {
    let seen: BTreeSet<i64> = log.iter().map(|value| value.rev).collect();
    let mut newest = BTreeMap::new();
    let mut last = BTreeMap::new();
    for value in log {
        let newest = newest.entry(&value.record_key).or_insert(value.rev);
        *newest = value.rev.max(*newest);
        last.insert(&value.record_key, value.rev);
    }
    seen.len() as i64 == revisions && newest == last
}

async fn changes_published_through(sink: Memory) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at("2026-11-20T09:00:00+08:00"));
    let store = seeded(&directory, 10).await;
    let mut publisher = publisher(&store, sink, &clock);
    let snapshot = store.count_waiting().await.unwrap();
    drain(&mut publisher).await;
    for round in 0..6 {
        let place = Place { school_no: 1, class_no: round % 3 };
        store.move_device(2, place, clock.now_ms()).await.unwrap();
        store.rotate(2, clock.now_ms()).await.unwrap();
        store.rotate(1, clock.now_ms()).await.unwrap();
        drain(&mut publisher).await;
    }
    arrived(&publisher.sink.log, snapshot + 18)
}

#[tokio::test]
async fn nothing_is_lost_or_overtaken_when_kafka_takes_batches_in_part() {
    assert!(changes_published_through(Memory::default()).await);
    assert!(changes_published_through(Memory { fail_every: 2, ..Memory::default() }).await);
}

/// Negative control: the check sees values that were marked without having arrived.
#[tokio::test]
async fn a_sink_that_lies_is_found() {
    assert!(!changes_published_through(Memory { fail_every: 2, lies: true, ..Memory::default() }).await);
}

#[tokio::test]
async fn a_crash_before_the_mark_repeats_the_same_content() {
    let directory = tempfile::tempdir().unwrap();
    let store = seeded(&directory, 5).await;
    let before = store.waiting(10_000).await.unwrap();
    store.close().await;
    let again = open(&directory).await;
    assert_eq!(again.waiting(10_000).await.unwrap(), before);
}

#[tokio::test]
async fn values_decode_and_a_midnight_brings_enrolments_into_service() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at("2026-11-20T23:59:59+08:00"));
    let store = seeded(&directory, 30).await;
    let mut publisher = publisher(&store, Memory::default(), &clock);
    publisher.try_step().await.unwrap();
    clock.set_ms(at("2026-11-21T00:00:00+08:00"));
    while publisher.try_step().await.unwrap() {}
    assert!(publisher.caught_up().load(Ordering::Relaxed));
    let (devices, orgs): (Vec<_>, Vec<_>) =
        publisher.sink.log.iter().partition(|value| value.topic.contains("devices"));
    for value in orgs {
        let org = decode_org_record(value.value.as_ref().unwrap()).unwrap();
        assert_eq!((org.id.as_str(), org.rev as i64), (value.record_key.as_str(), value.rev));
    }
    let last = decode_device_record(devices.last().unwrap().value.as_ref().unwrap()).unwrap();
    assert_eq!(last.state, DeviceState::InService);
    assert_eq!(last.enrolled_at_ms, at("2026-11-20T00:00:00+08:00"));
    assert_eq!(publisher.metrics.started.get(), 1);
}

#[tokio::test]
async fn a_sign_of_life_is_the_province_again_with_a_new_revision() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at("2026-11-20T09:00:00+08:00"));
    let store = seeded(&directory, 1).await;
    let mut publisher = publisher(&store, Memory::default(), &clock);
    publisher.try_step().await.unwrap();
    publisher.next_beat = Instant::now();
    clock.set_ms(at("2026-11-20T09:10:00+08:00"));
    publisher.try_step().await.unwrap();
    let last = publisher.sink.log.last().unwrap();
    let province = decode_org_record(last.value.as_ref().unwrap()).unwrap();
    assert_eq!((province.id.as_str(), province.updated_at_ms), ("440000", at("2026-11-20T09:10:00+08:00")));
    assert_eq!(province.rev as i64, last.rev);
    assert!(!province.calendar.is_empty());
}
