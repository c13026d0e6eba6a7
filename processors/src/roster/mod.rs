//! The registry topics as tables: `orgs`, `devices`, `roster_day`, `calendar_day`.
//!
//! Both topics are read from their beginning at every start, without committed offsets: the state lives in memory, and
//! rows are absolute. Rows are written once everything that was there at the start has been read, then for what changes,
//! and for the days that a new day brings into the window.

mod metrics;
pub(crate) mod reader;
mod tables;

use crate::config::Config;
use crate::logic::roster::{Batch, Limits, RecordFault, Roster};
use metrics::RosterMetrics;
use prometheus_client::registry::Registry;
use reader::{Next, TopicReader};
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::avro::{CodecError, decode_device_record, decode_org_record};
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::time::Day;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tables::RosterTables;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// What one write holds at most, about: 20,000 rows of 200 bytes and lists of 8 MiB.
const LIMITS: Limits = Limits { rows: 20_000, device_nos: 2 << 20 };
/// Waits between attempts to write grow from the first to the last.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Runs until the shutdown signal. Metrics are registered before the first await. `ready` becomes true when the tables
/// hold all that the topics told at the start.
///
/// # Errors
/// A consumer cannot be created.
pub fn run(
    config: Arc<Config>,
    clock: Clock,
    registry: &mut Registry,
    ready: Arc<AtomicBool>,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let metrics = RosterMetrics::register(registry);
    async move {
        let mut keeper = Keeper {
            orgs: TopicReader::new(&config.kafka, "registry.orgs.v1")?,
            devices: TopicReader::new(&config.kafka, "registry.devices.v1")?,
            tables: RosterTables::new(&config.clickhouse),
            roster: Roster::new(&Definitions::parse(CURRENT_TOML)?, Day::of_ms(clock.now_ms())),
            clock,
            metrics,
            ready,
        };
        tokio::select! {
            () = shutdown.fired() => {}
            () = keeper.run(config.roster.interval) => {}
        }
        Ok(())
    }
}

/// A value that is left out.
#[derive(Debug, thiserror::Error)]
enum ValueFault {
    #[error("decode: {0}")]
    Decode(#[from] CodecError),
    #[error(transparent)]
    Record(#[from] RecordFault),
}

struct Keeper {
    orgs: TopicReader,
    devices: TopicReader,
    tables: RosterTables,
    roster: Roster,
    clock: Clock,
    metrics: RosterMetrics,
    ready: Arc<AtomicBool>,
}

impl Keeper {
    async fn run(&mut self, every: Duration) {
        self.load().await;
        self.remember().await;
        self.tick().await;
        self.ready.store(true, Ordering::Release);
        tracing::info!(ver = self.ver(), "roster caught up");
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                next = self.orgs.next() => self.take_org(next),
                next = self.devices.next() => self.take_device(next),
                _ = ticks.tick() => self.tick().await,
            }
        }
    }

    /// Reads both topics up to their ends. Organisations' own rows need nothing else and do not wait in memory.
    async fn load(&mut self) {
        self.orgs.open().await;
        while !self.orgs.at_end() {
            let next = self.orgs.next().await;
            self.take_org(next);
            if self.roster.waiting_orgs() >= LIMITS.rows {
                let orgs = self.roster.take_orgs(LIMITS.rows);
                self.write(&Batch { orgs, ..Batch::default() }).await;
            }
        }
        self.devices.open().await;
        while !self.devices.at_end() {
            let next = self.devices.next().await;
            self.take_device(next);
        }
    }

    /// Learns which rows earlier runs left in the tables.
    async fn remember(&mut self) {
        let from = self.roster.window().from;
        let (schools, closures) = retry("read roster tables", &self.metrics, || self.tables.known(from)).await;
        for (school_no, division) in schools {
            self.roster.remember_school(school_no, division);
        }
        for (school_no, day) in closures {
            self.roster.remember_closure(school_no, day);
        }
    }

    /// Goes on to today and writes what is marked.
    async fn tick(&mut self) {
        self.roster.set_today(Day::of_ms(self.clock.now_ms()));
        let ver = self.ver();
        loop {
            let batch = self.roster.take(LIMITS, ver);
            if batch.is_empty() {
                return;
            }
            self.write(&batch).await;
        }
    }

    async fn write(&self, batch: &Batch) {
        retry("write roster tables", &self.metrics, || self.tables.write(batch)).await;
        self.metrics.rows.inc_by(batch.rows() as u64);
    }

    /// Grows with every record of either topic.
    fn ver(&self) -> u64 {
        self.orgs.next_offsets() + self.devices.next_offsets()
    }

    fn take_org(&mut self, next: Next) {
        // A tombstone of an organisation is left aside: the registry ends schools by their status and deletes none.
        let Next::Value(value) = next else { return };
        let taken = decode_org_record(&value).map_err(ValueFault::from);
        let taken = taken.and_then(|record| Ok(self.roster.apply_org(record)?));
        self.count(taken);
    }

    fn take_device(&mut self, next: Next) {
        match next {
            Next::Value(value) => {
                let taken = decode_device_record(&value).map_err(ValueFault::from);
                let taken = taken.and_then(|record| Ok(self.roster.apply_device(&record)?));
                self.count(taken);
            }
            Next::Nothing => {}
            Next::Tombstone(key) => {
                if let Some(device_no) = std::str::from_utf8(&key).ok().and_then(|text| text.parse().ok()) {
                    self.roster.remove_device(device_no);
                }
            }
        }
    }

    fn count(&self, taken: Result<(), ValueFault>) {
        match taken {
            Ok(()) => self.metrics.records.inc(),
            Err(error) => {
                tracing::warn!(%error, "registry value left out");
                self.metrics.skipped.inc()
            }
        };
    }
}

/// Tries until it works, with growing waits.
async fn retry<T, E, F>(doing: &str, metrics: &RosterMetrics, mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
    E: std::error::Error,
{
    let (mut wait, longest) = RETRY_WAITS;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => tracing::warn!(%error, ?wait, doing, "try again"),
        }
        metrics.failures.inc();
        sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}
