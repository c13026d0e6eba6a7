//! Configuration: `config.default.toml` explains every key.

use crate::logic::admit::Tolerances;
use crate::logic::limit::Rate;
use crate::logic::shed::Shedding;
use crate::logic::token::Verifier;
use runtime::clock::{Clock, ClockConfig, ClockError};
use runtime::config::{ConfigError, LogConfig};
use runtime::keys::KeysConfig;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The defaults, annotated.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// The configuration as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// `[server]`
    pub server: Server,
    /// `[kafka]`
    pub kafka: Kafka,
    /// `[limits]`
    pub limits: Limits,
    /// `[time]`
    pub time: Time,
    /// `[view]`
    pub view: ViewConfig,
    /// `[keys]`
    pub keys: KeysConfig,
    /// `[clock]`; absent: wall time.
    #[serde(default)]
    pub clock: ClockConfig,
    /// `[log]`
    pub log: LogConfig,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Threads that serve connections.
    pub workers: usize,
    /// Most connections.
    pub max_connections: usize,
    /// For a request's head.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// For a body.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// For the answers under way at the end.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
}

/// `[kafka]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config.default.toml")]
pub struct Kafka {
    pub bootstrap: String,
    pub events_topic: String,
    pub rejected_topic: String,
    pub orgs_topic: String,
    pub devices_topic: String,
    pub compression: Compression,
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    pub batch_bytes: usize,
    #[serde(with = "humantime_serde")]
    pub ack_timeout: Duration,
    pub record_bytes: usize,
}

/// Compression of batches.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the codecs' own names")]
pub enum Compression {
    None,
    Lz4,
    Zstd,
    Gzip,
    Snappy,
}

impl Compression {
    /// The client's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
        }
    }
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config.default.toml")]
pub struct Limits {
    pub wire_bytes: usize,
    pub expanded_bytes: usize,
    pub in_flight_bytes: usize,
    pub device_per_second: f64,
    pub device_burst: u32,
    pub school_per_second: f64,
    pub school_burst: u32,
    #[serde(with = "humantime_serde")]
    pub shed_target: Duration,
    #[serde(with = "humantime_serde")]
    pub shed_window: Duration,
}

impl Limits {
    /// Of a device.
    #[must_use]
    pub const fn device(&self) -> Rate {
        Rate { per_second: self.device_per_second, burst: self.device_burst }
    }

    /// Of a school.
    #[must_use]
    pub const fn school(&self) -> Rate {
        Rate { per_second: self.school_per_second, burst: self.school_burst }
    }

    /// By latency.
    #[must_use]
    pub fn shedding(&self) -> Shedding {
        Shedding { target_ms: millis(self.shed_target), window_ms: millis(self.shed_window) }
    }
}

/// `[time]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config.default.toml")]
pub struct Time {
    #[serde(with = "humantime_serde")]
    pub skew: Duration,
    #[serde(with = "humantime_serde")]
    pub future: Duration,
    pub accept_days: u32,
    #[serde(with = "humantime_serde")]
    pub flag_offset: Duration,
}

/// `[view]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each key is explained in config.default.toml")]
pub struct ViewConfig {
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
}

/// The configuration, checked and with its files read.
#[derive(Debug)]
pub struct Config {
    /// As written.
    pub raw: RawConfig,
    /// The injected clock.
    pub clock: Clock,
    /// Verifies device tokens.
    pub verifier: Verifier,
    /// Between the clocks, scaled.
    pub tolerances: Tolerances,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It makes no clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A required key.
    #[error("keys.device_public must name a PEM file with the public key of device tokens")]
    NoKey,
    /// The key file cannot be read.
    #[error("read {0}: {1}")]
    KeyFile(PathBuf, #[source] std::io::Error),
    /// The key file holds no such key.
    #[error("{0} is not an Ed25519 public key in PEM: {1}")]
    Key(PathBuf, #[source] jsonwebtoken::errors::Error),
}

impl RawConfig {
    /// Loads the layers.
    ///
    /// # Errors
    /// Unknown keys, wrong types, a missing file.
    pub fn load(file: Option<&Path>) -> Result<RawConfig, ConfigError> {
        runtime::config::load("ingest", DEFAULTS, file)
    }
}

impl TryFrom<RawConfig> for Config {
    type Error = SetupError;

    fn try_from(raw: RawConfig) -> Result<Config, SetupError> {
        let clock = Clock::from_config(&raw.clock)?;
        let path = raw.keys.device_public.clone().ok_or(SetupError::NoKey)?;
        let pem = std::fs::read(&path).map_err(|error| SetupError::KeyFile(path.clone(), error))?;
        let verifier = Verifier::from_pem(&pem).map_err(|error| SetupError::Key(path, error))?;
        let tolerances = Tolerances {
            skew_ms: clock.tolerance_ms(millis(raw.time.skew) as i64),
            future_ms: clock.tolerance_ms(millis(raw.time.future) as i64),
            accept_days: raw.time.accept_days,
        };
        Ok(Config { raw, clock, verifier, tolerances })
    }
}

/// Whole milliseconds of a duration.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_whole_and_a_key_is_required() {
        let raw = RawConfig::load(None).unwrap();
        assert_eq!(raw.time.accept_days, 45);
        assert_eq!(raw.limits.device().burst, 120);
        assert!(matches!(Config::try_from(raw), Err(SetupError::NoKey)));
    }
}
