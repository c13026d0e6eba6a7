//! Kafka.

use super::{SendError, Sink};
use crate::store::Waiting;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};

/// An idempotent producer: what is acknowledged is in all in-sync replicas, and the order of a partition is the order
/// of sending.
pub struct KafkaSink {
    config: ClientConfig,
    producer: FutureProducer,
}

impl KafkaSink {
    /// Connects in the background.
    ///
    /// # Errors
    /// The address makes no sense.
    pub fn new(bootstrap: &str) -> Result<KafkaSink, KafkaError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("client.id", "registry")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "zstd")
            .set("linger.ms", "5")
            .set("reconnect.backoff.max.ms", "1000")
            // A batch that is not taken by then is sent again from the outbox.
            .set("message.timeout.ms", "10000");
        let producer = config.create()?;
        Ok(KafkaSink { config, producer })
    }

    /// An idempotent producer that gave up for good is replaced; order is kept, because nothing is in flight here.
    fn revive(&mut self) -> Result<(), KafkaError> {
        if self.producer.client().fatal_error().is_some() {
            self.producer = self.config.create()?;
        }
        Ok(())
    }

    fn enqueue(&self, value: &Waiting) -> Result<DeliveryFuture, KafkaError> {
        let mut record = FutureRecord::to(&value.topic).key(&value.record_key);
        record.payload = value.value.as_ref();
        self.producer.send_result(record).map_err(|(error, _)| error)
    }
}

impl Sink for KafkaSink {
    async fn send(&mut self, batch: &[Waiting]) -> Result<(), SendError> {
        self.revive().map_err(|source| SendError { taken: 0, source })?;
        let mut deliveries = Vec::with_capacity(batch.len());
        let mut refused = None;
        for value in batch {
            match self.enqueue(value) {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        let enqueued = deliveries.len();
        settle(deliveries).await?;
        refused.map_or(Ok(()), |source| Err(SendError { taken: enqueued, source }))
    }
}

/// Waits for every delivery, also after a failed one, so that a repetition cannot overtake what is still in flight.
async fn settle(deliveries: Vec<DeliveryFuture>) -> Result<(), SendError> {
    let mut failed = None;
    for (taken, delivery) in deliveries.into_iter().enumerate() {
        let outcome = match delivery.await {
            Ok(Ok(_)) => continue,
            Ok(Err((error, _))) => error,
            Err(_) => KafkaError::Canceled,
        };
        failed.get_or_insert(SendError { taken, source: outcome });
    }
    failed.map_or(Ok(()), Err)
}
