//! The injected clock: wall time, or a virtual time that starts anywhere and runs at any speed.

use schemas::time::parse_rfc3339_ms;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// `[clock]` of a service's configuration; absent: wall time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfig {
    /// Virtual time (RFC 3339) that belongs to `real`.
    pub r#virtual: Option<String>,
    /// Wall time (RFC 3339) at which the virtual clock showed `virtual`.
    pub real: Option<String>,
    /// Virtual seconds per wall second; 1 if absent.
    pub speed: Option<f64>,
}

/// A `[clock]` section that makes no clock.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// One of the two instants is missing or not RFC 3339.
    #[error("clock.{0} must be an RFC 3339 instant; give `virtual` and `real` together")]
    Instant(&'static str),
    /// Not a positive number.
    #[error("clock.speed must be above 0 and at most 10000")]
    Speed,
}

/// Tells the time to everything that compares it with agents' times or days. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Wall,
    Virtual { virtual_ms: i64, real_ms: i64, speed: f64 },
    Manual(AtomicI64),
}

impl Clock {
    /// Wall time.
    #[must_use]
    pub fn wall() -> Clock {
        Clock(Arc::new(Source::Wall))
    }

    /// A clock for tests that stands until [`Clock::set_ms`] moves it.
    #[must_use]
    pub fn manual(now_ms: i64) -> Clock {
        Clock(Arc::new(Source::Manual(AtomicI64::new(now_ms))))
    }

    /// The clock of a configuration.
    ///
    /// # Errors
    /// Instants that are not RFC 3339, or an impossible speed.
    pub fn from_config(config: &ClockConfig) -> Result<Clock, ClockError> {
        let speed = config.speed.unwrap_or(1.0);
        if !(speed > 0.0 && speed <= 10_000.0) {
            return Err(ClockError::Speed);
        }
        if config.r#virtual.is_none() && config.real.is_none() {
            return Ok(Clock::wall());
        }
        let instant =
            |text: &Option<String>, name| text.as_deref().and_then(parse_rfc3339_ms).ok_or(ClockError::Instant(name));
        let virtual_ms = instant(&config.r#virtual, "virtual")?;
        let real_ms = instant(&config.real, "real")?;
        Ok(Clock(Arc::new(Source::Virtual { virtual_ms, real_ms, speed })))
    }

    /// Now, ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &*self.0 {
            Source::Wall => wall_ms(),
            Source::Virtual { virtual_ms, real_ms, speed } => {
                virtual_ms + ((wall_ms() - real_ms) as f64 * speed) as i64
            }
            Source::Manual(now) => now.load(Ordering::Relaxed),
        }
    }

    /// Virtual seconds per wall second: what tolerances between clocks are multiplied by.
    #[must_use]
    pub fn speed(&self) -> f64 {
        match &*self.0 {
            Source::Virtual { speed, .. } => *speed,
            Source::Wall | Source::Manual(_) => 1.0,
        }
    }

    /// A tolerance between two clocks, scaled with the speed (never below its real value).
    #[must_use]
    pub fn tolerance_ms(&self, real_ms: i64) -> i64 {
        (real_ms as f64 * self.speed().max(1.0)) as i64
    }

    /// Moves a [`Clock::manual`]; other clocks are left alone.
    pub fn set_ms(&self, now_ms: i64) {
        if let Source::Manual(now) = &*self.0 {
            now.store(now_ms, Ordering::Relaxed);
        }
    }
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_starts_where_it_is_told_and_runs_at_its_speed() {
        let config = ClockConfig {
            r#virtual: Some("2026-11-20T09:00:00+08:00".into()),
            real: Some("2020-01-01T00:00:00Z".into()),
            speed: Some(60.0),
        };
        let clock = Clock::from_config(&config).unwrap();
        let elapsed = wall_ms() - parse_rfc3339_ms("2020-01-01T00:00:00Z").unwrap();
        let expected = parse_rfc3339_ms("2026-11-20T09:00:00+08:00").unwrap() + elapsed * 60;
        assert!((clock.now_ms() - expected).abs() < 60_000);
        assert_eq!(clock.tolerance_ms(120_000), 7_200_000);
    }

    #[test]
    fn half_a_clock_and_impossible_speeds_are_refused() {
        let half = ClockConfig { r#virtual: Some("2026-11-20T09:00:00+08:00".into()), ..ClockConfig::default() };
        assert!(matches!(Clock::from_config(&half), Err(ClockError::Instant("real"))));
        let still = ClockConfig { speed: Some(0.0), ..ClockConfig::default() };
        assert!(matches!(Clock::from_config(&still), Err(ClockError::Speed)));
    }
}
