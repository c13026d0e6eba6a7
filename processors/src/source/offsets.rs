//! Where a consumer group is in the event log, asked from outside the group.

use super::kafka::EVENTS;
use crate::logic::rebuild::progress::{Offsets, Standing};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
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
}

impl GroupOffsets {
    /// Of this group.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub fn of(kafka: &KafkaConfig, group: &str) -> KafkaResult<GroupOffsets> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &kafka.bootstrap).set("group.id", group).set("enable.auto.commit", "false");
        Ok(GroupOffsets { consumer: Arc::new(client.create()?), client, group: group.to_owned() })
    }

    /// First and last offsets of the topic, and what the group committed.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub async fn standing(&self) -> KafkaResult<Standing> {
        self.blocking(ask).await
    }

    /// Commits for a group without members: its members begin there.
    ///
    /// # Errors
    /// The group has members, or the brokers do not answer.
    pub async fn set(&self, offsets: Offsets) -> KafkaResult<()> {
        self.blocking(move |consumer| {
            let mut list = TopicPartitionList::new();
            for (partition, offset) in offsets {
                let mut element = list.add_partition(EVENTS, partition);
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

fn ask(consumer: &BaseConsumer) -> KafkaResult<Standing> {
    let metadata = consumer.fetch_metadata(Some(EVENTS), ASK_TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    let mut standing = Standing::default();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (begin, end) = consumer.fetch_watermarks(EVENTS, partition.id(), ASK_TIMEOUT)?;
        standing.begins.insert(partition.id(), begin);
        standing.ends.insert(partition.id(), end);
        list.add_partition(EVENTS, partition.id());
    }
    for element in consumer.committed_offsets(list, ASK_TIMEOUT)?.elements() {
        if let Offset::Offset(offset) = element.offset() {
            standing.committed.insert(element.partition(), offset);
        }
    }
    Ok(standing)
}
