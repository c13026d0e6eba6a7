//! Starts the chosen groups and the admin endpoints, and stops them together.

use crate::config::Config;
use crate::{archive, ledgers, metrics, roster};
use anyhow::Context;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

/// Runs until the shutdown signal or until a group fails.
///
/// # Errors
/// A group that cannot go on; the process ends, and whoever started it starts it again.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let clock = Clock::from_config(&config.clock)?;
    let config = Arc::new(config);
    let mut registry = metrics::registry();
    let mut groups = JoinSet::new();
    if config.groups.ledgers {
        groups.spawn(ledgers::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
    }
    if config.groups.archive {
        groups.spawn(archive::run(config.clone(), clock.clone(), &mut registry, shutdown.clone()));
    }
    let roster_ready = Arc::new(AtomicBool::new(!config.groups.registry));
    if config.groups.registry {
        let ready = roster_ready.clone();
        groups.spawn(roster::run(config.clone(), clock.clone(), &mut registry, ready, shutdown.clone()));
    }
    let readiness = move || {
        let missing = "roster: the registry topics are not in the tables yet";
        if roster_ready.load(Ordering::Acquire) { Vec::new() } else { vec![missing.to_owned()] }
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
