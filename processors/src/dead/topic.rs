//! Reads a topic of letters from its beginning to its present end.

use crate::logic::dead::{DEAD, Kind, LetterId, Marks, REJECTED};
use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use runtime::config::KafkaConfig;
use schemas::avro::{decode_dead_record, decode_rejected_record};
use schemas::record::{DeadRecord, RejectedRecord};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// A topic that yields nothing for so long before its end is away.
const SILENCE: Duration = Duration::from_secs(15);

/// Dead letters with their marks.
pub(super) fn dead_letters(kafka: &KafkaConfig) -> anyhow::Result<(Vec<(LetterId, DeadRecord)>, Marks)> {
    let (mut letters, mut marks) = (Vec::new(), Marks::default());
    each(kafka, DEAD, Kind::Dead, |id, value| match decode_dead_record(value) {
        Ok(record) => {
            if marks.take(id, &record) {
                letters.push((id, record));
            }
        }
        Err(error) => tracing::warn!(%id, %error, "this is no dead letter"),
    })?;
    letters.sort_by_key(|(id, letter)| (letter.at_ms, *id));
    Ok((letters, marks))
}

/// Rejected events.
pub(super) fn rejected(kafka: &KafkaConfig) -> anyhow::Result<Vec<(LetterId, RejectedRecord)>> {
    let mut events = Vec::new();
    each(kafka, REJECTED, Kind::Rejected, |id, value| match decode_rejected_record(value) {
        Ok(record) => events.push((id, record)),
        Err(error) => tracing::warn!(%id, %error, "this is no rejected event"),
    })?;
    events.sort_by_key(|(id, event)| (event.received_at_ms, *id));
    Ok(events)
}

fn each(kafka: &KafkaConfig, topic: &str, kind: Kind, mut take: impl FnMut(LetterId, &[u8])) -> anyhow::Result<()> {
    let consumer = consumer(kafka).context("make a consumer")?;
    let mut ends = open(&consumer, topic).with_context(|| format!("open {topic}"))?;
    let mut heard = Instant::now();
    while !ends.is_empty() {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                let (partition, offset) = (message.partition(), message.offset());
                if ends.get(&partition).is_some_and(|end| offset < *end) {
                    take(LetterId { kind, partition, offset }, message.payload().unwrap_or_default());
                }
                heard = Instant::now();
            }
            Some(Err(error)) => tracing::debug!(%error, topic, "read letters"),
            None => {}
        }
        // Offsets may have gaps: what counts is where the consumer is.
        let positions = consumer.position()?;
        for element in positions.elements() {
            if let Offset::Offset(next) = element.offset()
                && ends.get(&element.partition()).is_some_and(|end| next >= *end)
            {
                ends.remove(&element.partition());
            }
        }
        anyhow::ensure!(heard.elapsed() < SILENCE, "{topic} yields nothing: is Kafka there?");
    }
    Ok(())
}

fn consumer(kafka: &KafkaConfig) -> rdkafka::error::KafkaResult<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        // Required by the client; nothing is committed under it.
        .set("group.id", "dead-letters")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.message.max.bytes", "16777216")
        .create()
}

/// Assigns every partition that holds something; returns their ends.
fn open(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<BTreeMap<i32, i64>> {
    let metadata = consumer.fetch_metadata(Some(topic), ASK_TIMEOUT)?;
    let (mut ends, mut list) = (BTreeMap::new(), TopicPartitionList::new());
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let (begin, end) = consumer.fetch_watermarks(topic, partition.id(), ASK_TIMEOUT)?;
        if begin < end {
            ends.insert(partition.id(), end);
            list.add_partition_offset(topic, partition.id(), Offset::Offset(begin))?;
        }
    }
    consumer.assign(&list)?;
    Ok(ends)
}
