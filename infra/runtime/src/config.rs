//! Layered configuration: embedded defaults < `--config FILE` < environment.

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used; the message names the key and where its value came from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("configuration file {0} does not exist")]
    Missing(PathBuf),
    /// Wrong type, unknown key, missing value.
    #[error("read the configuration: {0}")]
    Read(#[from] Box<figment::Error>),
}

/// Loads a service's raw configuration. Environment: `CLASSPULSE_<SERVICE>__SECTION__KEY`, dashes in the service's
/// name as underscores.
///
/// # Errors
/// A missing file, unknown keys, wrong types.
pub fn load<T: DeserializeOwned>(service: &str, defaults: &str, file: Option<&Path>) -> Result<T, ConfigError> {
    let mut figment = Figment::new().merge(Toml::string(defaults));
    if let Some(path) = file {
        if !path.exists() {
            return Err(ConfigError::Missing(path.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    let prefix = format!("CLASSPULSE_{}__", service.replace('-', "_").to_uppercase());
    let figment = figment.merge(Env::prefixed(&prefix).split("__"));
    figment.extract().map_err(|error| ConfigError::Read(Box::new(error)))
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
}

/// `[kafka]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port[,host:port…]`
    pub bootstrap: String,
}

/// `[clickhouse]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickHouseConfig {
    /// HTTP interface.
    pub url: String,
    /// User.
    pub user: String,
    /// Password, may be empty.
    pub password: String,
    /// Database.
    pub database: String,
}

impl std::fmt::Debug for ClickHouseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClickHouseConfig")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("password", &"redacted")
            .field("database", &self.database)
            .finish()
    }
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `tracing` filter, e.g. `info`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors.
    Json,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        server: ServerConfig,
    }

    #[test]
    fn a_file_overrides_defaults_and_unknown_keys_are_refused() {
        let defaults = "[server]\nlisten = \"127.0.0.1:1\"\n";
        let directory = std::env::temp_dir().join(format!("classpulse-config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("sample.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:2\"\n").unwrap();
        let sample: Sample = load("sample", defaults, Some(&file)).unwrap();
        assert_eq!(sample.server.listen.port(), 2);
        std::fs::write(&file, "[server]\nlisen = \"127.0.0.1:2\"\n").unwrap();
        assert!(load::<Sample>("sample", defaults, Some(&file)).is_err());
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(matches!(load::<Sample>("sample", defaults, Some(&file)), Err(ConfigError::Missing(_))));
    }
}
