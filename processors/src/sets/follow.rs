//! Keeps sets live: each kept set has members in this process, which begin and end as the table says. So a set that
//! readers were swapped to goes on after a restart, on as many processes as there are.

use super::book::SetBook;
use crate::config::Config;
use crate::ledgers::{Folding, LedgerSet};
use crate::logic::sets::{MadeSet, State};
use crate::metrics::LedgerMetrics;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::{Shutdown, Trigger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

struct Members {
    trigger: Trigger,
    task: JoinHandle<anyhow::Result<()>>,
}

struct Follower {
    config: Arc<Config>,
    clock: Clock,
    metrics: LedgerMetrics,
    kept: Gauge,
    running: BTreeMap<String, Members>,
}

/// Runs until the shutdown signal. Metrics are registered before the first await.
///
/// # Errors
/// A member of a kept set must stop.
pub fn run(
    config: Arc<Config>,
    clock: Clock,
    registry: &mut Registry,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let sets = registry.sub_registry_with_prefix("kept_sets");
    let (metrics, kept) = (LedgerMetrics::register(sets), Gauge::default());
    sets.register("running", "kept ledger sets that this process folds", kept.clone());
    let follower = Follower { config, clock, metrics, kept, running: BTreeMap::new() };
    follower.run(shutdown)
}

impl Follower {
    async fn run(mut self, shutdown: Shutdown) -> anyhow::Result<()> {
        let book = SetBook::new(&self.config.clickhouse);
        let mut ticks = interval(self.config.sets.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! { _ = ticks.tick() => {}, () = shutdown.fired() => break }
            match book.sets().await {
                Ok(sets) => self.follow(sets).await?,
                Err(error) => tracing::warn!(%error, "read the ledger sets, trying again"),
            }
        }
        for (name, members) in std::mem::take(&mut self.running) {
            end(&name, members).await?;
        }
        Ok(())
    }

    /// Begins what is kept and not running, ends what runs and is not kept.
    async fn follow(&mut self, sets: Vec<MadeSet>) -> anyhow::Result<()> {
        let kept: BTreeMap<_, _> = sets
            .into_iter()
            .filter(|set| set.state == State::Kept)
            .map(|set| (set.name.as_str().to_owned(), set))
            .collect();
        let over: Vec<_> = self
            .running
            .iter()
            .filter(|(name, members)| !kept.contains_key(*name) || members.task.is_finished())
            .map(|(name, _)| name.clone())
            .collect();
        for name in over {
            if let Some(members) = self.running.remove(&name) {
                end(&name, members).await?;
            }
        }
        for (name, set) in kept {
            if !self.running.contains_key(&name) {
                tracing::info!(set = name, definitions = set.definitions.version, "ledger set is kept live");
                let members = self.begin(set);
                self.running.insert(name, members);
            }
        }
        self.kept.set(self.running.len() as i64);
        Ok(())
    }

    fn begin(&self, set: MadeSet) -> Members {
        let (trigger, shutdown) = Shutdown::new();
        let mut config = (*self.config).clone();
        config.worker.group_id = set.group_id;
        config.worker.instance_id = format!("{}-{}", config.worker.instance_id, set.name);
        let folding = Folding {
            config: Arc::new(config),
            set: Arc::new(LedgerSet { name: set.name, definitions: set.definitions, days: set.days }),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            unready: Arc::new(AtomicUsize::new(0)),
            shutdown,
            decorate: std::convert::identity,
        };
        Members { trigger, task: tokio::spawn(folding.run()) }
    }
}

async fn end(name: &str, members: Members) -> anyhow::Result<()> {
    members.trigger.fire();
    members.task.await??;
    tracing::info!(set = name, "ledger set is not folded any more");
    Ok(())
}
