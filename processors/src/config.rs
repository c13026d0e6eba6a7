//! Configuration: embedded defaults < file < environment; every key is described in `config.default.toml`.

use runtime::clock::ClockConfig;
use runtime::config::{ClickHouseConfig, ConfigError, KafkaConfig, LogConfig, ServerConfig};
use schemas::topic::EventTopic;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// The defaults, as text.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Configuration of a processors process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Admin endpoints.
    pub server: ServerConfig,
    /// Brokers.
    pub kafka: KafkaConfig,
    /// Tables.
    pub clickhouse: ClickHouseConfig,
    /// Clock that says which days are open.
    #[serde(default)]
    pub clock: ClockConfig,
    /// Logs.
    pub log: LogConfig,
    /// What this process runs.
    pub groups: Groups,
    /// The log.
    pub events: EventsConfig,
    /// The ledger workers.
    pub worker: WorkerConfig,
    /// The archive.
    pub archive: ArchiveConfig,
    /// The registry's tables.
    pub roster: RosterConfig,
    /// Ledger sets beside the live one.
    pub sets: SetsConfig,
    /// Sums, restatements, audit.
    pub roll: RollConfig,
}

/// `[groups]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Groups {
    /// Ledgers of activity and network.
    pub ledgers: bool,
    /// `events_raw`.
    pub archive: bool,
    /// `orgs`, `devices`, `roster_day`, `calendar_day`.
    pub registry: bool,
    /// `county_day`, `restatements`, and the nightly audit.
    pub roll: bool,
}

/// `[events]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// The topic that is folded; those before it are folded to their end.
    pub topic: EventTopic,
}

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Consumer group.
    pub group_id: String,
    /// Static member id; threads add their index.
    pub instance_id: String,
    /// Consumer threads.
    pub threads: usize,
    /// What is read again below the committed offset at an assignment.
    #[serde(with = "humantime_serde")]
    pub rewind: Duration,
    /// Longest time between flushes.
    #[serde(with = "humantime_serde")]
    pub flush_interval: Duration,
    /// The same while the worker is behind.
    #[serde(with = "humantime_serde")]
    pub catch_up_interval: Duration,
    /// Dirty device rows that cause a flush before its time.
    pub flush_rows: usize,
    /// Records folded at once.
    pub batch_records: usize,
    /// Ledgers in memory, MiB, over all threads.
    pub memory_budget_mb: usize,
    /// Kafka session time-out.
    #[serde(with = "humantime_serde")]
    pub session_timeout: Duration,
    /// A partition that has no owner for this long, in a group at rest, is shared out anew.
    #[serde(with = "humantime_serde")]
    pub orphan_after: Duration,
    /// Undecodable records within a minute that stop the worker.
    pub dead_letter_breaker: usize,
    /// Longest wait for the registry topic.
    #[serde(with = "humantime_serde")]
    pub registry_timeout: Duration,
}

/// `[archive]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Consumer group.
    pub group_id: String,
    /// Static member id.
    pub instance_id: String,
    /// Longest time between inserts.
    #[serde(with = "humantime_serde")]
    pub flush_interval: Duration,
    /// Rows of one insert.
    pub flush_rows: usize,
}

/// `[roster]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterConfig {
    /// Time between two writes of changed rows.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

/// `[sets]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetsConfig {
    /// Time between two looks at which sets are kept.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

/// `[roll]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollConfig {
    /// Time between two rolls of today and yesterday.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Rolls of today and yesterday until one of all days that can still change.
    pub all_days_every: u64,
    /// When the day before is audited: time after local midnight.
    #[serde(with = "humantime_serde")]
    pub audit_after: Duration,
}

impl Config {
    /// Loads the configuration.
    ///
    /// # Errors
    /// A missing file, unknown keys, wrong types.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        runtime::config::load("processors", DEFAULTS, file)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_defaults_are_a_whole_configuration() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.worker.rewind, Duration::from_secs(600));
        assert!(config.groups.ledgers && config.groups.archive && config.groups.registry);
    }
}
