//! Records to Kafka, in batches of our own making, and the watch over Kafka itself.
//!
//! A batch is handed to the client when every open connection waits for one (no further post can come, so waiting
//! would be idle), when it is as old as the linger, or when it is large. So few connections see short waits and many
//! see large batches.

use super::Sink;
use super::ages::Ages;
use super::batch::Batch;
use super::delivery::Delivery;
use super::keeper::{self, Current};
use super::producer::{Producer, Waiting};
use crate::config::Kafka;
use crate::metrics::Metrics;
use rdkafka::producer::{BaseRecord, Producer as _};
use runtime::shutdown::Shutdown;
use schemas::avro::{encode_event_record, encode_rejected_record};
use schemas::record::{EventRecord, RejectedRecord};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Invalid events that may be under way; beyond they are dropped.
const REJECTED_BYTES: usize = 16 << 20;
/// How often reports are fetched while posts are under way, and otherwise.
const BUSY: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_millis(50);

/// The sink.
pub struct KafkaSink {
    config: Kafka,
    metrics: Metrics,
    ages: Arc<Ages>,
    current: Arc<Current>,
    retired: Sender<Arc<Producer>>,
    batch: Mutex<Batch>,
    /// The first record of a batch has come.
    begun: Notify,
    /// A batch has been handed over: there will be reports to fetch.
    handed: Notify,
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink").field("config", &self.config).finish_non_exhaustive()
    }
}

impl KafkaSink {
    /// A sink that looks for Kafka from now on.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(config: &Kafka, metrics: &Metrics) -> std::io::Result<Arc<KafkaSink>> {
        let current = Arc::new(Current::empty());
        let (retired, receiver) = channel();
        let (config_, metrics_, current_) = (config.clone(), metrics.clone(), Arc::clone(&current));
        std::thread::Builder::new()
            .name("kafka-keeper".into())
            .spawn(move || keeper::run(&config_, &metrics_, &current_, &receiver))?;
        Ok(Arc::new(KafkaSink {
            config: config.clone(),
            metrics: metrics.clone(),
            ages: Arc::default(),
            current,
            retired,
            batch: Mutex::default(),
            begun: Notify::new(),
            handed: Notify::new(),
        }))
    }

    /// The posts under way.
    #[must_use]
    pub const fn ages(&self) -> &Arc<Ages> {
        &self.ages
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over batches as they come of age.
    pub async fn run_linger(&self) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(self.config.linger).await;
            self.flush();
        }
    }

    /// Fetches reports and watches Kafka, until the process stops and nothing is under way.
    pub async fn run_watch(&self, shutdown: &Shutdown) {
        let mut checked = Instant::now();
        loop {
            self.pause().await;
            self.poll();
            if checked.elapsed() >= IDLE {
                checked = Instant::now();
                if self.ages.oldest() > self.config.ack_timeout {
                    self.go_away("no acknowledgement in time");
                }
            }
            if shutdown.is_fired() && self.ages.under_way() == 0 {
                return;
            }
        }
    }

    /// Until it is worth while to ask for reports.
    async fn pause(&self) {
        if self.ages.under_way() == 0 {
            tokio::select! {
                () = self.handed.notified() => {}
                () = tokio::time::sleep(IDLE) => return,
            }
        }
        tokio::time::sleep(BUSY).await;
    }

    fn poll(&self) {
        let producer = self.current.load();
        if let Some(producer) = producer.as_ref() {
            fetch_reports(producer);
            if producer.context().is_lost() {
                self.go_away("the connection is lost");
            }
        }
    }

    /// Fails everything under way, at once; the keeper looks for Kafka again.
    fn go_away(&self, reason: &str) {
        let Some(producer) = self.current.swap(None) else {
            return;
        };
        tracing::warn!(reason, under_way = self.ages.under_way(), "kafka is away");
        self.metrics.kafka_up.set(0);
        self.metrics.kafka_lost.inc();
        self.flush();
        if let Err(unsent) = self.retired.send(producer) {
            keeper::empty(&unsent.0);
        }
    }

    /// Hands the batch over; without Kafka its records fail.
    fn flush(&self) {
        let current = self.current.load();
        let mut batch = self.batch();
        match current.as_ref() {
            None => batch.drain(|record, _| record.delivery.settle(false)),
            Some(producer) => batch.drain(|record, value| {
                let mut key = [0; 10];
                let key = decimal(record.school_no, &mut key);
                hand_over(producer, &self.config.events_topic, key, value, Waiting(Some(record.delivery)));
            }),
        }
        self.handed.notify_one();
    }

    /// Every open connection waits for an acknowledgement.
    fn everybody_waits(&self) -> bool {
        self.ages.under_way() as i64 >= self.metrics.connections.get()
    }

    /// Waits until Kafka has everything, at most so long. For the end of the process.
    pub fn finish(&self, patience: Duration) {
        self.flush();
        if let Some(producer) = self.current.swap(None) {
            if let Err(error) = producer.flush(patience) {
                tracing::warn!(%error, "flush before the end");
            }
            keeper::empty(&producer);
        }
    }
}

impl Sink for KafkaSink {
    fn is_up(&self) -> bool {
        self.current.load().is_some()
    }

    fn send(&self, record: &EventRecord, delivery: &Arc<Delivery>) {
        let (records, bytes) = {
            let mut batch = self.batch();
            let delivery = Arc::clone(delivery);
            batch.add(record.belonging.school_no, delivery, |out| encode_event_record(record, out));
            (batch.len(), batch.bytes())
        };
        if bytes >= self.config.batch_bytes || self.everybody_waits() {
            self.flush();
        } else if records == 1 {
            self.begun.notify_one();
        }
    }

    fn reject(&self, record: &RejectedRecord) {
        let current = self.current.load();
        let Some(producer) = current.as_ref().filter(|p| p.context().rejected_bytes() < REJECTED_BYTES) else {
            self.metrics.rejected_dropped.inc();
            return;
        };
        let mut value = Vec::with_capacity(record.raw.len() + 128);
        encode_rejected_record(record, &mut value);
        producer.context().rejecting(value.len());
        let mut key = [0; 10];
        let key = decimal(record.device_no, &mut key);
        hand_over(producer, &self.config.rejected_topic, key, &value, Waiting(None));
    }
}

/// Fetches all reports that are there: one call of the client fetches one.
fn fetch_reports(producer: &Producer) {
    let mut left = producer.in_flight_count();
    loop {
        producer.poll(Duration::ZERO);
        let now = producer.in_flight_count();
        if now >= left {
            return;
        }
        left = now;
    }
}

fn hand_over(producer: &Producer, topic: &str, key: &[u8], value: &[u8], waiting: Waiting) {
    let record = BaseRecord::with_opaque_to(topic, waiting).key(key).payload(value);
    if let Err((error, record)) = producer.send(record) {
        tracing::debug!(%error, topic, "the kafka client refuses a record");
        producer.context().refused(record.delivery_opaque, value.len());
    }
}

/// Decimal text of a number, without allocating.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decimal_text() {
        for number in [0, 7, 10, 1024, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }
}
