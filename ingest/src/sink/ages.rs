//! How old the oldest post under way is, at the cost of two atomic additions a post.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Resolution, ms.
const TICK_MS: u64 = 32;
/// Ticks on the ring: about 8 s, many times the time-out after which all that is under way fails.
const TICKS: u64 = 256;

/// Posts under way by the tick of their birth.
#[derive(Debug)]
pub struct Ages {
    start: Instant,
    ring: [AtomicI64; TICKS as usize],
    total: AtomicI64,
}

impl Default for Ages {
    fn default() -> Ages {
        let ring = [const { AtomicI64::new(0) }; TICKS as usize];
        Ages { start: Instant::now(), ring, total: AtomicI64::new(0) }
    }
}

impl Ages {
    /// Now, ms since the ring's start.
    pub fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// A post begins; returns its birth for [`Ages::leave`].
    pub fn enter(&self) -> u64 {
        let now = self.now_ms();
        self.slot(now / TICK_MS).fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(1, Ordering::Relaxed);
        now
    }

    /// A post ends.
    pub fn leave(&self, born_ms: u64) {
        self.slot(born_ms / TICK_MS).fetch_sub(1, Ordering::Relaxed);
        self.total.fetch_sub(1, Ordering::Relaxed);
    }

    /// Posts under way.
    pub fn under_way(&self) -> usize {
        usize::try_from(self.total.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Age of the oldest post under way.
    pub fn oldest(&self) -> Duration {
        if self.under_way() == 0 {
            return Duration::ZERO;
        }
        let now = self.now_ms() / TICK_MS;
        let first = now.saturating_sub(TICKS - 1);
        let oldest = (first..=now).find(|tick| self.slot(*tick).load(Ordering::Relaxed) > 0);
        Duration::from_millis(oldest.map_or(0, |tick| (now - tick) * TICK_MS))
    }

    fn slot(&self, tick: u64) -> &AtomicI64 {
        &self.ring[(tick % TICKS) as usize]
    }
}
