//! Configuration of `agent`.

use crate::fleet::config::EdgeConfig;
use runtime::clock::ClockConfig;
use runtime::config::LogConfig;
use schemas::event::Link;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The embedded defaults.
pub const DEFAULTS: &str = include_str!("../../config/agent.default.toml");

/// As written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    edge: EdgeConfig,
    registry: RegistryConfig,
    agent: AgentConfig,
    probe: RawProbe,
    #[serde(default)]
    clock: ClockConfig,
    log: LogConfig,
}

/// `[registry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Base URL.
    pub url: String,
}

/// `[agent]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The bare device token.
    pub token_file: PathBuf,
    /// Directory of the spool.
    pub spool_dir: PathBuf,
    /// Bytes of events that it may hold.
    pub spool_max: usize,
    /// App id of scripted activity that names none.
    pub app: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    anchor: Option<String>,
    address: Option<SocketAddr>,
    probes: usize,
    #[serde(with = "humantime_serde")]
    interval: Duration,
    link: String,
}

/// Where and how bursts are measured.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    /// Id of the anchor.
    pub anchor: String,
    /// What is connected to.
    pub address: SocketAddr,
    /// Round trips, the warm-up included.
    pub probes: usize,
    /// Gap between them.
    pub interval: Duration,
    /// Kind of link.
    pub link: Link,
}

/// Checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where posts go.
    pub edge: EdgeConfig,
    /// Where the device joins.
    pub registry: RegistryConfig,
    /// The agent's own.
    pub agent: AgentConfig,
    /// Bursts; `None`: no anchor.
    pub probe: Option<ProbeConfig>,
    /// Clock.
    pub clock: ClockConfig,
    /// Logs.
    pub log: LogConfig,
}

/// A value that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One without the other, or not an id.
    #[error("probe: give `anchor` ([a-z0-9._-], 1 to 64) and `address` together")]
    Anchor,
    /// A burst has 1 to 64 probes besides the warm-up.
    #[error("probe.probes must be 2 to 65")]
    Probes,
    /// The contract allows 10 ms to 5 s.
    #[error("probe.interval must be 10ms to 5s")]
    Interval,
    /// Neither cable nor wireless.
    #[error("probe.link: `{0}` is neither `wired` nor `wifi`")]
    Link(String),
}

impl TryFrom<RawConfig> for Config {
    type Error = ConfigError;

    fn try_from(raw: RawConfig) -> Result<Config, ConfigError> {
        let RawConfig { edge, registry, agent, probe, clock, log } = raw;
        Ok(Config { edge, registry, agent, probe: probe.check()?, clock, log })
    }
}

impl RawProbe {
    fn check(self) -> Result<Option<ProbeConfig>, ConfigError> {
        let link = Link::parse(&self.link).ok_or(ConfigError::Link(self.link))?;
        if !(2..=65).contains(&self.probes) {
            return Err(ConfigError::Probes);
        }
        if !(10..=5_000).contains(&self.interval.as_millis()) {
            return Err(ConfigError::Interval);
        }
        match (self.anchor, self.address) {
            (None, None) => Ok(None),
            (Some(anchor), Some(address)) if is_id(&anchor) => {
                Ok(Some(ProbeConfig { anchor, address, probes: self.probes, interval: self.interval, link }))
            }
            _ => Err(ConfigError::Anchor),
        }
    }
}

/// An id of the contract: `[a-z0-9._-]{1,64}`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, ConfigError> {
        let raw: RawConfig = runtime::config::load("agent-test-defaults", text, None).unwrap();
        Config::try_from(raw)
    }

    #[test]
    fn the_defaults_can_be_used_and_probe_nothing() {
        assert!(check(DEFAULTS).unwrap().probe.is_none());
    }

    #[test]
    fn an_anchor_needs_an_address_and_bounds_are_kept() {
        let anchored = DEFAULTS.replace("# anchor", "anchor");
        assert!(matches!(check(&anchored), Err(ConfigError::Anchor)));
        assert!(check(&anchored.replace("# address", "address")).unwrap().probe.is_some());
        assert!(matches!(check(&DEFAULTS.replace("= 64", "= 66")), Err(ConfigError::Probes)));
        assert!(matches!(check(&DEFAULTS.replace("200ms", "1ms")), Err(ConfigError::Interval)));
        assert!(matches!(check(&DEFAULTS.replace("\"wired\"", "\"tape\"")), Err(ConfigError::Link(_))));
    }
}
