//! Kafka and ClickHouse of the bench's own, and a processors process on them.

use super::workload::Workload;
use crate::launcher;
use crate::process::Process;
use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use schemas::avro::encode_event_record;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const TOPIC: &str = "telemetry.events.v1";
const GROUP: &str = "ledgers";
const ASK: Duration = Duration::from_secs(10);

/// See the module; everything is stopped and removed when dropped.
pub struct Backend {
    port_base: u16,
    kafka: String,
    clickhouse: String,
}

impl Backend {
    /// Starts Kafka and ClickHouse, with topics and tables.
    pub fn start(port_base: u16) -> anyhow::Result<Backend> {
        let mut backend = Backend { port_base, kafka: String::new(), clickhouse: String::new() };
        launcher::order(backend.port_base, &["up", "--only", "kafka,clickhouse", "--detach"])?;
        let path = PathBuf::from("var").join(port_base.to_string()).join("stack.json");
        let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let manifest: Value = serde_json::from_slice(&text)?;
        let address = |name: &str| manifest[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        backend.kafka = address("kafka")?;
        backend.clickhouse = address("clickhouse_http")?.trim_start_matches("http://").to_owned();
        Ok(backend)
    }

    /// Writes the whole workload to the log, as the edge would.
    pub fn produce(&self, workload: &Workload) -> anyhow::Result<()> {
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .set("partitioner", "murmur2_random")
            .set("compression.codec", "lz4")
            .set("enable.idempotence", "true")
            .set("linger.ms", "25")
            .set("batch.num.messages", "20000")
            .set("queue.buffering.max.messages", "500000")
            .create()?;
        let mut value = Vec::with_capacity(1024);
        workload.for_each(|school_no, record| {
            value.clear();
            encode_event_record(record, &mut value);
            send(&producer, school_no, &value)
        })?;
        producer.flush(Duration::from_secs(120)).context("flush the producer")
    }

    /// Records that the ledgers' group has committed.
    pub fn committed(&self) -> anyhow::Result<u64> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.kafka).set("group.id", GROUP).create()?;
        let metadata = consumer.fetch_metadata(Some(TOPIC), ASK)?;
        let mut list = TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            list.add_partition(TOPIC, partition.id());
        }
        let list = consumer.committed_offsets(list, ASK)?;
        let offset = |offset| if let Offset::Offset(offset) = offset { offset.max(0) as u64 } else { 0 };
        Ok(list.elements().iter().map(|element| offset(element.offset())).sum())
    }

    /// Waits until at least `records` are committed; returns how long that took.
    pub fn wait_committed(&self, records: u64, patience: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            // The coordinator may still be loading.
            let committed = self.committed().unwrap_or(0);
            if committed >= records {
                return Ok(begun.elapsed());
            }
            ensure!(begun.elapsed() < patience, "{committed} of {records} records committed after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The answer of ClickHouse to a query, as text.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        exchange(&self.clickhouse, "POST /?database=classpulse", sql).with_context(|| sql.to_owned())
    }

    /// Bytes of ledgers by the processors' own count, at their last flush.
    pub fn ledger_bytes(&self) -> anyhow::Result<f64> {
        let metrics = exchange(&self.listen(), "GET /metrics", "")?;
        let lines = metrics.lines().filter(|line| line.starts_with("processors_ledger_bytes{"));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }

    fn listen(&self) -> String {
        format!("127.0.0.1:{}", self.port_base + 3)
    }

    /// Starts a processors process that folds ledgers only.
    pub fn processors(&self) -> anyhow::Result<Process> {
        let directory = PathBuf::from("var").join(self.port_base.to_string());
        let config = directory.join("etc/bench-processors.toml");
        let text = format!(
            "[server]\nlisten = \"{}\"\n[kafka]\nbootstrap = \"{}\"\n[clickhouse]\nurl = \"http://{}\"\n\
             user = \"writer\"\n[groups]\nledgers = true\narchive = false\nregistry = false\n\
             [worker]\nrewind = \"0s\"\n[log]\nfilter = \"warn\"\n",
            self.listen(),
            self.kafka,
            self.clickhouse
        );
        std::fs::write(&config, text)?;
        Process::start(Command::new(sibling("processors")?).arg("--config").arg(&config))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}

/// Sends a request, returns the body of the answer if it is a success.
fn exchange(address: &str, request: &str, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{request} HTTP/1.0\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").context("malformed answer")?;
    ensure!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{head}: {body}");
    Ok(body.to_owned())
}

fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, school_no: u32, value: &[u8]) -> anyhow::Result<()> {
    let key = school_no.to_string();
    let mut record = BaseRecord::to(TOPIC).key(&key).payload(value);
    while let Err((error, back)) = producer.send(record) {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        ensure!(error == full, "produce: {error}");
        std::thread::sleep(Duration::from_millis(5));
        record = back;
    }
    Ok(())
}
