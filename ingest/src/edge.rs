//! What every worker shares.

use crate::budget::Budget;
use crate::config::{Config, Limits, Time, millis};
use crate::logic::admit::Tolerances;
use crate::logic::answer::Refusal;
use crate::logic::limit::Limiter;
use crate::logic::shed::Shedder;
use crate::logic::token::Verifier;
use crate::logic::view::View;
use crate::metrics::Metrics;
use crate::sink::Sink;
use crate::sink::ages::Ages;
use crate::source::registry::Freshness;
use runtime::clock::Clock;
use schemas::codes::Slug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The parts of an edge.
pub struct Edge {
    /// Injected time.
    pub clock: Clock,
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Between agents' clocks and ours.
    pub tolerances: Tolerances,
    /// All devices.
    pub view: Arc<View>,
    /// How fresh the view is.
    pub freshness: Arc<Freshness>,
    /// Where posts go.
    pub sink: Arc<dyn Sink>,
    /// Posts under way.
    pub ages: Arc<Ages>,
    /// Counters.
    pub metrics: Metrics,
    /// Bound on memory.
    pub budget: Arc<Budget>,
    /// Sizes and rates.
    pub limits: Limits,
    /// For bodies.
    pub body_timeout: Duration,
    /// Bytes of a record before a post becomes several.
    pub record_bytes: usize,
    /// `clock_offset_ms` beyond flags the device.
    pub flag_offset_ms: u64,
    devices: Limiter,
    schools: Limiter,
    shedder: Mutex<Shedder>,
    draining: AtomicBool,
    start: Instant,
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge").field("view", &self.view).finish_non_exhaustive()
    }
}

impl Edge {
    /// An edge of a configuration, a view and a sink.
    #[must_use]
    pub fn new(
        config: Config,
        view: Arc<View>,
        freshness: Arc<Freshness>,
        sink: Arc<dyn Sink>,
        ages: Arc<Ages>,
        metrics: Metrics,
    ) -> Edge {
        let Config { raw, clock, verifier, tolerances } = config;
        let Time { flag_offset, .. } = raw.time;
        Edge {
            clock,
            verifier,
            tolerances,
            view,
            freshness,
            sink,
            ages,
            budget: Budget::new(raw.limits.in_flight_bytes, metrics.in_flight_bytes.clone()),
            metrics,
            body_timeout: raw.server.body_timeout,
            record_bytes: raw.kafka.record_bytes,
            flag_offset_ms: millis(flag_offset),
            devices: Limiter::new(raw.limits.device()),
            schools: Limiter::new(raw.limits.school()),
            shedder: Mutex::new(Shedder::new(raw.limits.shedding())),
            limits: raw.limits,
            draining: AtomicBool::new(false),
            start: Instant::now(),
        }
    }

    /// Why the edge cannot serve, in words; empty when it can.
    #[must_use]
    pub fn lacks(&self) -> Vec<String> {
        let kafka = (!self.sink.is_up()).then_some("kafka cannot be reached");
        let draining = self.is_draining().then_some("the edge is stopping");
        [self.freshness.lack(), kafka, draining].into_iter().flatten().map(str::to_owned).collect()
    }

    /// The process has been asked to stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Refuses posts that come too early, too late, or on top of too much.
    ///
    /// # Errors
    /// `overloaded`, `not-ready`
    pub fn check_load(&self) -> Result<(), Refusal> {
        if self.shedder().refuses(self.now_ms()) {
            return Err(Refusal::new(Slug::Overloaded, "acknowledgements are slow"));
        }
        match self.freshness.lack() {
            None => Ok(()),
            Some(lack) => Err(Refusal::new(Slug::NotReady, lack)),
        }
    }

    /// Refuses devices and schools that post too often.
    ///
    /// # Errors
    /// `rate-device`, `rate-school`
    pub fn check_rate(&self, device_no: u32, school_no: u32) -> Result<(), Refusal> {
        let now_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let limited = |slug| move |wait_us| Refusal::new(slug, "more posts than allowed").after_us(wait_us);
        self.devices.check(device_no, now_us).map_err(limited(Slug::RateDevice))?;
        self.schools.check(school_no, now_us).map_err(limited(Slug::RateSchool))
    }

    /// Notes how long a post waited for its acknowledgement.
    pub fn acknowledged(&self, waited: Duration) {
        self.shedder().acknowledged(self.now_ms(), millis(waited));
    }

    fn shedder(&self) -> std::sync::MutexGuard<'_, Shedder> {
        self.shedder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Real time, ms since the start.
    fn now_ms(&self) -> u64 {
        millis(self.start.elapsed())
    }
}
