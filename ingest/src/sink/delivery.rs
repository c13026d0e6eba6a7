//! What becomes of a post's records: the answer waits for it, and the counters follow it, whether or not the client
//! still does.

use super::ages::Ages;
use crate::budget::Charge;
use crate::metrics::{Metrics, Outcome};
use futures::task::AtomicWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};

const PENDING: u8 = 0;
const STORED: u8 = 1;
const LOST: u8 = 2;

/// The events of a post, counted when it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// To be stored.
    pub valid: u32,
    /// With a fault.
    pub invalid: u32,
}

impl Tally {
    /// Counts the events of a post that has ended.
    pub fn count(self, metrics: &Metrics, stored: bool) {
        let (valid, invalid) = (u64::from(self.valid), u64::from(self.invalid));
        metrics.events_received.inc_by(valid + invalid);
        metrics.events_invalid.inc_by(invalid);
        if stored {
            metrics.events_accepted.inc_by(valid)
        } else {
            metrics.events_retry.inc_by(valid)
        };
    }
}

/// A post whose records are under way.
pub struct Delivery {
    left: AtomicU32,
    failed: AtomicBool,
    state: AtomicU8,
    waker: AtomicWaker,
    tally: Tally,
    metrics: Metrics,
    /// Held for its drop.
    _charge: Charge,
    born: u64,
    ages: Arc<Ages>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Delivery {
    /// A post with so many records to come.
    #[must_use]
    pub fn new(records: u32, tally: Tally, metrics: &Metrics, charge: Charge, ages: &Arc<Ages>) -> Arc<Delivery> {
        Arc::new(Delivery {
            left: AtomicU32::new(records),
            failed: AtomicBool::new(false),
            state: AtomicU8::new(PENDING),
            waker: AtomicWaker::new(),
            tally,
            metrics: metrics.clone(),
            _charge: charge,
            born: ages.enter(),
            ages: Arc::clone(ages),
        })
    }

    /// One record has been stored, or has not.
    pub fn settle(&self, stored: bool) {
        if !stored {
            self.failed.store(true, Ordering::Relaxed);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        let stored = !self.failed.load(Ordering::Relaxed);
        self.ages.leave(self.born);
        self.tally.count(&self.metrics, stored);
        self.metrics.post(if stored { Outcome::Ok } else { Outcome::Unavailable });
        self.state.store(if stored { STORED } else { LOST }, Ordering::Release);
        self.waker.wake();
    }

    /// Resolves when all records are settled: whether all are stored.
    pub fn outcome(self: &Arc<Self>) -> DeliveryOutcome {
        DeliveryOutcome(Arc::clone(self))
    }
}

/// See [`Delivery::outcome`].
#[derive(Debug)]
pub struct DeliveryOutcome(Arc<Delivery>);

impl Future for DeliveryOutcome {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let settled = |state| if state == PENDING { Poll::Pending } else { Poll::Ready(state == STORED) };
        if let Poll::Ready(stored) = settled(self.0.state.load(Ordering::Acquire)) {
            return Poll::Ready(stored);
        }
        self.0.waker.register(context.waker());
        settled(self.0.state.load(Ordering::Acquire))
    }
}
