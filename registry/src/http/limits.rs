//! How often an address may try to enrol.

use super::problem::Problem;
use crate::config::EnrolmentConfig;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;

/// Addresses whose state is kept before those at rest are forgotten.
const KEPT: usize = 10_000;

/// The limit; none: everything goes.
pub struct Limits {
    addresses: Option<RateLimiter<String, HashMapStateStore<String>, DefaultClock>>,
    clock: DefaultClock,
}

impl Limits {
    /// The limit of a configuration.
    #[must_use]
    pub fn new(config: EnrolmentConfig) -> Limits {
        let quota = NonZeroU32::new(config.per_minute).zip(NonZeroU32::new(config.burst));
        let quota = quota.map(|(per_minute, burst)| Quota::per_minute(per_minute).allow_burst(burst));
        Limits { addresses: quota.map(RateLimiter::hashmap), clock: DefaultClock::default() }
    }

    /// Counts an attempt of an address.
    ///
    /// # Errors
    /// It is one too many.
    pub fn count(&self, address: &str) -> Result<(), Problem> {
        let Some(addresses) = &self.addresses else { return Ok(()) };
        if addresses.len() > KEPT {
            addresses.retain_recent();
        }
        addresses.check_key(&address.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::RateLimited(wait.as_secs() + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_own_burst_and_zero_is_no_limit() {
        let limits = Limits::new(EnrolmentConfig { per_minute: 1, burst: 2 });
        let allowed = |address: &str| (0..5).filter(|_| limits.count(address).is_ok()).count();
        assert_eq!((allowed("a"), allowed("b")), (2, 2));
        assert!(matches!(limits.count("a"), Err(Problem::RateLimited(1..=60))));
        let open = Limits::new(EnrolmentConfig { per_minute: 0, burst: 2 });
        assert!((0..100).all(|_| open.count("a").is_ok()));
    }
}
