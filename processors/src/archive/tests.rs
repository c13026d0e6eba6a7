//! The archive against a mock broker: what is committed, and when.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use schemas::avro::encode_event_record;
use schemas::event::{Event, Events, Power, PowerKind};
use schemas::record::{Belonging, EventRecord};
use schemas::rows::EventRawRow;
use schemas::time::Day;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

const TOPIC: &str = "telemetry.events.v1";

/// Keeps rows in memory; refuses them while it is away.
#[derive(Clone, Default)]
struct MemorySink {
    rows: Arc<Mutex<Vec<EventRawRow>>>,
    away: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
}

impl RawSink for MemorySink {
    type Error = std::io::Error;

    async fn write(&self, rows: &[EventRawRow]) -> Result<(), std::io::Error> {
        if self.away.load(Ordering::SeqCst) {
            self.refused.store(true, Ordering::SeqCst);
            return Err(std::io::Error::other("away"));
        }
        self.rows.lock().unwrap().extend_from_slice(rows);
        Ok(())
    }
}

/// A broker, an archive on it, and the end that stops it.
struct Rig {
    cluster: MockCluster<'static, DefaultProducerContext>,
    config: ArchiveConfig,
    sink: MemorySink,
    metrics: ArchiveMetrics,
}

fn framed(seq: u32) -> Vec<u8> {
    let mut events = Events::default();
    events.push(Event::Power(Power { seq, at_ms: 0, kind: PowerKind::Boot }));
    let belonging = Belonging {
        school_no: 1,
        class_no: 0,
        division: 440_106,
        in_service: true,
        from_day: Day::FIRST,
        until_day: Day::OPEN,
    };
    let (agent, boot_id) = ("1".into(), Uuid::from_u128(7));
    let record = EventRecord {
        device_no: 5,
        boot_id,
        agent,
        received_at_ms: 1,
        clock_offset_ms: 0,
        belonging,
        events,
        correction: None,
    };
    let mut bytes = Vec::new();
    encode_event_record(&record, &mut bytes);
    bytes
}

impl Rig {
    async fn with(values: &[Vec<u8>]) -> Rig {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, 1, 1).unwrap();
        let producer: FutureProducer =
            ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).create().unwrap();
        for value in values {
            producer.send(FutureRecord::to(TOPIC).key("1").payload(value), None).await.unwrap();
        }
        let config = ArchiveConfig {
            group_id: "archive".into(),
            instance_id: "archive-1".into(),
            flush_interval: Duration::from_millis(50),
            flush_rows: 1_000,
        };
        Rig { cluster, config, sink: MemorySink::default(), metrics: ArchiveMetrics::default() }
    }

    fn kafka(&self) -> KafkaConfig {
        KafkaConfig { bootstrap: self.cluster.bootstrap_servers() }
    }

    /// Runs an archive until `done`, then stops it.
    async fn run_until(&self, done: impl Fn(&Rig) -> bool) {
        let archiver =
            Archiver::new(&self.kafka(), &self.config, EventTopic::FIRST, self.sink.clone(), self.metrics.clone());
        let archiver = archiver.unwrap();
        let (trigger, shutdown) = Shutdown::new();
        let running = tokio::spawn(async move { archiver.run(&shutdown).await });
        let waiting = async {
            while !done(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), waiting).await.unwrap();
        trigger.fire();
        running.await.unwrap();
    }

    fn committed(&self) -> Option<i64> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", &self.config.group_id)
            .create()
            .unwrap();
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition(TOPIC, 0);
        let offsets = consumer.committed_offsets(partitions, Duration::from_secs(10)).unwrap();
        match offsets.find_partition(TOPIC, 0).unwrap().offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    fn rows(&self) -> usize {
        self.sink.rows.lock().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn written_records_are_committed_and_undecodable_ones_passed_over() {
    let rig = Rig::with(&[framed(0), b"no record".to_vec(), framed(1)]).await;
    rig.run_until(|rig| rig.rows() == 2).await;
    assert_eq!(rig.committed(), Some(3));
    assert_eq!((rig.metrics.archived.get(), rig.metrics.skipped.get()), (2, 1));
    assert_eq!(rig.sink.rows.lock().unwrap()[1].kafka_offset, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_committed_that_was_not_acknowledged() {
    let rig = Rig::with(&[framed(0), framed(1)]).await;
    rig.sink.away.store(true, Ordering::SeqCst);
    rig.run_until(|rig| rig.sink.refused.load(Ordering::SeqCst)).await;
    assert_eq!((rig.committed(), rig.rows()), (None, 0));
    rig.sink.away.store(false, Ordering::SeqCst);
    rig.run_until(|rig| rig.rows() == 2).await;
    assert_eq!(rig.committed(), Some(2));
}

/// What a broker answers to a member whose session ended during an outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fenced_consumer_is_replaced() {
    let rig = Rig::with(&[framed(0), framed(1)]).await;
    let fenced = RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    rig.cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[fenced]);
    // The first commit fails for good; the rows come again, by the consumer that replaces it.
    rig.run_until(|rig| rig.rows() == 4).await;
    assert_eq!(rig.committed(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_waits_goes_on_when_the_table_is_back() {
    let rig = Rig::with(&[framed(0), framed(1)]).await;
    rig.sink.away.store(true, Ordering::SeqCst);
    rig.run_until(|rig| {
        if rig.sink.refused.load(Ordering::SeqCst) {
            rig.sink.away.store(false, Ordering::SeqCst);
        }
        rig.rows() == 2
    })
    .await;
    assert!(rig.metrics.write_failures.get() > 0);
    assert_eq!(rig.committed(), Some(2));
}
