//! The bound on memory: bytes of posts between their first byte and their answer.

use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much may be in flight.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    taken: AtomicUsize,
    gauge: Gauge,
}

impl Budget {
    /// A budget of so many bytes; `gauge` shows what is taken.
    #[must_use]
    pub fn new(limit: usize, gauge: Gauge) -> Arc<Budget> {
        Arc::new(Budget { limit, taken: AtomicUsize::new(0), gauge })
    }

    /// Takes a share; `None`: there is not enough left.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Charge> {
        let mut charge = Charge { budget: Arc::clone(self), bytes: 0 };
        charge.grow_to(bytes).then_some(charge)
    }

    fn add(&self, bytes: usize) -> bool {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.limit {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.gauge.inc_by(bytes as i64);
        true
    }

    fn sub(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        self.gauge.dec_by(bytes as i64);
    }
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// Takes more, up to `bytes` in all; `false`: there is not enough left.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let taken = more == 0 || self.budget.add(more);
        if taken {
            self.bytes = self.bytes.max(bytes);
        }
        taken
    }

    /// Gives back what is over `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let over = self.bytes.saturating_sub(bytes);
        self.budget.sub(over);
        self.bytes -= over;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.sub(self.bytes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_limit_and_come_back() {
        let budget = Budget::new(100, Gauge::default());
        let mut first = budget.take(60).unwrap();
        assert!(budget.take(50).is_none());
        let second = budget.take(40).unwrap();
        assert!(!first.grow_to(61));
        drop(second);
        assert!(first.grow_to(100));
        first.shrink_to(10);
        assert!(budget.take(90).is_some());
        drop(first);
        assert_eq!(budget.taken.load(Ordering::Relaxed), 0);
        assert_eq!(budget.gauge.get(), 0);
    }
}
