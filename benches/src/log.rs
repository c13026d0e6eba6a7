//! The event log of a bench's own Kafka: writes a workload to it, and waits until the ledgers have folded it.

use crate::processors::workload::Workload;
use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use schemas::avro::encode_event_record;
use std::time::{Duration, Instant};

const TOPIC: &str = "telemetry.events.v1";
const GROUP: &str = "ledgers";
const ASK: Duration = Duration::from_secs(10);

/// Kafka's address.
pub struct Log(pub String);

impl Log {
    /// Writes the whole workload, as the edge would.
    pub fn produce(&self, workload: &Workload) -> anyhow::Result<()> {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.0)
            .set("partitioner", "murmur2_random")
            .set("compression.codec", "lz4")
            .set("enable.idempotence", "true")
            .set("linger.ms", "25")
            .set("batch.num.messages", "20000")
            .set("queue.buffering.max.messages", "500000")
            .create()?;
        let mut value = Vec::with_capacity(1024);
        workload.for_each(|school_no, record| {
            value.clear();
            encode_event_record(record, &mut value);
            send(&producer, school_no, &value)
        })?;
        producer.flush(Duration::from_secs(120)).context("flush the producer")
    }

    /// Records that the ledgers' group has committed.
    pub fn committed(&self) -> anyhow::Result<u64> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.0).set("group.id", GROUP).create()?;
        let metadata = consumer.fetch_metadata(Some(TOPIC), ASK)?;
        let mut list = TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            list.add_partition(TOPIC, partition.id());
        }
        let list = consumer.committed_offsets(list, ASK)?;
        let offset = |offset| if let Offset::Offset(offset) = offset { offset.max(0) as u64 } else { 0 };
        Ok(list.elements().iter().map(|element| offset(element.offset())).sum())
    }

    /// Waits until at least `records` are committed; returns how long that took.
    pub fn wait_committed(&self, records: u64, patience: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            // The coordinator may still be loading.
            let committed = self.committed().unwrap_or(0);
            if committed >= records {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < patience, "{committed} of {records} records committed after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, school_no: u32, value: &[u8]) -> anyhow::Result<()> {
    let key = school_no.to_string();
    let mut record = BaseRecord::to(TOPIC).key(&key).payload(value);
    while let Err((error, back)) = producer.send(record) {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        ensure!(error == full, "produce: {error}");
        std::thread::sleep(Duration::from_millis(5));
        record = back;
    }
    Ok(())
}
