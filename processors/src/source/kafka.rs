//! The event log in Kafka, as a static member of the ledgers' group with cooperative assignment: a change of ownership
//! names the partitions that move, and all others go on (docs/adr/0008).
//!
//! Changes are noted where librdkafka tells them and acted on between polls, so that the worker can write and commit
//! before it gives partitions back. One change is told at a time: the next comes when this one was acted on.

use crate::config::WorkerConfig;
use crate::logic::worker::{Commit, Record};
use crate::worker::ports::{Appetite, Assigned, Log, Polled, PortFault};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
use schemas::topic::EventTopic;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A record that waited for longer is not live.
const BEHIND_MS: i64 = 4_000;
/// Longest wait for the coordinator or for metadata.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

enum Change {
    Assign(Vec<i32>),
    Revoke(Vec<i32>),
    Lose(Vec<i32>),
}

/// Notes changes of ownership for the poll that comes next.
struct Membership {
    topic: String,
    changes: Mutex<VecDeque<Change>>,
    closing: AtomicBool,
}

impl Membership {
    fn changes(&self) -> std::sync::MutexGuard<'_, VecDeque<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Membership {}

impl ConsumerContext for Membership {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigns = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            if let Err(error) = consumer.unassign() {
                tracing::debug!(%error, "give partitions back while closing");
            }
            return;
        }
        // What a group shares out of other topics is not for this log.
        let own = list.elements_for_topic(&self.topic);
        let partitions = own.iter().map(|element| element.partition()).collect();
        let change = match (assigns, consumer.assignment_lost()) {
            (true, _) => Change::Assign(partitions),
            (false, false) => Change::Revoke(partitions),
            (false, true) => Change::Lose(partitions),
        };
        self.changes().push_back(change);
    }
}

/// See the module.
pub struct KafkaLog {
    consumer: BaseConsumer<Membership>,
    topic: String,
    paused: bool,
    /// Producer's time of the last record, ms.
    read_until_ms: i64,
}

impl KafkaLog {
    /// Joins the group as `instance`; without one as a member that is forgotten when it leaves.
    ///
    /// # Errors
    /// A configuration that librdkafka refuses.
    pub fn subscribe(
        kafka: &KafkaConfig,
        config: &WorkerConfig,
        topic: EventTopic,
        instance: &str,
    ) -> KafkaResult<KafkaLog> {
        let topic = topic.to_string();
        let membership =
            Membership { topic: topic.clone(), changes: Mutex::default(), closing: AtomicBool::new(false) };
        let session_ms = config.session_timeout.as_millis();
        let mut client = ClientConfig::new();
        if !instance.is_empty() {
            client.set("client.id", instance).set("group.instance.id", instance);
        }
        let consumer: BaseConsumer<Membership> = client
            .set("bootstrap.servers", &kafka.bootstrap)
            .set("group.id", &config.group_id)
            .set("session.timeout.ms", session_ms.to_string())
            .set("heartbeat.interval.ms", (session_ms / 5).to_string())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // Cost at the broker and here follows the number of fetches; 100 ms of freshness buys most of it.
            .set("fetch.min.bytes", "65536")
            .set("fetch.wait.max.ms", "100")
            .set("max.partition.fetch.bytes", "262144")
            // Read-ahead is memory; this much keeps a worker busy.
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "8192")
            // By default a full queue is looked at again only after a second, in which a worker would run dry.
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.error.backoff.ms", "100")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .create_with_context(membership)?;
        consumer.subscribe(&[&topic])?;
        Ok(KafkaLog { consumer, topic, paused: false, read_until_ms: 0 })
    }

    /// Number of partitions of the topic.
    ///
    /// # Errors
    /// The brokers do not answer.
    pub fn partitions(&self) -> KafkaResult<u32> {
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), ASK_TIMEOUT)?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        Ok(topic.map_or(0, |topic| topic.partitions().len() as u32))
    }

    fn change(&mut self) -> Result<Option<Polled>, PortFault> {
        let Some(change) = self.consumer.context().changes().pop_front() else { return Ok(None) };
        match change {
            Change::Revoke(partitions) => Ok(Some(Polled::Revoked(partitions))),
            Change::Lose(partitions) => Ok(Some(Polled::Lost(partitions))),
            Change::Assign(partitions) if partitions.is_empty() => Ok(Some(Polled::Assigned(Vec::new()))),
            Change::Assign(partitions) => match self.committed(&partitions) {
                Ok(assigned) => Ok(Some(Polled::Assigned(assigned))),
                Err(error) => {
                    self.consumer.context().changes().push_front(Change::Assign(partitions));
                    Err(PortFault::new("ask for committed offsets", error))
                }
            },
        }
    }

    fn committed(&self, partitions: &[i32]) -> KafkaResult<Vec<Assigned>> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.topic, *partition);
        }
        let list = self.consumer.committed_offsets(list, ASK_TIMEOUT)?;
        let assigned = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| Assigned {
            partition: element.partition(),
            committed: offset(element.offset()),
            rewind_to: element.metadata().parse().ok(),
        };
        Ok(list.elements().into_iter().map(assigned).collect())
    }

    /// Those that are assigned of these partitions: the client refuses to give up others.
    fn held(&self, partitions: &[i32]) -> KafkaResult<TopicPartitionList> {
        let assigned = self.consumer.assignment()?;
        let mut held = TopicPartitionList::new();
        for element in assigned.elements().iter().filter(|element| partitions.contains(&element.partition())) {
            held.add_partition(element.topic(), element.partition());
        }
        Ok(held)
    }

    /// The client cannot go on: after an outage longer than its session it is fenced by its own id.
    fn is_lost(&self) -> bool {
        self.consumer.client().fatal_error().is_some()
    }

    fn has_change(&self) -> bool {
        !self.consumer.context().changes().is_empty()
    }

    fn resume(&mut self) -> Result<(), PortFault> {
        if std::mem::take(&mut self.paused) {
            let resumed = self.consumer.assignment().and_then(|assigned| self.consumer.resume(&assigned));
            resumed.map_err(|error| PortFault::new("resume", error))?;
        }
        Ok(())
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        // Closing waits until the partitions are given back, and until the change that was told last is answered.
        self.consumer.context().closing.store(true, Ordering::Relaxed);
        let given_back = self.consumer.assignment().and_then(|assigned| self.consumer.incremental_unassign(&assigned));
        let answered = self.consumer.incremental_assign(&TopicPartitionList::new());
        if let Err(error) = given_back.and(answered) {
            tracing::debug!(%error, "give partitions back");
        }
    }
}

