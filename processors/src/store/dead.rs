//! The dead-letter topic, and the way back into the log of the events.

use super::events::EventLog;
use crate::worker::ports::{DeadLetters, PortFault};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{FutureProducer, FutureRecord};
use runtime::config::KafkaConfig;
use schemas::avro::encode_dead_record;
use schemas::record::{DeadRecord, EventRecord};
use schemas::topic::EventTopic;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// Topic of what could not be folded; keyed by the source partition.
pub const TOPIC: &str = "telemetry.dead.v1";

/// Sends dead letters, each acknowledged by all in-sync replicas.
pub struct DeadTopic {
    producer: FutureProducer,
    events: EventLog,
    runtime: Handle,
}

impl DeadTopic {
    /// A producer that connects when the first letter is sent.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub fn new(kafka: &KafkaConfig, events: EventTopic, runtime: Handle) -> KafkaResult<DeadTopic> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.bootstrap)
            .set("enable.idempotence", "true")
            .set("compression.type", "zstd")
            .set("message.timeout.ms", "10000")
            // A letter carries a whole source record and a little more.
            .set("message.max.bytes", "16777216")
            .create()?;
        Ok(DeadTopic { producer, events: EventLog::new(kafka, events)?, runtime })
    }

    async fn send_one(&self, letter: &DeadRecord) -> Result<(), PortFault> {
        let key = format!("{}/{}", letter.topic, letter.partition);
        let mut value = Vec::new();
        // The worker's own time counts from its start; people want to know when it was.
        encode_dead_record(&DeadRecord { at_ms: wall_ms(), ..letter.clone() }, &mut value);
        let record = FutureRecord::to(TOPIC).key(&key).payload(&value);
        match self.producer.send(record, Duration::from_secs(10)).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(PortFault::new("send a dead letter", error)),
        }
    }
}

fn wall_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

impl DeadLetters for DeadTopic {
    fn send(&mut self, letters: &[DeadRecord]) -> Result<(), PortFault> {
        let all = futures::future::try_join_all(letters.iter().map(|letter| self.send_one(letter)));
        self.runtime.block_on(all).map(drop)
    }

    fn forward(&mut self, records: &mut dyn Iterator<Item = &EventRecord>) -> Result<(), PortFault> {
        self.runtime.block_on(self.events.send(records))
    }
}

/// Without a topic, letters and records go nowhere: for who folds again what another has folded, and meets the same records.
impl DeadLetters for Option<DeadTopic> {
    fn send(&mut self, letters: &[DeadRecord]) -> Result<(), PortFault> {
        self.as_mut().map_or(Ok(()), |topic| topic.send(letters))
    }

    fn forward(&mut self, records: &mut dyn Iterator<Item = &EventRecord>) -> Result<(), PortFault> {
        self.as_mut().map_or(Ok(()), |topic| topic.forward(records))
    }
}
