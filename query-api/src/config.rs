//! Configuration; the keys are explained in `config.default.toml`.

use runtime::clock::ClockConfig;
use runtime::config::{ClickHouseConfig, ConfigError, LogConfig, ServerConfig};
use runtime::keys::KeysConfig;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// The embedded defaults.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub server: ServerConfig,
    /// Where the tables are.
    pub clickhouse: ClickHouseConfig,
    /// Logs.
    pub log: LogConfig,
    /// Whose tokens are good.
    pub keys: KeysConfig,
    /// The injected clock; absent: wall time.
    #[serde(default)]
    pub clock: ClockConfig,
    /// Cursors.
    pub cursor: CursorConfig,
    /// Limits.
    pub limits: LimitsConfig,
    /// What is read again and again.
    pub refresh: RefreshConfig,
    /// What is kept of the tables.
    pub memory: MemoryConfig,
}

/// `[cursor]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CursorConfig {
    /// Signs cursors; empty: made from the key file.
    pub secret: String,
}

impl std::fmt::Debug for CursorConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CursorConfig").field("secret", &"redacted").finish()
    }
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests per second of one user.
    pub requests_per_s: std::num::NonZeroU32,
    /// Requests of one user at once.
    pub burst: std::num::NonZeroU32,
    /// Answers in the making.
    pub concurrent: usize,
    /// How long a request waits for its turn.
    #[serde(with = "humantime_serde")]
    pub queue: Duration,
    /// Time of one statement.
    #[serde(with = "humantime_serde")]
    pub query_time: Duration,
    /// Memory of one statement, MB.
    pub query_memory_mb: u64,
    /// Threads of one statement.
    pub query_threads: u32,
    /// Rows of one statement's result.
    pub query_rows: u64,
}

/// `[refresh]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshConfig {
    /// How often names, tree and `data_as_of` are read again.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
}

/// `[memory]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// Days kept, the last of them today; 0: nothing of areas is kept.
    pub days: u16,
    /// How long a look at the tables' parts serves: what is told was true at most that long ago.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
}

/// Defaults < file < environment.
///
/// # Errors
/// A missing file, unknown keys, wrong types.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    runtime::config::load("query-api", DEFAULTS, file)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    #[test]
    fn the_embedded_defaults_are_whole_and_secrets_stay_out_of_logs() {
        let mut config = super::load(None).unwrap();
        config.cursor.secret = "hidden".into();
        assert!(!format!("{config:?}").contains("hidden"));
    }
}