fn offset(offset: Offset) -> Option<i64> {
    match offset {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

fn list(topic: &str, positions: &[(i32, i64)]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in positions.iter().copied() {
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

/// A fatal error (another process took this member's id) cannot be waited out.
fn read_fault(error: KafkaError) -> PortFault {
    let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
    PortFault { fatal, ..PortFault::new("read the log", error) }
}

fn record<'a>(message: &'a BorrowedMessage<'_>) -> Record<'a> {
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().unwrap_or_default(),
        value: message.payload().unwrap_or_default(),
    }
}

/// The next message, if one comes in time. Errors before it are passed over, and the last one counts only where nothing
/// follows: those of an outage pile up, and a rest after each would make the outage longer by as much.
fn next(consumer: &BaseConsumer<Membership>, mut wait: Duration) -> KafkaResult<Option<BorrowedMessage<'_>>> {
    let mut failed = None;
    loop {
        match consumer.poll(wait) {
            Some(Ok(message)) => return Ok(Some(message)),
            Some(Err(error)) if consumer.client().fatal_error().is_some() => return Err(error),
            Some(Err(error)) => failed = Some(error),
            None => return failed.map_or(Ok(None), Err),
        }
        wait = Duration::ZERO;
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        self.resume()?;
        if let Some(change) = self.change()? {
            return Ok(change);
        }
        let (mut records, mut bytes, mut wait) = (0, 0, appetite.wait);
        while records < appetite.records && bytes < appetite.bytes && !self.has_change() {
            let message = match next(&self.consumer, wait) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) if records == 0 => return Err(read_fault(error)),
                Err(error) => {
                    tracing::debug!(%error, "read the log");
                    break;
                }
            };
            records += 1;
            bytes += message.payload_len();
            self.read_until_ms = message.timestamp().to_millis().unwrap_or(i64::MAX);
            each(record(&message));
            wait = Duration::ZERO;
        }
        Ok(Polled::Records(records))
    }

    fn is_behind(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Kafka's record timestamps are real time, also where the services' clock is not.
        now.as_millis() as i64 - self.read_until_ms > BEHIND_MS
    }

    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault> {
        let assigned = list(&self.topic, from).and_then(|list| self.consumer.incremental_assign(&list));
        assigned.map_err(|error| PortFault::new("start to read", error))
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        if !self.paused {
            let paused = self.consumer.assignment().and_then(|assigned| self.consumer.pause(&assigned));
            paused.map_err(|error| PortFault::new("pause", error))?;
            self.paused = true;
        }
        match next(&self.consumer, Duration::ZERO) {
            // Paused partitions bring none; to lose one unseen would be worse than to start again.
            Ok(Some(_)) => return Err(PortFault { fatal: true, ..PortFault::new("stay paused", "a record came") }),
            Err(error) => return Err(read_fault(error)),
            Ok(None) if self.is_lost() => {
                return Err(PortFault { fatal: true, ..PortFault::new("stay in the group", "fenced") });
            }
            Ok(None) => {}
        }
        let mut changes = self.consumer.context().changes();
        let taken = changes.pop_front_if(|change| !matches!(change, Change::Assign(_)));
        Ok(taken.map(|change| match change {
            Change::Revoke(partitions) => Polled::Revoked(partitions),
            Change::Lose(partitions) | Change::Assign(partitions) => Polled::Lost(partitions),
        }))
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), PortFault> {
        let mut list = TopicPartitionList::with_capacity(commits.len());
        for commit in commits {
            let mut element = list.add_partition(&self.topic, commit.partition);
            let set = element.set_offset(Offset::Offset(commit.offset));
            set.map_err(|error| PortFault::new("name an offset", error))?;
            element.set_metadata(commit.rewind_to.to_string());
        }
        let committed = self.consumer.commit(&list, CommitMode::Sync);
        committed.map_err(|error| PortFault { fatal: self.is_lost(), ..PortFault::new("commit", error) })
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault> {
        // A pause outlives the assignment: a partition that comes back to this member later would bring no records.
        self.resume()?;
        let given_back = self.held(partitions).and_then(|held| self.consumer.incremental_unassign(&held));
        given_back.map_err(|error| PortFault::new("give partitions back", error))
    }
}

#[cfg(test)]
mod tests;
