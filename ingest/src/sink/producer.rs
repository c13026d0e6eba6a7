//! The Kafka client as the sink uses it: configured, with its callbacks.

use super::delivery::Delivery;
use crate::config::Kafka;
use crate::metrics::Metrics;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, ProducerContext};
use rdkafka::util::IntoOpaque;
use std::os::raw::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A producer with the sink's callbacks.
pub type Producer = BaseProducer<Callbacks>;

/// Who waits for a record: a post, or nobody (an invalid event).
#[derive(Debug)]
pub struct Waiting(pub Option<Arc<Delivery>>);

impl IntoOpaque for Waiting {
    fn into_ptr(self) -> *mut c_void {
        self.0.map_or(std::ptr::null_mut(), IntoOpaque::into_ptr)
    }

    unsafe fn from_ptr(pointer: *mut c_void) -> Self {
        // SAFETY: the caller passes a pointer of `into_ptr` once; it is null or came from the Arc's own `into_ptr`.
        Waiting((!pointer.is_null()).then(|| unsafe { Arc::from_ptr(pointer) }))
    }
}

/// What the client tells us.
#[derive(Debug)]
pub struct Callbacks {
    metrics: Metrics,
    /// No broker can be reached, or the producer cannot go on.
    lost: AtomicBool,
    /// The cluster has one broker, so losing a connection is losing the cluster.
    single: AtomicBool,
    rejected_bytes: AtomicUsize,
}

impl Callbacks {
    /// Callbacks of a new producer.
    pub fn new(metrics: &Metrics) -> Callbacks {
        let (lost, single) = (AtomicBool::new(false), AtomicBool::new(false));
        Callbacks { metrics: metrics.clone(), lost, single, rejected_bytes: AtomicUsize::new(0) }
    }

    /// Kafka has been lost.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The producer is taken into use: what was lost before does not count; the cluster has so many brokers.
    pub fn begin(&self, brokers: usize) {
        self.single.store(brokers <= 1, Ordering::Relaxed);
        self.lost.store(false, Ordering::Relaxed);
    }

    /// Bytes of invalid events under way.
    pub fn rejected_bytes(&self) -> usize {
        self.rejected_bytes.load(Ordering::Relaxed)
    }

    /// An invalid event of so many bytes is under way.
    pub fn rejecting(&self, bytes: usize) {
        self.rejected_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl ClientContext for Callbacks {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let lost = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Fatal) => true,
            Some(RDKafkaErrorCode::BrokerTransportFailure) => self.single.load(Ordering::Relaxed),
            _ => false,
        };
        tracing::debug!(%error, reason, lost, "kafka error");
        if lost {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = Waiting;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Waiting) {
        match (waiting.0, result) {
            (Some(delivery), result) => delivery.settle(result.is_ok()),
            (None, Ok(message)) => {
                self.rejected_bytes.fetch_sub(message.payload_len(), Ordering::Relaxed);
                self.metrics.rejected_written.inc();
            }
            (None, Err((_, message))) => {
                self.rejected_bytes.fetch_sub(message.payload_len(), Ordering::Relaxed);
                self.metrics.rejected_dropped.inc();
            }
        }
    }
}

/// A producer that has not connected yet.
///
/// Batches are gathered by the sink, so the client's own linger is short: it sends what was handed over together.
/// The message time-out only backs up the sink's own, which fails everything at once.
pub fn create(config: &Kafka, metrics: &Metrics) -> KafkaResult<Producer> {
    ClientConfig::new()
        .set("bootstrap.servers", &config.bootstrap)
        .set("client.id", "classpulse-edge")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("compression.codec", config.compression.as_str())
        .set("linger.ms", "0.5")
        .set("message.timeout.ms", "10000")
        .set("message.max.bytes", "8388608")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "262144")
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("socket.timeout.ms", "5000")
        .set("socket.connection.setup.timeout.ms", "1000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "250")
        .set("log_level", "3")
        .create_with_context(Callbacks::new(metrics))
}

impl Callbacks {
    /// Messages that cannot even be handed over.
    pub fn refused(&self, waiting: Waiting, bytes: usize) {
        match waiting.0 {
            Some(delivery) => delivery.settle(false),
            None => {
                self.rejected_bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.metrics.rejected_dropped.inc();
            }
        }
    }
}
