//! Runs the fleet: reads devices and state, plays every device, answers for its progress.

use super::config::Config;
use super::device::{Player, Shared};
use super::journal::Journal;
use super::roster::{self, Enrolled};
use super::state::{Anchor, Positions, State};
use super::tally::Tally;
use crate::logic::client::{Client, Settings};
use crate::logic::day::spool::{Saved, ScriptSpool};
use crate::logic::day::world::{Device, Scenario, World};
use crate::transport::http::HttpTransport;
use anyhow::Context;
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::time::Day;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Events older than this many days are not accepted (`p.accept_days`, less one for the days that pass meanwhile).
const HISTORY_REACH_DAYS: i32 = 43;

/// Longest time that a stop waits for posts under way.
const DRAIN: Duration = Duration::from_secs(7);

/// Answer of `GET /status`.
#[derive(Debug, Serialize)]
struct Status {
    phase: &'static str,
    history_posts_done: u64,
    history_posts_total: u64,
    devices: usize,
    devices_caught_up: i64,
    devices_finished: i64,
    devices_refused: i64,
    posts: u64,
    posts_kept: u64,
    duplicates: u64,
    events_accepted: u64,
    events_invalid: u64,
    events_given_up: u64,
    events_lost: u64,
}

/// What `/status` reads.
#[derive(Clone)]
struct Progress {
    tally: Tally,
    total: Arc<AtomicU64>,
    devices: usize,
}

/// Plays until the script is over or the process is asked to stop.
///
/// # Errors
/// Files cannot be read or written, or the address cannot be listened on.
pub async fn run(config: Config, clock: Clock, shutdown: Shutdown) -> anyhow::Result<()> {
    let devices = roster::read(&config.devices_file)?;
    let (state, anchor, positions) = State::open(&config.state_dir, first_anchor(&config, &clock))?;
    if anchor.seed != config.seed || anchor.scenario() != config.scenario {
        tracing::warn!(
            seed = anchor.seed,
            "seed and scenario stay those of the first start; remove the state to change"
        );
    }
    let world = Arc::new(world(&config, &anchor, &devices)?);
    let tally = Tally::default();
    let progress = Progress { tally: tally.clone(), total: Arc::default(), devices: devices.len() };
    let server = serve(&config, &progress, shutdown.clone()).await?;
    let shared = Arc::new(Shared {
        transport: HttpTransport::new(&config.edge.url, config.edge.timeout, config.edge.gzip)?,
        permits: Semaphore::new(config.concurrency),
        journal: config.journal.as_deref().map(Journal::open).transpose().context("open the journal")?,
        origin: Instant::now(),
        started_ms: clock.now_ms(),
        first_started_ms: anchor.started_ms,
        seed: anchor.seed,
        clock,
        state,
        tally,
        shutdown: shutdown.clone(),
    });
    tracing::info!(devices = devices.len(), first_day = %anchor.first_day, "the fleet plays");
    play_all(&config, &shared, world, &anchor, &positions, devices, &progress).await?;
    if !shutdown.is_fired() && !config.exit_when_done {
        tracing::info!("everything is played; waiting to be stopped");
        shutdown.fired().await;
    }
    tracing::info!(accepted = shared.tally.accepted.get(), "the fleet stops");
    server.abort();
    Ok(())
}

fn first_anchor(config: &Config, clock: &Clock) -> Anchor {
    let started_ms = clock.now_ms();
    let first_day = config.calendar.back(Day::of_ms(started_ms), config.history_days, HISTORY_REACH_DAYS);
    Anchor { seed: config.seed, steady: config.scenario == Scenario::Steady, started_ms, first_day }
}

fn world(config: &Config, anchor: &Anchor, devices: &[Enrolled]) -> anyhow::Result<World> {
    let bells = Definitions::parse(CURRENT_TOML)?.bells;
    let all: Vec<Device> = devices.iter().map(|enrolled| enrolled.device).collect();
    let today = Day::of_ms(anchor.started_ms);
    Ok(World::new(anchor.seed, anchor.scenario(), today, config.calendar.clone(), bells, &all))
}

