//! The thread that finds Kafka: while there is no producer in use it tries one until the cluster answers for the
//! topic; producers out of use are emptied, so that everybody who waits is told, and dropped.

use super::producer::{self, Producer};
use crate::config::Kafka;
use crate::metrics::Metrics;
use arc_swap::ArcSwapOption;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{Producer as _, PurgeConfig};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// For one try.
const TRY: Duration = Duration::from_millis(1000);
/// For emptying a producer; purged messages come back within milliseconds.
const EMPTY: Duration = Duration::from_secs(5);

/// The place of the producer in use; `None`: Kafka is away.
pub type Current = ArcSwapOption<Producer>;

/// Runs until the sender of `retired` is gone.
pub fn run(config: &Kafka, metrics: &Metrics, current: &Current, retired: &Receiver<Arc<Producer>>) {
    let mut candidate = None;
    loop {
        match retired.recv_timeout(PAUSE) {
            Ok(producer) => empty(&producer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if current.load().is_some() {
            continue;
        }
        match attempt(config, metrics, &mut candidate) {
            Ok(producer) => {
                tracing::info!(bootstrap = config.bootstrap, "kafka takes records");
                metrics.kafka_up.set(1);
                current.store(Some(producer));
            }
            Err(error) => tracing::debug!(%error, "kafka is away"),
        }
    }
}

/// A producer whose cluster answers, with a leader for each partition of the topic.
fn attempt(config: &Kafka, metrics: &Metrics, candidate: &mut Option<Producer>) -> KafkaResult<Arc<Producer>> {
    let producer = match candidate.take() {
        Some(producer) => producer,
        None => producer::create(config, metrics)?,
    };
    let answer = producer.client().fetch_metadata(Some(&config.events_topic), TRY);
    producer.poll(Duration::ZERO);
    let metadata = match answer {
        Ok(metadata) => metadata,
        Err(error) => {
            *candidate = Some(producer);
            return Err(error);
        }
    };
    let led = |topic: &rdkafka::metadata::MetadataTopic| {
        topic.error().is_none()
            && !topic.partitions().is_empty()
            && topic.partitions().iter().all(|partition| partition.leader() >= 0)
    };
    if !metadata.topics().iter().all(led) {
        *candidate = Some(producer);
        return Err(rdkafka::error::KafkaError::MetadataFetch(rdkafka::types::RDKafkaErrorCode::LeaderNotAvailable));
    }
    producer.context().begin(metadata.brokers().len());
    Ok(Arc::new(producer))
}

/// Fails what a producer still holds, and waits until everybody has been told.
pub fn empty(producer: &Producer) {
    producer.purge(PurgeConfig::default().queue().inflight().non_blocking());
    let begun = Instant::now();
    while producer.in_flight_count() > 0 && begun.elapsed() < EMPTY {
        producer.poll(Duration::from_millis(5));
    }
    let left = producer.in_flight_count();
    if left > 0 {
        tracing::error!(left, "kafka client keeps messages that were purged");
    }
}
