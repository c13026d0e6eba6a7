//! Configuration of `fleet`.

use crate::logic::backoff::Policy;
use crate::logic::calendar::Calendar;
use crate::logic::day::world::Scenario;
use runtime::clock::ClockConfig;
use runtime::config::{LogConfig, ServerConfig};
use schemas::time::{Day, parse_rfc3339_ms};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// The embedded defaults.
pub const DEFAULTS: &str = include_str!("../../config/fleet.default.toml");

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    server: ServerConfig,
    edge: EdgeConfig,
    fleet: RawFleet,
    calendar: RawCalendar,
    #[serde(default)]
    clock: ClockConfig,
    log: LogConfig,
}

/// `[edge]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeConfig {
    /// Base URL; several, separated by commas, take turns.
    pub url: String,
    /// Of one post.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Compress bodies.
    pub gzip: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFleet {
    devices_file: PathBuf,
    state_dir: PathBuf,
    history_days: u32,
    live: bool,
    seed: u64,
    scenario: String,
    concurrency: usize,
    #[serde(with = "humantime_serde")]
    retry_first: Duration,
    #[serde(with = "humantime_serde")]
    retry_cap: Duration,
    exit_when_done: bool,
    until: Option<String>,
    journal: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalendar {
    closed: Vec<(String, String)>,
    open: Vec<String>,
}

/// Checked.
#[derive(Debug)]
pub struct Config {
    /// Admin endpoints.
    pub server: ServerConfig,
    /// Where posts go.
    pub edge: EdgeConfig,
    /// One device with its token per line.
    pub devices_file: PathBuf,
    /// Positions of all devices.
    pub state_dir: PathBuf,
    /// School days before the first start.
    pub history_days: u32,
    /// Go on after the history.
    pub live: bool,
    /// Seed of all events.
    pub seed: u64,
    /// Scenario.
    pub scenario: Scenario,
    /// Posts in flight.
    pub concurrency: usize,
    /// Waits after failures.
    pub backoff: Policy,
    /// Exit once everything is settled.
    pub exit_when_done: bool,
    /// Play nothing after this instant, ms.
    pub until_ms: Option<i64>,
    /// Where posts and the fate of each event are written.
    pub journal: Option<PathBuf>,
    /// School days.
    pub calendar: Calendar,
    /// Clock.
    pub clock: ClockConfig,
    /// Logs.
    pub log: LogConfig,
}

/// A value that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a scenario.
    #[error("fleet.scenario: `{0}` is neither `default` nor `steady`")]
    Scenario(String),
    /// Not an instant.
    #[error("fleet.until: `{0}` is not RFC 3339")]
    Until(String),
    /// Not a day.
    #[error("calendar: `{0}` is not a day")]
    Day(String),
    /// Nothing could be sent.
    #[error("fleet.concurrency must be at least 1")]
    Concurrency,
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Config, ConfigError> {
        let fleet = raw.fleet;
        let until = |text: String| parse_rfc3339_ms(&text).ok_or(ConfigError::Until(text));
        if fleet.concurrency == 0 {
            return Err(ConfigError::Concurrency);
        }
        Ok(Config {
            server: raw.server,
            edge: raw.edge,
            devices_file: fleet.devices_file,
            state_dir: fleet.state_dir,
            history_days: fleet.history_days,
            live: fleet.live,
            seed: fleet.seed,
            scenario: Scenario::parse(&fleet.scenario).ok_or(ConfigError::Scenario(fleet.scenario))?,
            concurrency: fleet.concurrency,
            backoff: Policy { first_ms: millis(fleet.retry_first), cap_ms: millis(fleet.retry_cap) },
            exit_when_done: fleet.exit_when_done,
            until_ms: fleet.until.map(until).transpose()?,
            journal: fleet.journal,
            calendar: raw.calendar.try_into()?,
            clock: raw.clock,
            log: raw.log,
        })
    }
}

impl TryFrom<RawCalendar> for Calendar {
    type Error = ConfigError;

    fn try_from(raw: RawCalendar) -> Result<Calendar, ConfigError> {
        let closed = raw.closed.into_iter().map(|(from, to)| Ok((day(from)?, day(to)?)));
        let open = raw.open.into_iter().map(day);
        Ok(Calendar { closed: closed.collect::<Result<_, _>>()?, open: open.collect::<Result<_, _>>()? })
    }
}

fn day(text: String) -> Result<Day, ConfigError> {
    Day::parse(&text).ok_or(ConfigError::Day(text))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used() {
        let raw: RawConfig = runtime::config::load("fleet-test-defaults", DEFAULTS, None).unwrap();
        let config = Config::try_from(raw).unwrap();
        assert_eq!((config.history_days, config.scenario), (20, Scenario::Default));
        assert!(!config.calendar.is_school_day(Day::parse("2026-10-01").unwrap()));
    }

    #[test]
    fn impossible_values_are_refused() {
        for (good, bad) in
            [("\"default\"", "\"calm\""), ("concurrency = 64", "concurrency = 0"), ("2026-10-07", "soon")]
        {
            let text = DEFAULTS.replace(good, bad);
            let raw: RawConfig = runtime::config::load("fleet-test-defaults", &text, None).unwrap();
            assert!(Config::try_from(raw).is_err(), "{bad}");
        }
    }
}