async fn play_all(
    config: &Config,
    shared: &Arc<Shared<HttpTransport>>,
    world: Arc<World>,
    anchor: &Anchor,
    positions: &Positions,
    devices: Vec<Enrolled>,
    progress: &Progress,
) -> anyhow::Result<()> {
    let live_until_ms = config.until_ms.unwrap_or(i64::MAX / 4);
    let until_ms = if config.live { live_until_ms } else { anchor.started_ms.min(live_until_ms) };
    let settings = Settings {
        backoff: config.backoff,
        clock_slack_ms: shared.clock.tolerance_ms(Settings::default().clock_slack_ms),
        ..Settings::default()
    };
    // After a long pause, what the edge would refuse as too old is not even made.
    let oldest = Day::of_ms(shared.started_ms).plus(-HISTORY_REACH_DAYS);
    let mut players = JoinSet::new();
    for enrolled in devices {
        let device = enrolled.device;
        let first = anchor.first_day.max(device.from_day).max(oldest);
        let saved = positions.of(device.device_no, first);
        let saved = if saved.position.is_some_and(|position| position.day < oldest) { Saved::default() } else { saved };
        let spool = ScriptSpool::new(Arc::clone(&world), device, first, saved, until_ms);
        let due = spool.posts_due(anchor.started_ms.min(until_ms), settings.max_events);
        progress.total.fetch_add(due, Ordering::Relaxed);
        let (shared, client) = (Arc::clone(shared), Client::new(spool, settings.clone()));
        players.spawn(async move { Player::new(&shared, enrolled, client).play().await });
        tokio::task::yield_now().await;
    }
    let all = async {
        while let Some(ended) = players.join_next().await {
            ended.context("join a device")?.context("store what was sent")?;
        }
        Ok(())
    };
    tokio::select! {
        result = all => result,
        // A post that is not answered in time is sent again by the next run.
        () = async { shared.shutdown.fired().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

impl Progress {
    fn status(&self) -> Status {
        let tally = &self.tally;
        let (done, all) = (tally.caught_up.get(), i64::try_from(self.devices).unwrap_or(i64::MAX));
        let phase = match () {
            () if tally.finished.get() >= all => "done",
            () if done >= all => "live",
            () => "history",
        };
        let history_posts_done = tally.history_posts.get();
        Status {
            phase,
            history_posts_done,
            history_posts_total: self.total.load(Ordering::Relaxed).max(history_posts_done),
            devices: self.devices,
            devices_caught_up: done,
            devices_finished: tally.finished.get(),
            devices_refused: tally.refused.get(),
            posts: tally.posts.get(),
            posts_kept: tally.posts_kept.get(),
            duplicates: tally.duplicates.get(),
            events_accepted: tally.accepted.get(),
            events_invalid: tally.invalid.get(),
            events_given_up: tally.given_up.get(),
            events_lost: tally.lost.get(),
        }
    }
}

async fn serve(
    config: &Config,
    progress: &Progress,
    shutdown: Shutdown,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let mut registry = Registry::default();
    progress.tally.register(&mut registry);
    let status = progress.clone();
    let admin = runtime::admin::router(Arc::new(registry), Arc::new(Vec::new));
    let router: Router = admin.route("/status", get(move || async move { Json(status.status()) }));
    let listener = tokio::net::TcpListener::bind(config.server.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", config.server.listen))?;
    tracing::info!(address = %listener.local_addr()?, "admin endpoints are up");
    Ok(tokio::spawn(async move {
        let graceful = axum::serve(listener, router).with_graceful_shutdown(async move {
            shutdown.fired().await;
            // The last scrape of a stopping process may still come.
            tokio::time::sleep(Duration::from_millis(100)).await;
        });
        if let Err(error) = graceful.await {
            tracing::error!(%error, "admin endpoints failed");
        }
    }))
}

#[cfg(test)]
mod tests;
