//! Rate limits by number (device or school): GCRA, 8 bytes a number, real time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers of a chunk, allocated at once.
const CHUNK: usize = 4096;
/// Chunks that can be.
const CHUNKS: usize = 1 << 15;

/// So many a second, and so many at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Sustained, per second; 0: no limit.
    pub per_second: f64,
    /// At once.
    pub burst: u32,
}

/// One limit for many numbers.
pub struct Limiter {
    /// Time that one post takes, µs; 0: no limit.
    interval_us: u64,
    /// How far ahead of now the theoretical arrival may be, µs.
    tolerance_us: u64,
    arrivals: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("interval_us", &self.interval_us).finish_non_exhaustive()
    }
}

impl Limiter {
    /// A limiter that has seen nothing.
    #[must_use]
    pub fn new(rate: Rate) -> Limiter {
        let limited = rate.per_second > 0.0;
        let interval_us = if limited { (1e6 / rate.per_second).max(1.0) as u64 } else { 0 };
        let chunks = if limited { CHUNKS } else { 0 };
        Limiter {
            interval_us,
            tolerance_us: interval_us.saturating_mul(u64::from(rate.burst.max(1))),
            arrivals: (0..chunks).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Counts a post of a number at `now_us` (of any monotonic clock).
    ///
    /// # Errors
    /// Over the limit: µs to wait. The post is not counted.
    pub fn check(&self, number: u32, now_us: u64) -> Result<(), u64> {
        let Some(chunk) = self.arrivals.get(number as usize / CHUNK) else {
            return Ok(());
        };
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        let arrival = &chunk[number as usize % CHUNK];
        let mut seen = arrival.load(Ordering::Relaxed);
        loop {
            let next = seen.max(now_us) + self.interval_us;
            let ahead = next - now_us;
            if ahead > self.tolerance_us {
                return Err(ahead - self.tolerance_us);
            }
            match arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_burst_passes_then_the_sustained_rate() {
        let limiter = Limiter::new(Rate { per_second: 2.0, burst: 120 });
        let start = 1000 * SECOND;
        assert_eq!((0..200).filter(|_| limiter.check(7, start).is_ok()).count(), 120);
        assert_eq!(limiter.check(7, start), Err(SECOND / 2), "half a second until the next one");
        assert_eq!(limiter.check(7, start + SECOND / 2), Ok(()));
        assert!(limiter.check(7, start + SECOND / 2).is_err());
        assert_eq!(limiter.check(8, start), Ok(()), "another number has its own");
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let limiter = Limiter::new(Rate { per_second: 0.0, burst: 1 });
        assert!((0..10_000).all(|_| limiter.check(1, 5).is_ok()));
    }
}
