//! `events_raw`: every distinct accepted event, for audits and rebuilds.
//!
//! A consumer group of its own, so that it may lag without touching freshness. Rows are written in large batches; the
//! offsets of a batch are committed after ClickHouse has acknowledged it, so a crash repeats rows, which collapse, and
//! loses none. While ClickHouse is away the partitions are paused: memory is bounded, membership is kept.

mod consumer;
mod metrics;
mod sink;

use crate::config::{ArchiveConfig, Config};
use crate::logic::archive::{Batch, Position};
use crate::source::offsets::{NotYet, check_drained};
use consumer::{LogConsumer, Received};
use metrics::ArchiveMetrics;
use prometheus_client::registry::Registry;
use rdkafka::error::{KafkaError, KafkaResult};
use runtime::clock::Clock;
use runtime::config::KafkaConfig;
use runtime::shutdown::Shutdown;
use schemas::record::EventRecord;
use schemas::topic::EventTopic;
use sink::RawSink;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A batch is written when it holds this much, whatever its age.
const MAX_BATCH_BYTES: usize = 64 << 20;
/// Waits between attempts to write grow from the first to the last.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// A stopping process gives its last write this long.
const LAST_WRITE: Duration = Duration::from_secs(5);
/// Rest before asking again, or complaining again.
const ERROR_REST: Duration = Duration::from_secs(1);

/// Runs until the shutdown signal. Metrics are registered before the first await.
///
/// # Errors
/// The consumer cannot be created.
pub fn run(
    config: Arc<Config>,
    _clock: Clock,
    registry: &mut Registry,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let metrics = ArchiveMetrics::register(registry);
    async move {
        if wait_until_drained(&config, &shutdown).await? {
            let sink = sink::EventsRaw::new(&config.clickhouse);
            let archiver = Archiver::new(&config.kafka, &config.archive, config.events.topic, sink, metrics)?;
            archiver.run(&shutdown).await;
        }
        Ok(())
    }
}

/// Earlier topics must be archived to their end; waits for brokers that answer. False: told to stop meanwhile.
async fn wait_until_drained(config: &Arc<Config>, shutdown: &Shutdown) -> anyhow::Result<bool> {
    while !shutdown.is_fired() {
        let config = config.clone();
        let check = move || check_drained(&config.kafka, &config.archive.group_id, config.events.topic);
        match tokio::task::spawn_blocking(check).await? {
            Ok(()) => return Ok(true),
            Err(NotYet::Kafka(error)) => {
                tracing::warn!(%error, "ask whether earlier topics are archived");
                sleep(ERROR_REST).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

struct Archiver<S> {
    consumer: LogConsumer,
    sink: S,
    metrics: ArchiveMetrics,
    batch: Batch,
    due: Instant,
    complained: Option<Instant>,
    kafka: KafkaConfig,
    config: ArchiveConfig,
    topic: EventTopic,
}

impl<S: RawSink> Archiver<S> {
    fn new(
        kafka: &KafkaConfig,
        config: &ArchiveConfig,
        topic: EventTopic,
        sink: S,
        metrics: ArchiveMetrics,
    ) -> KafkaResult<Archiver<S>> {
        Ok(Archiver {
            consumer: LogConsumer::subscribe(kafka, config, topic)?,
            sink,
            metrics,
            batch: Batch::default(),
            due: Instant::now(),
            complained: None,
            kafka: kafka.clone(),
            config: config.clone(),
            topic,
        })
    }

    async fn run(mut self, shutdown: &Shutdown) {
        while !shutdown.is_fired() {
            tokio::select! {
                () = shutdown.fired() => {}
                () = sleep_until(self.due), if !self.batch.is_empty() => self.flush(shutdown).await,
                received = self.consumer.receive() => self.take(received).await,
            }
            if self.batch.rows().len() >= self.config.flush_rows || self.batch.bytes() >= MAX_BATCH_BYTES {
                self.flush(shutdown).await;
            }
        }
        self.finish().await;
    }

    async fn take(&mut self, received: Received) {
        if self.batch.is_empty() {
            self.due = Instant::now() + self.config.flush_interval;
        }
        match received {
            Received::Record(at, Ok(record)) => self.push(at, record),
            Received::Record(at, Err(error)) => self.skip(at, &error),
            Received::Failed(error) => {
                self.complain(&error);
                self.rejoin_if_lost().await;
            }
        }
    }

    /// Errors of an outage pile up in the client's queue, before what comes after it: a rest after each would make the
    /// outage longer by as much, so only the words are rationed.
    fn complain(&mut self, error: &KafkaError) {
        if self.complained.is_none_or(|at| at.elapsed() >= ERROR_REST) {
            self.complained = Some(Instant::now());
            tracing::warn!(%error, "archive consumer");
        }
    }

    /// Begins anew from the committed offsets, if the consumer cannot go on; what was not committed is read again.
    async fn rejoin_if_lost(&mut self) {
        if !self.consumer.is_lost() {
            return;
        }
        match LogConsumer::subscribe(&self.kafka, &self.config, self.topic) {
            Ok(consumer) => {
                tracing::warn!("archive consumer lost, joins again");
                self.consumer = consumer;
                self.batch.clear();
            }
            Err(error) => {
                tracing::error!(%error, "archive consumer lost, cannot join again");
                sleep(ERROR_REST).await;
            }
        }
    }

    fn push(&mut self, at: Position, record: EventRecord) {
        match self.batch.push(record, at) {
            Ok(()) => {
                self.metrics.archived.inc();
            }
            Err(error) => self.skip(at, &error),
        }
    }

    /// Leaves a record out; the ledgers' group writes it to the dead-letter topic.
    fn skip(&mut self, at: Position, error: &dyn std::error::Error) {
        tracing::warn!(partition = at.partition, offset = at.offset, %error, "record left out of the archive");
        self.batch.pass(at);
        self.metrics.skipped.inc();
    }

    /// Writes the batch, however long that takes, then commits it.
    async fn flush(&mut self, shutdown: &Shutdown) {
        let (mut wait, longest) = RETRY_WAITS;
        while let Err(error) = self.sink.write(self.batch.rows()).await {
            self.metrics.write_failures.inc();
            tracing::warn!(%error, rows = self.batch.rows().len(), ?wait, "archive write failed, paused");
            self.consumer.pause();
            tokio::select! {
                () = shutdown.fired() => return,
                () = self.idle(wait) => {}
            }
            wait = (wait * 2).min(longest);
        }
        self.consumer.resume();
        self.written();
    }

    /// Waits, and keeps polling so that the group does not take us for dead. What still arrives from a partition that
    /// was assigned meanwhile is kept, and the partition paused as well.
    async fn idle(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while let Ok(received) = tokio::time::timeout_at(until, self.consumer.receive()).await {
            self.take(received).await;
            self.consumer.pause();
        }
    }

    fn written(&mut self) {
        self.metrics.rows.inc_by(self.batch.rows().len() as u64);
        self.consumer.commit(self.batch.next_offsets());
        self.batch.clear();
    }

    /// The last write of a process that stops; what is not written is read again by the next one.
    async fn finish(&mut self) {
        match timeout(LAST_WRITE, self.sink.write(self.batch.rows())).await {
            Ok(Ok(())) => self.consumer.commit_now(self.batch.next_offsets()),
            Ok(Err(error)) => tracing::warn!(%error, "last archive write failed, left to the next start"),
            Err(_) => tracing::warn!("last archive write took too long, left to the next start"),
        }
    }
}

#[cfg(test)]
mod tests;
