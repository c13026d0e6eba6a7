//! How long to wait after a failure: exponential with jitter, never earlier than `Retry-After` says.

/// Bounds of the waits, in real milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Longest wait after the first failure.
    pub first_ms: u64,
    /// Longest wait after any number of failures.
    pub cap_ms: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { first_ms: 1_000, cap_ms: 300_000 }
    }
}

/// Counts failures in a row.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: Policy,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub fn new(policy: Policy) -> Backoff {
        Backoff { policy, failures: 0 }
    }

    /// Forgets earlier failures, after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure. `dice` in `[0, 1)` spreads devices over the upper half of the exponential
    /// step, or over one first step after what the server asked for, so that they do not come back together.
    pub fn after_failure(&mut self, retry_after_ms: Option<u64>, dice: f64) -> u64 {
        let doubled = self.policy.first_ms.saturating_mul(1 << self.failures.min(20));
        let step = doubled.min(self.policy.cap_ms);
        self.failures = self.failures.saturating_add(1);
        let own = step / 2 + (step as f64 / 2.0 * dice) as u64;
        let asked = retry_after_ms.map_or(0, |ms| ms + (self.policy.first_ms as f64 * dice) as u64);
        own.max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_again_after_a_success() {
        let mut backoff = Backoff::new(Policy { first_ms: 1_000, cap_ms: 5_000 });
        let waits: Vec<u64> = (0..5).map(|_| backoff.after_failure(None, 0.999_999)).collect();
        assert_eq!(waits, [999, 1_999, 3_999, 4_999, 4_999]);
        backoff.reset();
        assert_eq!(backoff.after_failure(None, 0.0), 500, "half of the step is the least");
    }

    #[test]
    fn never_earlier_than_the_server_asks() {
        let mut backoff = Backoff::new(Policy { first_ms: 1_000, cap_ms: 5_000 });
        assert_eq!(backoff.after_failure(Some(30_000), 0.0), 30_000);
        assert_eq!(backoff.after_failure(Some(30_000), 0.5), 30_500);
        assert!(backoff.after_failure(Some(0), 0.0) > 0, "a server that asks for nothing is still left alone");
    }
}
