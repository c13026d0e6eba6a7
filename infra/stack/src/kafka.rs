//! The broker's settings, its topics, and how far a consumer group is behind.

use crate::logic::growth::EventLog;
use crate::logic::manifest::address;
use crate::logic::plan::Kind;
use crate::logic::ports::Ports;
use crate::logic::topics::{Topic, Topics};
use anyhow::{Context, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode;
use schemas::topic::EventTopic;
use std::path::Path;
use std::time::Duration;

/// Identifies the node's storage; any 16 bytes in URL-safe base 64 do.
pub const CLUSTER_ID: &str = "Y2xhc3NwdWxzZS1sb2NhbA";
/// The group that folds the events; those of ledger sets that are kept live have names that begin with it.
const LEDGERS: &str = "ledgers";
/// The group that archives them.
const ARCHIVE: &str = "archive";
/// No record is so small.
const CLOSED: &str = "1";
const PATIENCE: Duration = Duration::from_secs(5);

/// `server.properties` of the local node.
#[must_use]
pub fn properties(ports: Ports, data: &Path) -> String {
    let (broker, controller) = (ports.of(Kind::Kafka, 1), ports.kafka_controller());
    format!(
        "# Written by the launcher at every `up`.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
delete.topic.enable=true
message.max.bytes=11534336
replica.fetch.max.bytes=11534336
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# A worker that is started again must not wait for others, nor for the old one's session.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A broker that was killed registers anew only when its old session is over.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# A small machine.
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
",
        data = data.display()
    )
}

/// Creates the topics that are missing.
///
/// # Errors
/// A broker that does not answer, or refuses one.
pub async fn create_topics(ports: Ports, topics: &Topics) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(ports).create().context("make an admin client")?;
    let wanted: Vec<NewTopic<'_>> = topics.topic.iter().map(new_topic).collect();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    for outcome in admin.create_topics(&wanted, &options).await.context("create topics")? {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => bail!("create topic {name}: {code}"),
        }
    }
    Ok(())
}

fn new_topic(topic: &Topic) -> NewTopic<'_> {
    let size = topic.local;
    let mut wanted = NewTopic::new(&topic.name, size.partitions, TopicReplication::Fixed(size.replication));
    for (key, value) in &topic.config {
        wanted = wanted.set(key, value);
    }
    wanted
}

/// Makes a further topic of events: as the first one, with other partitions. One that is there stays as it is.
///
/// # Errors
/// A broker that does not answer, or refuses it.
pub async fn create_events(ports: Ports, topics: &Topics, topic: EventTopic, partitions: i32) -> Result<()> {
    let mut further = first(topics)?.clone();
    further.name = topic.to_string();
    further.local.partitions = partitions;
    create_topics(ports, &Topics { topic: vec![further] }).await
}

fn first(topics: &Topics) -> Result<&Topic> {
    let first = topics.topic.iter().find(|topic| topic.name == EventTopic::FIRST.to_string());
    first.context("topics.toml lacks the topic of the events")
}

/// Closes a topic of events: whoever still has it open, an edge that was paused, is refused from now on, and its post
/// is answered 503. What is in it stays readable.
///
/// # Errors
/// A broker that does not answer, or refuses.
pub async fn close(ports: Ports, topics: &Topics, topic: EventTopic) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = client(ports).create().context("make an admin client")?;
    let (name, first) = (topic.to_string(), first(topics)?);
    // The request replaces all settings of a topic, so it names those that stay, too.
    let mut wanted = AlterConfig::new(ResourceSpecifier::Topic(&name));
    for (key, value) in first.config.iter().filter(|(key, _)| *key != "max.message.bytes") {
        wanted = wanted.set(key, value);
    }
    wanted = wanted.set("max.message.bytes", CLOSED);
    for outcome in admin.alter_configs([&wanted], &AdminOptions::new()).await.context("close a topic")? {
        if let Err((_, code)) = outcome {
            bail!("close {name}: {code}");
        }
    }
    Ok(())
}

/// Partitions of a topic; 0: it is not there.
///
/// # Errors
/// A broker that does not answer.
pub fn partitions(ports: Ports, topic: EventTopic) -> Result<i32> {
    let consumer: BaseConsumer = client(ports).create().context("make a consumer")?;
    let metadata = consumer.fetch_metadata(Some(&topic.to_string()), PATIENCE).context("ask for the topic")?;
    Ok(i32::try_from(metadata.topics().first().map_or(0, |topic| topic.partitions().len()))?)
}

fn client(ports: Ports) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address(ports.of(Kind::Kafka, 1)));
    // The launcher judges Kafka's health itself; the client's own complaints would only fill the terminal.
    config.set("log_level", "0");
    config
}

/// Where the ledgers are in the log of events, over all partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Records that are folded and committed.
    pub committed: u64,
    /// Records that are not.
    pub behind: i64,
}

/// Asks how far the ledgers are, in the topic that is folded and the one that is written. Blocks; not for the launcher's
/// own thread.
///
/// # Errors
/// A broker that does not answer.
pub fn lag(ports: Ports, log: &EventLog) -> Result<Lag> {
    let mut lag = lag_of(ports, LEDGERS, log.folded)?;
    if log.written != log.folded {
        let further = lag_of(ports, LEDGERS, log.written)?;
        (lag.committed, lag.behind) = (lag.committed + further.committed, lag.behind + further.behind);
    }
    Ok(lag)
}

/// How far everybody is who must read all of a topic: ledgers, archive, ledger sets that are kept live. Blocks.
///
/// # Errors
/// A broker that does not answer.
pub fn lags(ports: Ports, topic: EventTopic) -> Result<Vec<(String, Lag)>> {
    let consumer: BaseConsumer = client(ports).create().context("make a consumer")?;
    let groups = consumer.client().fetch_group_list(None, PATIENCE).context("ask for the groups")?;
    let is_set = |group: &&GroupInfo| group.name().starts_with("ledgers-") && !group.members().is_empty();
    let sets = groups.groups().iter().filter(is_set).map(|group| group.name().to_owned());
    let all = [LEDGERS, ARCHIVE].map(str::to_owned).into_iter().chain(sets);
    all.map(|group| lag_of(ports, &group, topic).map(|lag| (group, lag))).collect()
}

fn lag_of(ports: Ports, group: &str, topic: EventTopic) -> Result<Lag> {
    let consumer: BaseConsumer = client(ports).set("group.id", group).create().context("make a consumer")?;
    let (name, partitions) = (topic.to_string(), partitions(ports, topic)?);
    if partitions == 0 {
        return Ok(Lag::default());
    }
    let mut wanted = rdkafka::TopicPartitionList::new();
    wanted.add_partition_range(&name, 0, partitions - 1);
    let committed = consumer.committed_offsets(wanted, PATIENCE).context("ask for committed offsets")?;
    let mut lag = Lag::default();
    for partition in committed.elements() {
        let (low, high) = consumer.fetch_watermarks(&name, partition.partition(), PATIENCE)?;
        let at = match partition.offset() {
            Offset::Offset(offset) => offset.max(low),
            _ => low,
        };
        lag.committed += u64::try_from(at).unwrap_or(0);
        lag.behind += (high - at).max(0);
    }
    Ok(lag)
}
