//! When a service that died is started again.

use std::time::Duration;

/// A service that ran this long had started well: what comes next is a new failure, not the same one again.
const SETTLED: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15);
/// The first wait: contract is "within a second", and the next process has to begin within it.
const FIRST: Duration = Duration::from_millis(100);

/// Counts deaths in a row; the wait doubles with each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// Notes a death after `uptime`, and tells how long to wait.
    pub fn next(&mut self, uptime: Duration) -> Duration {
        if uptime >= SETTLED {
            self.deaths = 0;
        }
        let wait = FIRST.saturating_mul(1 << self.deaths.min(16)).min(LONGEST);
        self.deaths += 1;
        wait
    }

    /// Deaths in a row.
    #[must_use]
    pub fn deaths(self) -> u32 {
        self.deaths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_within_a_second_and_later_ones_wait_longer() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.next(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000]);
        assert_eq!(backoff.next(SETTLED), FIRST, "a service that had settled begins anew");
    }
}
