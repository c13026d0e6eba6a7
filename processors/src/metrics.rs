//! Metrics of the process; each part registers its own.

use crate::logic::tally::Tally;
use crate::logic::worker::Worker;
use crate::worker::Phase;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};

/// A registry with the service's prefix.
#[must_use]
pub fn registry() -> Registry {
    Registry::with_prefix("processors")
}

/// What became of an input event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    outcome: &'static str,
}

/// What happened to a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MoveLabel {
    reason: &'static str,
}

/// Which worker thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ThreadLabel {
    thread: usize,
}

/// What the ledgers count; names get the process's prefix, counters `_total`.
#[derive(Clone, Debug, Default)]
pub struct LedgerMetrics {
    /// Input events of the ledgers' streams.
    received: Counter,
    /// The same events by outcome; sums to `received`.
    events: Family<OutcomeLabel, Counter>,
    /// Records that could not be decoded.
    undecodable: Counter,
    /// Dead letters sent.
    dead_letters: Counter,
    /// Ledgers evicted under the byte budget.
    evicted: Counter,
    /// Partitions that changed hands, by what happened to them.
    partition_moves: Family<MoveLabel, Counter>,
    /// Partitions that a worker thread has.
    partitions: Family<ThreadLabel, Gauge>,
    /// Flushes whose rows were all acknowledged.
    flushes: Counter,
    /// Effects that failed and were tried again.
    faults: Counter,
    /// Bytes of ledgers in memory.
    bytes: Family<ThreadLabel, Gauge>,
    /// Device-days in memory.
    device_days: Family<ThreadLabel, Gauge>,
}

impl LedgerMetrics {
    /// Registers all of them.
    pub fn register(registry: &mut Registry) -> LedgerMetrics {
        let m = LedgerMetrics::default();
        registry.register("events_received", "events of the ledgers' streams", m.received.clone());
        registry.register("events", "the same events by outcome", m.events.clone());
        registry.register("undecodable_records", "records that could not be decoded", m.undecodable.clone());
        registry.register("dead_letters", "dead letters sent", m.dead_letters.clone());
        registry.register("evicted_ledgers", "school days evicted from memory", m.evicted.clone());
        let moves = "partitions opened (their days loaded), given_back (all written and committed) or lost";
        registry.register("partition_moves", moves, m.partition_moves.clone());
        registry.register("partitions", "partitions that a worker thread has", m.partitions.clone());
        registry.register("flushes", "flushes acknowledged", m.flushes.clone());
        registry.register("faults", "effects that failed and were tried again", m.faults.clone());
        registry.register("ledger_bytes", "bytes of ledgers in memory", m.bytes.clone());
        registry.register("ledger_device_days", "device-days in memory, both streams", m.device_days.clone());
        m
    }

    /// Events of the ledgers' streams so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// The share of one worker thread.
    #[must_use]
    pub fn of_thread(&self, thread: usize) -> WorkerMetrics {
        WorkerMetrics { all: self.clone(), thread, before: Mutex::default(), faults: self.faults.clone() }
    }
}

/// Turns a worker's counts into increments.
#[derive(Debug)]
pub struct WorkerMetrics {
    all: LedgerMetrics,
    thread: usize,
    before: Mutex<Tally>,
    /// Effects that failed.
    pub faults: Counter,
}

impl WorkerMetrics {
    /// Counts what a turn changed.
    pub fn observe(&self, phase: Phase, worker: &Worker) {
        match phase {
            Phase::Fold | Phase::DeadLetters => self.count(worker.tally()),
            Phase::SchoolRows => {
                self.all.flushes.inc();
                let label = ThreadLabel { thread: self.thread };
                self.all.bytes.get_or_create(&label).set(worker.bytes() as i64);
                let device_days = worker.activity().device_days() + worker.network().device_days();
                self.all.device_days.get_or_create(&label).set(device_days as i64);
                self.count(worker.tally());
            }
            Phase::Open | Phase::Release => {
                let partitions = worker.partitions().len() as i64;
                self.all.partitions.get_or_create(&ThreadLabel { thread: self.thread }).set(partitions);
                self.count(worker.tally());
            }
            Phase::Poll | Phase::Load | Phase::DeviceRows | Phase::Commit => {}
        }
    }

    /// From now on another worker counts, from nothing.
    pub fn begin_anew(&self) {
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Tally::default();
    }

    fn count(&self, now: &Tally) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        self.all.received.inc_by(now.received - before.received);
        self.all.undecodable.inc_by(now.undecodable - before.undecodable);
        self.all.dead_letters.inc_by(now.dead_letters - before.dead_letters);
        self.all.evicted.inc_by(now.evicted - before.evicted);
        let outcomes = [
            ("folded", now.folded - before.folded),
            ("duplicate", now.duplicate - before.duplicate),
            ("dead_lettered", now.dead_lettered - before.dead_lettered),
            ("elsewhere", now.elsewhere - before.elsewhere),
            ("unfolded", now.unfolded - before.unfolded),
        ];
        for (outcome, count) in outcomes {
            self.all.events.get_or_create(&OutcomeLabel { outcome }).inc_by(count);
        }
        let moves = [
            ("opened", now.opened - before.opened),
            ("given_back", now.given_back - before.given_back),
            ("lost", now.lost - before.lost),
        ];
        for (reason, count) in moves {
            self.all.partition_moves.get_or_create(&MoveLabel { reason }).inc_by(count);
        }
        *before = *now;
    }
}
