//! Puts records back: the same key and bytes, into the topic that is written now, then a mark beside the letter. A crash
//! between the two repeats a record, whose events count once all the same.

use super::Redrive;
use super::topic::dead_letters;
use crate::console;
use crate::logic::dead::{DEAD, Insist, Kind, LetterId, Refusal, mark, may_redrive, repeated};
use crate::logic::partition::of_key;
use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use runtime::config::KafkaConfig;
use schemas::avro::encode_dead_record;
use schemas::record::DeadRecord;
use schemas::topic::EventTopic;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// Longest wait for metadata.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// Puts letters back; false if one of those named was not.
pub(super) fn redrive(kafka: &KafkaConfig, events: EventTopic, options: &Redrive) -> anyhow::Result<bool> {
    let (letters, marks) = dead_letters(kafka)?;
    let (copies, insist) = (repeated(&letters), Insist { again: options.again, force: options.force });
    let chosen: Vec<_> = letters
        .iter()
        .filter(|(id, letter)| {
            if options.all {
                is_due(options, &copies, id, letter, marks.of(letter).is_some())
            } else {
                options.ids.contains(id)
            }
        })
        .collect();
    for id in options.ids.iter().filter(|id| id.kind == Kind::Dead) {
        anyhow::ensure!(
            letters.iter().any(|(found, _)| found == id),
            "there is no letter {id}: `dead list` prints those that there are"
        );
    }
    let producer = producer(kafka).context("make a producer")?;
    let mut results = Vec::new();
    for id in options.ids.iter().filter(|id| id.kind == Kind::Rejected) {
        results.push((*id, Err(Refusal::Rejected)));
    }
    for (id, letter) in chosen {
        let result = match may_redrive(letter, events, marks.of(letter), insist) {
            Ok(()) => Ok(put_back(&producer, events, *id, letter)?),
            Err(refusal) => Err(refusal),
        };
        results.push((*id, result));
    }
    tell(&results, options.json);
    Ok(results.iter().all(|(_, result)| result.is_ok()))
}

/// With --all: not put back yet, of the reason, and the first letter of its record.
fn is_due(
    options: &Redrive,
    copies: &std::collections::BTreeSet<LetterId>,
    id: &LetterId,
    letter: &DeadRecord,
    redriven: bool,
) -> bool {
    let of_reason = options.reason.as_ref().is_none_or(|reason| letter.reason == *reason);
    of_reason && !copies.contains(id) && (options.again || !redriven)
}

/// Into the partition that it came from; from an earlier topic into that of its key.
fn partition(producer: &FutureProducer, events: EventTopic, letter: &DeadRecord) -> anyhow::Result<i32> {
    let topic = events.to_string();
    if letter.topic == topic {
        return Ok(letter.partition);
    }
    let metadata = producer.client().fetch_metadata(Some(&topic), ASK_TIMEOUT).context("ask for the topic")?;
    let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len() as u32);
    anyhow::ensure!(count > 0, "there is no topic {topic}");
    Ok(of_key(&letter.key, count))
}

fn put_back(
    producer: &FutureProducer,
    events: EventTopic,
    id: LetterId,
    letter: &DeadRecord,
) -> anyhow::Result<String> {
    let topic = events.to_string();
    let name = id.to_string();
    let headers = OwnedHeaders::new().insert(Header { key: "redriven-from", value: Some(&name) });
    let record = FutureRecord::to(&topic).key(&letter.key).payload(&letter.value);
    let record = record.partition(partition(producer, events, letter)?).headers(headers);
    let sent = Handle::current().block_on(producer.send(record, Duration::from_secs(10)));
    let to = sent.map_err(|(error, _)| error).with_context(|| format!("put {id} back into {topic}"))?;
    let (mut value, to) = (Vec::new(), (events, to.partition, to.offset));
    encode_dead_record(&mark(id, letter, to, now_ms()), &mut value);
    let key = format!("{DEAD}/{}", id.partition);
    let record = FutureRecord::to(DEAD).key(&key).payload(&value);
    let sent = Handle::current().block_on(producer.send(record, Duration::from_secs(10)));
    sent.map_err(|(error, _)| error).with_context(|| format!("mark {id} as put back"))?;
    Ok(format!("{}/{}/{}", to.0, to.1, to.2))
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

fn producer(kafka: &KafkaConfig) -> rdkafka::error::KafkaResult<FutureProducer> {
    ClientConfig::new()
        .set("bootstrap.servers", &kafka.bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.type", "zstd")
        .set("message.timeout.ms", "10000")
        .set("message.max.bytes", "16777216")
        .create()
}

fn tell(results: &[(LetterId, Result<String, Refusal>)], as_json: bool) {
    if as_json {
        let object = |(id, result): &(LetterId, Result<String, Refusal>)| {
            let (to, refused) = (result.as_ref().ok(), result.as_ref().err().map(Refusal::to_string));
            json!({"id": id.to_string(), "redriven_to": to, "refused": refused})
        };
        console::print(&serde_json::Value::Array(results.iter().map(object).collect()).to_string());
        return;
    }
    for (id, result) in results {
        match result {
            Ok(to) => console::print(&format!("{id} put back as {to}")),
            Err(refusal) => console::print(&format!("{id} not put back: {refusal}")),
        }
    }
    if results.is_empty() {
        console::print("nothing to put back");
    }
}
