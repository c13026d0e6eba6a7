//! Writes into the log of the events: what corrections that reach back move from one school's log to another's.

use crate::worker::ports::PortFault;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use runtime::config::KafkaConfig;
use schemas::avro::encode_event_record;
use schemas::record::EventRecord;
use schemas::topic::EventTopic;
use std::time::Duration;

/// Records that wait for their acknowledgements together.
const TOGETHER: usize = 1_000;

/// A producer of records of events, keyed by school as the edge's are.
#[derive(Clone)]
pub struct EventLog {
    producer: FutureProducer,
    topic: EventTopic,
}

impl EventLog {
    /// A producer that connects when the first record is sent.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub fn new(kafka: &KafkaConfig, topic: EventTopic) -> KafkaResult<EventLog> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.bootstrap)
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "zstd")
            .set("message.timeout.ms", "10000")
            .set("message.max.bytes", "8388608")
            .create()?;
        Ok(EventLog { producer, topic })
    }

    /// Sends, in order, and waits until all in-sync replicas have every one.
    ///
    /// # Errors
    /// Some may be sent; sent again, they count once.
    pub async fn send(&self, mut records: impl Iterator<Item = &EventRecord>) -> Result<(), PortFault> {
        loop {
            let some: Vec<_> = records.by_ref().take(TOGETHER).map(|record| self.send_one(record)).collect();
            if some.is_empty() {
                return Ok(());
            }
            futures::future::try_join_all(some).await.map_err(|error| PortFault::new("send to the log", error))?;
        }
    }

    /// A topic that was closed, because there are more partitions in the next one, takes nothing (ADR 0009): the next
    /// one is read after it.
    async fn send_one(&self, record: &EventRecord) -> Result<(), KafkaError> {
        match self.send_to(self.topic, record).await {
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                self.send_to(self.topic.next(), record).await
            }
            sent => sent,
        }
    }

    async fn send_to(&self, topic: EventTopic, record: &EventRecord) -> Result<(), KafkaError> {
        let (topic, key) = (topic.to_string(), record.belonging.school_no.to_string());
        let mut value = Vec::new();
        encode_event_record(record, &mut value);
        let sent = self.producer.send(FutureRecord::to(&topic).key(&key).payload(&value), Duration::from_secs(10));
        sent.await.map(drop).map_err(|(error, _)| error)
    }
}
