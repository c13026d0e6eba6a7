//! The outbox's way out: at least once, in order, and a sign of life in between.
//!
//! A value is marked only after it is acknowledged, so a crash repeats values and loses none; a repetition has the same
//! content, because values are encoded when they are written. A batch that is not taken whole goes on after its
//! acknowledged part.

use crate::config::PublisherConfig;
use crate::metrics::Metrics;
use crate::sink::{SendError, Sink};
use crate::store::{Lease, Store, StoreError};
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::time::Day;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Values of one batch.
const BATCH: u32 = 5_000;
/// Before something that failed is tried again.
const BACK_OFF: Duration = Duration::from_secs(1);

/// A step that failed, and will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kafka.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Publishes what waits, brings devices into service at midnight, and tells that the registry is alive.
pub struct Publisher<S> {
    store: Store,
    sink: S,
    lease: Lease,
    clock: Clock,
    config: PublisherConfig,
    metrics: Metrics,
    caught_up: Arc<AtomicBool>,
    served_day: Option<Day>,
    next_beat: Instant,
}

impl<S: Sink> Publisher<S> {
    /// A publisher that has done nothing yet.
    pub fn new(store: Store, sink: S, clock: Clock, config: PublisherConfig, metrics: Metrics) -> Publisher<S> {
        let caught_up = Arc::new(AtomicBool::new(false));
        let (lease, served_day, next_beat) = (Lease::default(), None, Instant::now());
        Publisher { store, sink, lease, clock, config, metrics, caught_up, served_day, next_beat }
    }

    /// Set once everything that waited has been published.
    pub fn caught_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.caught_up)
    }

    /// Runs until the shutdown fires. What is then in flight stays in the outbox and is repeated at the next start.
    pub async fn run(&mut self, shutdown: &Shutdown) {
        loop {
            let pause = tokio::select! {
                () = shutdown.fired() => return,
                pause = self.step() => pause,
            };
            tokio::select! {
                () = shutdown.fired() => return,
                () = tokio::time::sleep(pause) => {}
                // A change of this process is not made to wait for the next look; those of the terminal are.
                () = self.store.changed(), if pause == self.config.poll => {}
            }
        }
    }

    /// Does what is due, and gives the time until the next look.
    async fn step(&mut self) -> Duration {
        match self.try_step().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => self.config.poll,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "not published, will try again");
                BACK_OFF
            }
        }
    }

    /// Whether there may be more to do at once.
    async fn try_step(&mut self) -> Result<bool, PublishError> {
        if !self.store.may_publish(&mut self.lease).await? {
            return self.stand_by().await;
        }
        self.start_service().await?;
        self.beat().await?;
        self.publish().await
    }

    /// Another process publishes; this one is as far as that one.
    async fn stand_by(&mut self) -> Result<bool, PublishError> {
        let waiting = self.store.count_waiting().await?;
        self.metrics.waiting.set(waiting);
        self.caught_up.fetch_or(waiting == 0, Ordering::Relaxed);
        Ok(false)
    }

    async fn start_service(&mut self) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let today = Day::of_ms(now_ms);
        if self.served_day == Some(today) {
            return Ok(());
        }
        let devices = self.store.begin_day(today, now_ms).await?;
        self.metrics.started.inc_by(devices as u64);
        self.served_day = Some(today);
        tracing::info!(%today, devices, "brought yesterday's enrolments into service");
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), StoreError> {
        if Instant::now() < self.next_beat {
            return Ok(());
        }
        self.store.beat(self.clock.now_ms()).await?;
        self.metrics.heartbeats.inc();
        self.next_beat = Instant::now() + self.config.heartbeat;
        Ok(())
    }

    /// Publishes a batch; whether there was one.
    ///
    /// # Errors
    /// The store or Kafka fails; what was acknowledged until then is marked.
    pub async fn publish(&mut self) -> Result<bool, PublishError> {
        let batch = self.store.waiting(BATCH).await?;
        let sent = if batch.is_empty() { Ok(()) } else { self.sink.send(&batch).await };
        let taken = sent.as_ref().err().map_or(batch.len(), |error| error.taken);
        if let Some(last) = batch[..taken].last() {
            self.store.mark_published(last.rev, self.clock.now_ms()).await?;
            self.metrics.published.inc_by(taken as u64);
        }
        self.metrics.waiting.set(self.store.count_waiting().await?);
        if let Err(error) = sent {
            self.metrics.failures.inc();
            return Err(error.into());
        }
        if batch.is_empty() && !self.caught_up.swap(true, Ordering::Relaxed) {
            tracing::info!("everything that waited is published");
        }
        Ok(!batch.is_empty())
    }
}

#[cfg(test)]
mod tests;
