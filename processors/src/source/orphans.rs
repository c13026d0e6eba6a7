//! Watches that every partition has an owner.
//!
//! In a cooperative rebalance a partition that moves belongs to nobody until the member that gave it back joins once
//! more. Should that member die in between and come back under its static id, the group gives it what it had, without a
//! rebalance: the partition would stay without an owner until the next one. So the first of the members looks, and where
//! it finds such a partition for longer than a rebalance takes, it lets a visitor join and leave: a member that reads
//! nothing of the log, whose coming makes the group share out what is left over, and moves nothing else.

use crate::logic::dead::DEAD;
use crate::logic::orphans::{assigned, orphans};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use runtime::config::KafkaConfig;
use schemas::topic::EventTopic;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// A visitor that is not let in within this time gives up; the next look sends another.
const VISIT: Duration = Duration::from_secs(20);

/// Which group is watched, and by whom.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Brokers.
    pub kafka: KafkaConfig,
    /// The group.
    pub group: String,
    /// What it reads.
    pub topic: EventTopic,
    /// Client id of the first member of this process.
    pub instance: String,
    /// How long a partition may have no owner; longer than a flush and a join take.
    pub patience: Duration,
}

impl Watch {
    /// Watches until it is dropped.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub async fn keep(self) -> KafkaResult<()> {
        let asker: Arc<BaseConsumer> = Arc::new(self.client().create()?);
        let mut since: Option<Instant> = None;
        loop {
            sleep(LOOK_EVERY).await;
            let (watch, asker) = (self.clone(), asker.clone());
            since = match spawn_blocking(move || watch.is_to_be_mended(&asker)).await {
                Ok(Ok(true)) => since.or_else(|| Some(Instant::now())),
                Ok(Ok(false)) => None,
                // Whoever cannot be asked cannot be mended either.
                Ok(Err(_)) | Err(_) => since,
            };
            if since.is_some_and(|since| since.elapsed() >= self.patience) {
                since = None;
                tracing::warn!(group = self.group, "partitions without an owner, they are shared out anew");
                let watch = self.clone();
                if let Ok(Err(error)) = spawn_blocking(move || watch.visit()).await {
                    tracing::warn!(%error, group = self.group, "visit the group");
                }
            }
        }
    }

    /// The group is at rest, lacks owners, and this process is the one to see to it.
    fn is_to_be_mended(&self, asker: &BaseConsumer) -> KafkaResult<bool> {
        let topic = self.topic.to_string();
        let metadata = asker.fetch_metadata(Some(&topic), ASK_TIMEOUT)?;
        let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        let list = asker.fetch_group_list(Some(&self.group), ASK_TIMEOUT)?;
        let Some(group) = list.groups().iter().find(|group| group.name() == self.group && group.state() == "Stable")
        else {
            return Ok(false);
        };
        let is_first = group.members().iter().map(|member| member.client_id()).min() == Some(&self.instance);
        let had = group.members().iter().filter_map(|member| assigned(member.assignment()?, &topic)).flatten();
        Ok(is_first && !orphans(count, &had.collect::<Vec<_>>()).is_empty())
    }

    fn visit(&self) -> KafkaResult<()> {
        let mut client = self.client();
        client.set("client.id", "visitor").set("partition.assignment.strategy", "cooperative-sticky");
        let visitor: BaseConsumer = client.create()?;
        visitor.subscribe(&[DEAD])?;
        let came = Instant::now();
        while visitor.assignment()?.count() == 0 && came.elapsed() < VISIT {
            // A letter that comes with it is left where it is.
            drop(visitor.poll(Duration::from_millis(100)));
        }
        Ok(())
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.kafka.bootstrap).set("group.id", &self.group);
        client.set("enable.auto.commit", "false").set("auto.offset.reset", "latest");
        client
    }
}
