//! Where a consumer group is in a topic of the event log, asked from outside the group.

use crate::logic::rebuild::progress::{Offsets, Standing};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
use schemas::topic::EventTopic;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks for, and sets, a group's offsets.
#[derive(Clone)]
pub struct GroupOffsets {
    consumer: Arc<BaseConsumer>,
    client: ClientConfig,
    group: String,
    topic: EventTopic,
}

impl GroupOffsets {
    /// Of this group, in this topic.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub fn of(kafka: &KafkaConfig, group: &str, topic: EventTopic) -> KafkaResult<GroupOffsets> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &kafka.bootstrap).set("group.id", group).set("enable.auto.commit", "false");
        Ok(GroupOffsets { consumer: Arc::new(client.create()?), client, group: group.to_owned(), topic })
    }

    /// First and last offsets of the topic, and what the group committed.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub async fn standing(&self) -> KafkaResult<Standing> {
        let topic = self.topic;
        self.blocking(move |consumer| ask(consumer, topic)).await
    }

    /// Commits for a group without members: its members begin there.
    ///
    /// # Errors
    /// The group has members, or the brokers do not answer.
    pub async fn set(&self, offsets: Offsets) -> KafkaResult<()> {
        let topic = self.topic.to_string();
        self.blocking(move |consumer| {
            let mut list = TopicPartitionList::new();
            for (partition, offset) in offsets {
                let mut element = list.add_partition(&topic, partition);
                element.set_offset(Offset::Offset(offset))?;
                element.set_metadata(offset.to_string());
            }
            if list.count() == 0 { Ok(()) } else { consumer.commit(&list, CommitMode::Sync) }
        })
        .await
    }

    /// The group has members, as far as the brokers know.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub async fn has_members(&self) -> KafkaResult<bool> {
        let group = self.group.clone();
        self.blocking(move |consumer| {
            let list = consumer.fetch_group_list(Some(&group), ASK_TIMEOUT)?;
            Ok(list.groups().iter().any(|found| !found.members().is_empty()))
        })
        .await
    }

    /// Removes the group's offsets.
    ///
    /// # Errors
    /// The brokers do not answer. A group that is not there is none.
    pub async fn forget(&self) -> KafkaResult<()> {
        let admin: AdminClient<DefaultClientContext> = self.client.create()?;
        admin.delete_groups(&[&self.group], &AdminOptions::new()).await.map(drop)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&BaseConsumer) -> KafkaResult<T> + Send + 'static,
    ) -> KafkaResult<T> {
        let consumer = self.consumer.clone();
        spawn_blocking(move || ask(&consumer)).await.map_err(|_| KafkaError::Canceled)?
    }
}

/// Why a topic may not be read yet.
#[derive(Debug, thiserror::Error)]
pub enum NotYet {
    /// What came before it is not folded.
    #[error("{earlier} is not drained: group {group} is {behind} records behind; {topic} may be read only after that")]
    Undrained {
        /// The topic that must be read first.
        earlier: EventTopic,
        /// The group.
        group: String,
        /// Records that it has not committed.
        behind: u64,
        /// The topic that waits.
        topic: EventTopic,
    },
    /// Nobody knows.
    #[error("ask how far a group is")]
    Kafka(#[from] KafkaError),
}

/// Precondition P1 over topics: a group reads one only when it has committed every record of those before it. Blocks.
///
/// # Errors
/// It has not, or the brokers do not answer.
pub fn check_drained(kafka: &KafkaConfig, group: &str, topic: EventTopic) -> Result<(), NotYet> {
    for earlier in topic.earlier() {
        let standing = ask(&GroupOffsets::of(kafka, group, earlier)?.consumer, earlier)?;
        if !standing.has_reached(&standing.ends) {
            let behind = standing.all().saturating_sub(standing.done());
            return Err(NotYet::Undrained { earlier, group: group.to_owned(), behind, topic });
        }
    }
    Ok(())
}

fn ask(consumer: &BaseConsumer, topic: EventTopic) -> KafkaResult<Standing> {
    let topic = topic.to_string();
    // A topic that is not there (any more) has no partitions.
    let metadata = consumer.fetch_metadata(Some(&topic), ASK_TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    let mut standing = Standing::default();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (begin, end) = consumer.fetch_watermarks(&topic, partition.id(), ASK_TIMEOUT)?;
        standing.begins.insert(partition.id(), begin);
        standing.ends.insert(partition.id(), end);
        list.add_partition(&topic, partition.id());
    }
    for element in consumer.committed_offsets(list, ASK_TIMEOUT)?.elements() {
        if let Offset::Offset(offset) = element.offset() {
            standing.committed.insert(element.partition(), offset);
        }
    }
    Ok(standing)
}
