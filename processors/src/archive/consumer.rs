//! The archive's member of its consumer group.

use crate::config::ArchiveConfig;
use crate::logic::archive::Position;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
use schemas::avro::{CodecError, decode_event_record};
use schemas::record::EventRecord;
use schemas::topic::EventTopic;
use std::collections::BTreeMap;

/// What came from the log.
#[allow(clippy::large_enum_variant, reason = "nearly all are records: a box each would cost more")]
pub(super) enum Received {
    /// A record, decoded if it could be.
    Record(Position, Result<EventRecord, CodecError>),
    /// Nothing; the client goes on by itself.
    Failed(KafkaError),
}

/// Reads the log as a static member of a group; commits when told to.
pub(super) struct LogConsumer {
    inner: StreamConsumer,
    topic: EventTopic,
    paused: bool,
}

impl LogConsumer {
    /// Joins the group.
    pub(super) fn subscribe(
        kafka: &KafkaConfig,
        config: &ArchiveConfig,
        topic: EventTopic,
    ) -> KafkaResult<LogConsumer> {
        let instance = topic.member(&config.instance_id);
        let inner: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.bootstrap)
            .set("client.id", &instance)
            .set("group.id", &config.group_id)
            .set("group.instance.id", &instance)
            .set("session.timeout.ms", "10000")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // The archive is in no hurry: few, large fetches, and a bounded read-ahead.
            .set("fetch.min.bytes", "262144")
            .set("fetch.wait.max.ms", "1000")
            .set("queued.max.messages.kbytes", "16384")
            .create()?;
        inner.subscribe(&[&topic.to_string()])?;
        Ok(LogConsumer { inner, topic, paused: false })
    }

    /// The client cannot go on: after an outage longer than its session it is fenced by its own id. It must be replaced.
    pub(super) fn is_lost(&self) -> bool {
        self.inner.client().fatal_error().is_some()
    }

    /// The next record. May be cancelled.
    pub(super) async fn receive(&self) -> Received {
        match self.inner.recv().await {
            Ok(message) => {
                let (generation, offset) = (self.topic.generation(), message.offset());
                let at = Position { generation, partition: message.partition(), offset };
                Received::Record(at, decode_event_record(message.payload().unwrap_or_default()))
            }
            Err(error) => Received::Failed(error),
        }
    }

    /// Stops fetching all that is assigned now.
    pub(super) fn pause(&mut self) {
        self.paused = true;
        warn_on_error("pause", self.inner.assignment().and_then(|assigned| self.inner.pause(&assigned)));
    }

    /// Fetches again, if it was paused.
    pub(super) fn resume(&mut self) {
        if std::mem::take(&mut self.paused) {
            warn_on_error("resume", self.inner.assignment().and_then(|assigned| self.inner.resume(&assigned)));
        }
    }

    /// Commits in the background. A commit that fails is made good by the next one; until then a restart would repeat
    /// rows, which collapse.
    pub(super) fn commit(&self, next: &BTreeMap<i32, i64>) {
        warn_on_error(
            "commit",
            list(self.topic, next).and_then(|offsets| self.inner.commit(&offsets, CommitMode::Async)),
        );
    }

    /// Commits and waits for the broker.
    pub(super) fn commit_now(&self, next: &BTreeMap<i32, i64>) {
        if !next.is_empty() {
            let commit = || list(self.topic, next).and_then(|offsets| self.inner.commit(&offsets, CommitMode::Sync));
            warn_on_error("commit", tokio::task::block_in_place(commit));
        }
    }
}

fn list(topic: EventTopic, next: &BTreeMap<i32, i64>) -> KafkaResult<TopicPartitionList> {
    let topic = topic.to_string();
    let mut offsets = TopicPartitionList::with_capacity(next.len());
    for (partition, offset) in next {
        offsets.add_partition_offset(&topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(offsets)
}

fn warn_on_error(doing: &str, result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, doing, "archive consumer");
    }
}
