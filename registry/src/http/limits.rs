//! How often an address may try to enrol, or to log in.

use super::problem::Problem;
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
    /// So many attempts a minute (0: no limit), and at once.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Limits {
        let quota = NonZeroU32::new(per_minute).zip(NonZeroU32::new(burst));
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
        let limits = Limits::new(1, 2);
        let allowed = |address: &str| (0..5).filter(|_| limits.count(address).is_ok()).count();
        assert_eq!((allowed("a"), allowed("b")), (2, 2));
        assert!(matches!(limits.count("a"), Err(Problem::RateLimited(1..=60))));
        let open = Limits::new(0, 2);
        assert!((0..100).all(|_| open.count("a").is_ok()));
    }
}
