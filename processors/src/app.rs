//! Starts the chosen groups and the admin endpoints, and stops them together.

use crate::config::Config;
use crate::source::kafka::KafkaLog;
use crate::worker::ports::Log;
use crate::{archive, corrections, ledgers, metrics, roll, roster, sets};
use anyhow::Context;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Runs until the shutdown signal or until a group fails.
///
/// # Errors
/// A group that cannot go on; the process ends, and whoever started it starts it again.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    run_with(config, shutdown, |log| log).await
}

/// [`run`], with the ledgers' log decorated; for tests that break it on purpose.
///
/// # Errors
/// As [`run`].
pub async fn run_with<L: Log + 'static>(
    config: Config,
    shutdown: Shutdown,
    decorate: fn(KafkaLog) -> L,
) -> anyhow::Result<()> {
    let clock = Clock::from_config(&config.clock)?;
    let config = Arc::new(config);
    let mut registry = metrics::registry();
    let mut groups = JoinSet::new();
    let unready_members = Arc::new(AtomicUsize::new(0));
    if config.groups.ledgers {
        let unready = unready_members.clone();
        groups.spawn(ledgers::run(config.clone(), clock.clone(), &mut registry, unready, shutdown.clone(), decorate));
        groups.spawn(sets::follow::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
    }
    if config.groups.archive {
        groups.spawn(archive::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
    }
    let roster_ready = Arc::new(AtomicBool::new(!config.groups.registry));
    if config.groups.registry {
        let ready = roster_ready.clone();
        groups.spawn(roster::run(config.clone(), clock.clone(), &mut registry, ready, shutdown.clone()));
    }
    if config.groups.roll {
        groups.spawn(roll::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
        groups.spawn(corrections::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
    }
    let readiness = move || {
        let ledgers = unready_members.load(Ordering::Acquire) > 0;
        let roster = !roster_ready.load(Ordering::Acquire);
        let missing = [
            (ledgers, "ledgers: the bells or the brokers are not there yet"),
            (roster, "roster: the registry topics are not in the tables yet"),
        ];
        missing.into_iter().filter(|(is, _)| *is).map(|(_, what)| what.to_owned()).collect()
    };
    let listener = tokio::net::TcpListener::bind(config.server.listen).await.context("listen")?;
    let router = runtime::admin::router(Arc::new(registry), Arc::new(readiness));
    let stop = shutdown.clone();
    groups.spawn(async move {
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.fired().await }).await?;
        Ok(())
    });
    while let Some(ended) = groups.join_next().await {
        ended.context("join a group")??;
    }
    Ok(())
}
