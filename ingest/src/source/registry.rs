//! Reads the registry's compacted topics from the beginning, for ever, into the view.

use crate::config::{Kafka, millis};
use crate::logic::view::View;
use crate::metrics::Metrics;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use schemas::avro::decode_device_record;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bits of the topics whose end was reached.
const ORGS: u8 = 1;
const DEVICES: u8 = 2;
const BOTH: u8 = ORGS | DEVICES;

/// How fresh the view is.
#[derive(Debug)]
pub struct Freshness {
    /// Topics read to their end at least once.
    complete: AtomicU8,
    /// Real time of the newest record of the registry, ms; it publishes at least every minute.
    heard_ms: AtomicI64,
    max_age_ms: i64,
}

impl Freshness {
    /// Nothing heard yet.
    #[must_use]
    pub fn new(max_age: Duration) -> Freshness {
        let max_age_ms = i64::try_from(millis(max_age)).unwrap_or(i64::MAX);
        Freshness { complete: AtomicU8::new(0), heard_ms: AtomicI64::new(i64::MIN), max_age_ms }
    }

    /// Why the view cannot be used; `None`: it can.
    #[must_use]
    pub fn lack(&self) -> Option<&'static str> {
        if self.complete.load(Ordering::Relaxed) != BOTH {
            return Some("the view of devices is not complete yet");
        }
        match self.age_ms() {
            Some(age_ms) if age_ms <= self.max_age_ms => None,
            Some(_) => Some("the view of devices is too old"),
            None => Some("the registry has published nothing yet"),
        }
    }

    /// Real time since the registry was last heard of, ms; `None`: never.
    #[must_use]
    pub fn age_ms(&self) -> Option<i64> {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed);
        (heard_ms != i64::MIN).then(|| real_ms().saturating_sub(heard_ms))
    }

    /// Marks the view as complete and heard of just now, for tests that fill it by hand.
    pub fn force(&self) {
        self.complete.store(BOTH, Ordering::Relaxed);
        self.heard_ms.store(real_ms(), Ordering::Relaxed);
    }

    fn hear(&self, written_ms: Option<i64>) {
        self.heard_ms.fetch_max(written_ms.unwrap_or_else(real_ms), Ordering::Relaxed);
    }
}

fn real_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The reader: a thread of its own, because the first reading is long.
pub struct Reader {
    kafka: Kafka,
    view: Arc<View>,
    freshness: Arc<Freshness>,
    metrics: Metrics,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Reader {
    /// Starts reading; stops when the flag returned is set.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        kafka: &Kafka,
        view: &Arc<View>,
        freshness: &Arc<Freshness>,
        metrics: &Metrics,
    ) -> std::io::Result<Arc<AtomicBool>> {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = Reader {
            kafka: kafka.clone(),
            view: Arc::clone(view),
            freshness: Arc::clone(freshness),
            metrics: metrics.clone(),
            stop: Arc::clone(&stop),
        };
        std::thread::Builder::new().name("registry-reader".into()).spawn(move || reader.run())?;
        Ok(stop)
    }

    fn run(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.read() {
                tracing::warn!(%error, "read the registry topics; again in a second");
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }

    /// Reads each topic to its end, then follows both. One at a time, because an end is told without its topic.
    fn read(&self) -> KafkaResult<()> {
        let consumer = consumer(&self.kafka)?;
        let mut both = TopicPartitionList::new();
        for (topic, bit) in [(&self.kafka.orgs_topic, ORGS), (&self.kafka.devices_topic, DEVICES)] {
            let next = self.read_to_end(&consumer, topic)?;
            both.add_partition_offset(topic, 0, next)?;
            self.freshness.complete.fetch_or(bit, Ordering::Relaxed);
        }
        tracing::info!(devices = self.view.len(), "the view of devices is complete");
        consumer.assign(&both)?;
        while !self.stop.load(Ordering::Relaxed) {
            self.poll(&consumer);
        }
        Ok(())
    }

    /// Returns where to go on.
    fn read_to_end(&self, consumer: &BaseConsumer<Quiet>, topic: &str) -> KafkaResult<Offset> {
        let mut alone = TopicPartitionList::new();
        alone.add_partition_offset(topic, 0, Offset::Beginning)?;
        consumer.assign(&alone)?;
        while !self.stop.load(Ordering::Relaxed) && !self.poll(consumer) {}
        let position = consumer.position()?.find_partition(topic, 0).map(|partition| partition.offset());
        Ok(match position {
            Some(Offset::Offset(next)) => Offset::Offset(next),
            _ => Offset::Beginning,
        })
    }

    /// Takes what comes next; `true`: that was the end, for now.
    fn poll(&self, consumer: &BaseConsumer<Quiet>) -> bool {
        match consumer.poll(Duration::from_millis(250)) {
            None => self.show(),
            Some(Ok(message)) => self.take(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => {
                self.show();
                return true;
            }
            // The client finds its way back by itself.
            Some(Err(error)) => tracing::debug!(%error, "poll the registry topics"),
        }
        false
    }

    fn take(&self, message: &BorrowedMessage<'_>) {
        if message.topic() == self.kafka.devices_topic {
            self.take_device(message);
        }
        self.freshness.hear(message.timestamp().to_millis());
    }

    fn take_device(&self, message: &BorrowedMessage<'_>) {
        let taken = match message.payload() {
            Some(value) => match decode_device_record(value) {
                Ok(record) => self.view.apply(&record).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
            None => self.remove_device(message.key()),
        };
        if let Err(error) = taken {
            self.metrics.view_refused.inc();
            tracing::error!(error, offset = message.offset(), "a device record cannot be taken");
        }
    }

    fn remove_device(&self, key: Option<&[u8]>) -> Result<(), String> {
        let number = key.and_then(|key| std::str::from_utf8(key).ok()).and_then(|key| key.parse().ok());
        number.map(|number| self.view.remove(number)).ok_or_else(|| "the key is no device number".to_owned())
    }

    fn show(&self) {
        self.metrics.view_devices.set(self.view.len() as i64);
        self.metrics.view_age_seconds.set(self.freshness.age_ms().map_or(-1, |age_ms| age_ms / 1000));
    }
}

/// The client's own words go to the debug log: an end of a partition is no error here.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "kafka client");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka error");
    }
}

impl ConsumerContext for Quiet {}

fn consumer(kafka: &Kafka) -> KafkaResult<BaseConsumer<Quiet>> {
    ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("client.id", "classpulse-edge-view")
        // Never joined: partitions are assigned by hand, and nothing is committed.
        .set("group.id", "classpulse-edge-view")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.message.max.bytes", "1048576")
        // An end is told when a fetch comes back empty, so a start takes some of these, and changes are seen as soon.
        .set("fetch.wait.max.ms", "100")
        // A queue that is full is looked at again so soon; by default a second passes.
        .set("fetch.queue.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "500")
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("log_level", "3")
        .create_with_context(Quiet)
}
