//! Limits of requests: per user by rate, all together by number.

use super::problem::Problem;
use crate::config::LimitsConfig;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Limiter = RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Users whose state is kept before those at rest are forgotten.
const KEPT_USERS: usize = 10_000;

/// Both limits.
pub struct Limits {
    users: Limiter,
    clock: DefaultClock,
    burst: u32,
    turns: Arc<Semaphore>,
    queue: Duration,
}

/// What is left to a user after this request.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    burst: u32,
    remaining: u32,
    /// Seconds until a request is possible again; 0 while some remain.
    reset_s: u64,
}

impl Limits {
    /// The limits of a configuration.
    #[must_use]
    pub fn new(config: &LimitsConfig) -> Limits {
        let quota = Quota::per_second(config.requests_per_s).allow_burst(config.burst);
        Limits {
            users: RateLimiter::hashmap(quota).with_middleware(),
            clock: DefaultClock::default(),
            burst: config.burst.get(),
            turns: Arc::new(Semaphore::new(config.concurrent)),
            queue: config.queue,
        }
    }

    /// Counts a request of a user.
    ///
    /// # Errors
    /// It is one too many; what is left is told as well.
    pub fn count(&self, user: &str) -> Result<Left, (Problem, Left)> {
        if self.users.len() > KEPT_USERS {
            self.users.retain_recent();
        }
        match self.users.check_key(&user.to_owned()) {
            Ok(state) => Ok(Left { burst: self.burst, remaining: state.remaining_burst_capacity(), reset_s: 0 }),
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(self.clock.now());
                let reset_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let left = Left { burst: self.burst, remaining: 0, reset_s };
                Err((Problem::RateLimited(reset_s.max(1)), left))
            }
        }
    }

    /// Waits for a turn to make an answer; it ends when the permit is dropped.
    ///
    /// # Errors
    /// None came in time.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = self.turns.clone().acquire_owned();
        match tokio::time::timeout(self.queue, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Problem::Overloaded),
        }
    }
}

impl Left {
    /// Writes the RateLimit headers.
    pub fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.burst)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", self.reset_s),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}
