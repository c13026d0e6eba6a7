//! Folds a set in this process, from where its group is up to the end of the log, and on until told to stop.

use super::{Workshop, cpu};
use crate::console;
use crate::ledgers::{Folding, LedgerSet};
use crate::logic::rebuild::progress::line;
use crate::logic::sets::MadeSet;
use crate::metrics::LedgerMetrics;
use crate::source::offsets::GroupOffsets;
use anyhow::Context;
use prometheus_client::registry::Registry;
use runtime::shutdown::{Shutdown, Trigger};
use schemas::topic::EventTopic;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Rows of one flush, and the longest time between flushes while there is much to read: every flush writes each touched
/// row again, and nobody reads these tables yet.
const FLUSH: (usize, Duration) = (300_000, Duration::from_secs(30));
/// How often the group's offsets are asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// What was the end of the log this long ago is near enough to now.
const CAUGHT_UP: Duration = Duration::from_secs(5);

/// What a fold cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) records: u64,
    pub(super) events: u64,
    pub(super) elapsed_ms: u64,
    pub(super) cpu_ms: u64,
}

impl Cost {
    /// Events per second of one core.
    pub(super) fn per_core_second(&self) -> u64 {
        self.events * 1000 / self.cpu_ms.max(1)
    }
}

/// Members that fold a set.
pub(super) struct Fold {
    trigger: Trigger,
    task: JoinHandle<anyhow::Result<()>>,
    offsets: GroupOffsets,
    metrics: LedgerMetrics,
}

impl Fold {
    /// Folds the topics before the present one, then begins with that; `threads` members and `memory_mb` of ledgers.
    pub(super) async fn begin(
        workshop: &Workshop,
        set: &MadeSet,
        threads: u8,
        memory_mb: usize,
    ) -> anyhow::Result<Fold> {
        let topic = workshop.config.events.topic;
        for earlier in topic.earlier() {
            let standing = GroupOffsets::of(&workshop.config.kafka, &set.group_id, earlier)?.standing().await;
            let standing = standing.context("ask for offsets")?;
            if !standing.has_reached(&standing.ends) {
                console::tell(&format!("{earlier} first: {} records", standing.all() - standing.done()));
                let mut fold = Fold::of(workshop, set, threads, memory_mb, earlier)?;
                let caught_up = fold.catch_up().await;
                fold.end().await?;
                caught_up?;
            }
        }
        Fold::of(workshop, set, threads, memory_mb, topic)
    }

    fn of(
        workshop: &Workshop,
        set: &MadeSet,
        threads: u8,
        memory_mb: usize,
        topic: EventTopic,
    ) -> anyhow::Result<Fold> {
        let (trigger, shutdown) = Shutdown::new();
        let metrics = LedgerMetrics::register(&mut Registry::default());
        let mut config = (*workshop.config).clone();
        config.worker.group_id.clone_from(&set.group_id);
        config.events.topic = topic;
        // A member that is forgotten when it leaves: the processors take over at once.
        config.worker.instance_id = String::new();
        config.worker.threads = usize::from(threads);
        config.worker.memory_budget_mb = memory_mb;
        (config.worker.flush_rows, config.worker.catch_up_interval) = FLUSH;
        let folding = Folding {
            set: Arc::new(LedgerSet { name: set.name.clone(), definitions: set.definitions.clone(), days: set.days }),
            clock: workshop.clock.clone(),
            metrics: metrics.clone(),
            unready: Arc::new(AtomicUsize::new(0)),
            shutdown,
            config: Arc::new(config),
            decorate: std::convert::identity,
        };
        let offsets = GroupOffsets::of(&workshop.config.kafka, &set.group_id, topic)?;
        Ok(Fold { trigger, task: tokio::spawn(folding.run()), offsets, metrics })
    }

    /// Waits until the group has committed what was the end of the log a moment ago, and tells how it goes.
    pub(super) async fn catch_up(&mut self) -> anyhow::Result<Cost> {
        let (began, cpu_before) = (Instant::now(), cpu::used_ms());
        let first = self.offsets.standing().await.context("ask for offsets")?;
        let (mut target, mut taken, mut told) = (first.ends.clone(), Instant::now(), Instant::now());
        loop {
            sleep(ASK_EVERY).await;
            anyhow::ensure!(!self.task.is_finished(), self.failure().await);
            let now = self.offsets.standing().await.context("ask for offsets")?;
            let records = now.done().saturating_sub(first.done());
            let elapsed_ms = began.elapsed().as_millis() as u64;
            if told.elapsed() > TELL_EVERY {
                let all = now.all().saturating_sub(first.done());
                let events = self.metrics.received() * 1000 / elapsed_ms.max(1);
                console::tell(&format!("{}, {events} events/s", line("records", records, all, elapsed_ms)));
                told = Instant::now();
            }
            if now.has_reached(&target) {
                if taken.elapsed() < CAUGHT_UP {
                    let (events, cpu_ms) = (self.metrics.received(), cpu::used_ms() - cpu_before);
                    return Ok(Cost { records, events, elapsed_ms, cpu_ms });
                }
                (target, taken) = (now.ends, Instant::now());
            }
        }
    }

    /// Writes and commits what is folded, and leaves the group.
    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.trigger.fire();
        self.task.await?
    }

    async fn failure(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Err(error)) => format!("folding stopped: {error:#}"),
            Ok(Ok(())) => "folding ended".to_owned(),
            Err(error) => format!("folding ended: {error}"),
        }
    }
}
