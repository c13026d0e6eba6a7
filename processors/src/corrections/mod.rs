//! Carries out approved corrections of days that have begun (docs/adr/0011-corrections-in-the-log.md).
//!
//! Each correction of `registry.corrections.v1`, in their order: write down what it changes; tell the logs of the schools
//! (markers); once the archive holds everything from before the markers, copy the events of device-days that move; wait
//! until all sets have folded that; sum the areas; write the restatements. A process that dies in between begins the
//! correction anew, and so may a second process beside this one: every step that was done changes nothing.

mod list;
mod work;

pub use list::List;

use crate::config::Config;
use crate::roster::reader::{Next, TopicReader};
use anyhow::Context;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::avro::decode_correction_record;
use schemas::registry::CorrectionRecord;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use work::Work;

/// Waits between attempts grow from the first to the last.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the carrying out of corrections counts.
#[derive(Clone, Debug, Default)]
struct CorrectionMetrics {
    /// Corrections whose days were rebuilt.
    applied: Counter,
    /// Approved ones whose days are not rebuilt yet.
    waiting: Gauge,
    /// Attempts that failed and are made again.
    failures: Counter,
}

impl CorrectionMetrics {
    fn register(registry: &mut Registry) -> CorrectionMetrics {
        let m = CorrectionMetrics::default();
        registry.register("corrections_applied", "corrections whose days were rebuilt", m.applied.clone());
        registry.register("corrections_waiting", "approved corrections whose days are not rebuilt", m.waiting.clone());
        registry.register("correction_failures", "attempts at a correction that failed", m.failures.clone());
        m
    }
}

/// Runs until the shutdown signal. Metrics are registered before the first await.
///
/// # Errors
/// A client cannot be created.
pub fn run(
    config: Arc<Config>,
    clock: Clock,
    registry: &mut Registry,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let metrics = CorrectionMetrics::register(registry);
    async move {
        let reader = TopicReader::new(&config.kafka, "registry.corrections.v1").context("read corrections")?;
        let work = Work::new(config, clock)?;
        let mut corrector = Corrector { reader, work, waiting: BTreeMap::new(), metrics };
        tokio::select! {
            () = shutdown.fired() => {}
            () = corrector.run() => {}
        }
        Ok(())
    }
}

struct Corrector {
    reader: TopicReader,
    work: Work,
    /// Approved and not carried out, by their order.
    waiting: BTreeMap<u32, CorrectionRecord>,
    metrics: CorrectionMetrics,
}

impl Corrector {
    async fn run(&mut self) {
        self.reader.open().await;
        while !self.reader.at_end() {
            let next = self.reader.next().await;
            self.take(next);
        }
        loop {
            self.carry_out().await;
            let next = self.reader.next().await;
            self.take(next);
        }
    }

    fn take(&mut self, next: Next) {
        let Next::Value(value) = next else { return };
        match decode_correction_record(&value) {
            Ok(record) => drop(self.waiting.insert(record.seq, record)),
            Err(error) => tracing::error!(%error, "a correction cannot be read, and is left out"),
        }
        self.metrics.waiting.set(self.waiting.len() as i64);
    }

    /// Carries out what waits, one after the other: the next one may correct what the one before did.
    async fn carry_out(&mut self) {
        let (mut wait, longest) = RETRY_WAITS;
        while let Some((seq, record)) = self.waiting.first_key_value() {
            let (seq, no) = (*seq, record.no);
            match self.work.apply(record).await {
                Ok(applied) => {
                    self.waiting.remove(&seq);
                    self.metrics.applied.inc_by(u64::from(applied));
                    self.metrics.waiting.set(self.waiting.len() as i64);
                    wait = RETRY_WAITS.0;
                }
                Err(error) => {
                    self.metrics.failures.inc();
                    tracing::warn!(correction = no, error = format!("{error:#}"), ?wait, "correct, trying again");
                    sleep(wait).await;
                    wait = (wait * 2).min(longest);
                }
            }
        }
    }
}
