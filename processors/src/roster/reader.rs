//! Reads a compacted topic from its beginning, and knows when it has read all that is there.

use rdkafka::client::ClientContext;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Rest while the topic does not exist yet.
const REST: Duration = Duration::from_millis(500);
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Logs errors of the client; the end of a partition, which it reports as one, is what we wait for.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::Global(RDKafkaErrorCode::PartitionEOF)) {
            tracing::warn!(%error, reason, "registry consumer");
        }
    }
}

impl ConsumerContext for Quiet {}

/// What came from the topic.
pub(crate) enum Next {
    /// A value.
    Value(Vec<u8>),
    /// The key of a deleted value.
    Tombstone(Vec<u8>),
    /// Nothing: the end was reached, or the client had an error and goes on.
    Nothing,
}

/// One topic, without group membership or committed offsets.
pub(crate) struct TopicReader {
    consumer: Arc<StreamConsumer<Quiet>>,
    topic: &'static str,
    next: BTreeMap<i32, i64>,
    unfinished: BTreeSet<i32>,
}

impl TopicReader {
    /// A reader; it reads nothing until it is opened.
    pub(crate) fn new(kafka: &KafkaConfig, topic: &'static str) -> KafkaResult<TopicReader> {
        let consumer: StreamConsumer<Quiet> = ClientConfig::new()
            .set("bootstrap.servers", &kafka.bootstrap)
            .set("client.id", "processors-roster")
            // Required by the client; nothing is committed under it.
            .set("group.id", "registry")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.wait.max.ms", "100")
            .create_with_context(Quiet)?;
        Ok(TopicReader { consumer: Arc::new(consumer), topic, next: BTreeMap::new(), unfinished: BTreeSet::new() })
    }

    /// Takes every partition from its beginning; waits until the topic exists.
    pub(crate) async fn open(&mut self) {
        loop {
            match self.try_open().await {
                Ok(()) if !self.unfinished.is_empty() => return,
                Ok(()) => tracing::info!(topic = self.topic, "the topic does not exist yet"),
                Err(error) => tracing::warn!(topic = self.topic, %error, "open the topic"),
            }
            sleep(REST).await;
        }
    }

    async fn try_open(&mut self) -> KafkaResult<()> {
        let (consumer, topic) = (self.consumer.clone(), self.topic);
        let fetch = move || consumer.fetch_metadata(Some(topic), METADATA_TIMEOUT);
        let metadata = tokio::task::spawn_blocking(fetch).await.map_err(|_| KafkaError::Canceled)??;
        let topics = metadata.topics().iter().filter(|found| found.name() == self.topic);
        self.unfinished = topics.flat_map(|found| found.partitions()).map(|partition| partition.id()).collect();
        let mut all = TopicPartitionList::new();
        for partition in &self.unfinished {
            all.add_partition_offset(self.topic, *partition, Offset::Beginning)?;
        }
        self.consumer.assign(&all)
    }

    /// What comes next. May be cancelled.
    pub(crate) async fn next(&mut self) -> Next {
        match self.consumer.recv().await {
            Ok(message) => {
                self.next.insert(message.partition(), message.offset() + 1);
                match message.payload() {
                    Some(value) => Next::Value(value.to_vec()),
                    None => Next::Tombstone(message.key().unwrap_or_default().to_vec()),
                }
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                self.unfinished.remove(&partition);
                Next::Nothing
            }
            // No rest: errors of an outage pile up in the client's queue, before what comes after it.
            Err(error) => {
                tracing::debug!(topic = self.topic, %error, "read the topic");
                Next::Nothing
            }
        }
    }

    /// Every partition has been read to its end once.
    pub(crate) fn at_end(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// Sum of the offsets that are read next.
    pub(crate) fn next_offsets(&self) -> u64 {
        self.next.values().map(|next| u64::try_from(*next).unwrap_or_default()).sum()
    }
}
