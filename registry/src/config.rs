//! Configuration: what is written in TOML, and what the service runs on.

use crate::store::{Store, StoreError};
use runtime::clock::{Clock, ClockConfig, ClockError};
use runtime::config::{ConfigError, KafkaConfig, LogConfig, ServerConfig};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The annotated defaults.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// A configuration that the registry cannot run on.
#[derive(Debug, thiserror::Error)]
pub enum RegistryConfigError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ConfigError),
    /// Its clock makes no sense.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A zero where time has to pass.
    #[error("{0} must be longer than 0")]
    Zero(&'static str),
    /// The embedded definitions are broken.
    #[error(transparent)]
    Definitions(#[from] schemas::definitions::DefinitionsError),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    server: ServerConfig,
    store: StoreConfig,
    keys: KeyFiles,
    tokens: TokenConfig,
    kafka: KafkaConfig,
    publisher: PublisherConfig,
    enrolment: EnrolmentConfig,
    login: LoginConfig,
    oidc: OidcConfig,
    fleet: FleetConfig,
    clock: ClockConfig,
    log: LogConfig,
}

/// `[store]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The SQLite file, where `database` is empty.
    pub path: PathBuf,
    /// URL of a PostgreSQL database; empty: SQLite.
    pub database: String,
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.database.is_empty() {
            true => write!(f, "StoreConfig({})", self.path.display()),
            // A URL may hold a password.
            false => f.write_str("StoreConfig(PostgreSQL, URL redacted)"),
        }
    }
}

impl StoreConfig {
    /// Opens the store.
    ///
    /// # Errors
    /// It cannot be made or reached, or is not fit.
    pub async fn open(&self, accept_days: u32) -> Result<Store, StoreError> {
        match self.database.as_str() {
            "" => Store::open(&self.path, accept_days).await,
            url => Store::connect(url, accept_days).await,
        }
    }
}

/// `[keys]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// Directory of the four files.
    pub dir: PathBuf,
}

/// `[tokens]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Life of a device token, in time of the clock.
    #[serde(with = "humantime_serde")]
    pub device: Duration,
    /// Life of a user token from the terminal, in time of the clock.
    #[serde(with = "humantime_serde")]
    pub user: Duration,
    /// Life of a user token that a session or a key is exchanged for, in time of the clock.
    #[serde(with = "humantime_serde")]
    pub short: Duration,
}

/// `[publisher]`, real time
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublisherConfig {
    /// Between two looks into the outbox.
    #[serde(with = "humantime_serde")]
    pub poll: Duration,
    /// Between two signs of life.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
}

/// `[enrolment]`: attempts of one address. A school sits behind one address, so this bounds a storm, not guesses: a code
/// has 80 random bits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentConfig {
    /// Attempts a minute; 0: no limit.
    pub per_minute: u32,
    /// Attempts at once.
    pub burst: u32,
}

/// `[login]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginConfig {
    /// Attempts of one address a minute; 0: no limit.
    pub per_minute: u32,
    /// Attempts of one address at once.
    pub burst: u32,
    /// Life of a session, in time of the clock.
    #[serde(with = "humantime_serde")]
    pub session: Duration,
    /// Cookies go over HTTPS alone.
    pub secure: bool,
}

/// `[oidc]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider, as its tokens name it; empty: no single sign-on.
    pub issuer: String,
    /// This service, as the provider knows it.
    pub client_id: String,
    /// Its secret; empty: a public client.
    pub client_secret: String,
    /// Where the provider sends browsers back to.
    pub redirect_url: String,
    /// Where browsers go once they are logged in.
    pub landing: String,
    /// How long a login may take, in time of the clock.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
}

impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OidcConfig({} as {}, secret redacted)", self.issuer, self.client_id)
    }
}

/// `[fleet]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// File of virtual devices.
    pub devices_file: PathBuf,
}

/// What the registry runs on.
#[derive(Clone, Debug)]
pub struct Config {
    /// Health and metrics.
    pub server: ServerConfig,
    /// The store.
    pub store: StoreConfig,
    /// Keys of tokens.
    pub keys: KeyFiles,
    /// Life of tokens.
    pub tokens: TokenConfig,
    /// Where to publish.
    pub kafka: KafkaConfig,
    /// How to publish.
    pub publisher: PublisherConfig,
    /// How often an address may enrol.
    pub enrolment: EnrolmentConfig,
    /// Logins.
    pub login: LoginConfig,
    /// Single sign-on; none: it is off.
    pub oidc: Option<OidcConfig>,
    /// The fleet's file.
    pub fleet: FleetConfig,
    /// Time.
    pub clock: Clock,
    /// Logs.
    pub log: LogConfig,
    /// Days that agents may be late.
    pub accept_days: u32,
}

impl Config {
    /// Loads the configuration of this process.
    ///
    /// # Errors
    /// A missing file, unknown keys, impossible values.
    pub fn load(file: Option<&Path>) -> Result<Config, RegistryConfigError> {
        runtime::config::load::<RawConfig>("registry", DEFAULTS, file)?.try_into()
    }
}

impl TryFrom<RawConfig> for Config {
    type Error = RegistryConfigError;

    fn try_from(raw: RawConfig) -> Result<Config, RegistryConfigError> {
        let definitions = schemas::definitions::Definitions::parse(schemas::definitions::CURRENT_TOML)?;
        let durations = [
            (raw.publisher.poll, "publisher.poll"),
            (raw.publisher.heartbeat, "publisher.heartbeat"),
            (raw.tokens.device, "tokens.device"),
            (raw.tokens.user, "tokens.user"),
            (raw.tokens.short, "tokens.short"),
            (raw.login.session, "login.session"),
            (raw.oidc.patience, "oidc.patience"),
        ];
        if let Some((_, name)) = durations.iter().find(|(duration, _)| duration.is_zero()) {
            return Err(RegistryConfigError::Zero(name));
        }
        Ok(Config {
            clock: Clock::from_config(&raw.clock)?,
            accept_days: definitions.accept_days,
            server: raw.server,
            store: raw.store,
            keys: raw.keys,
            tokens: raw.tokens,
            kafka: raw.kafka,
            publisher: raw.publisher,
            enrolment: raw.enrolment,
            login: raw.login,
            oidc: Some(raw.oidc).filter(|oidc| !oidc.issuer.is_empty()),
            fleet: raw.fleet,
            log: raw.log,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.publisher.heartbeat, Duration::from_secs(60));
        assert_eq!(config.tokens.device, Duration::from_secs(400 * 86_400));
        assert_eq!(config.accept_days, 45);
    }

    #[test]
    fn passwords_are_in_no_debug_text() {
        let store = StoreConfig { path: PathBuf::new(), database: "postgres://u:geheim@h/d".into() };
        let config = Config { store, ..Config::load(None).unwrap() };
        assert!(!format!("{config:?}").contains("geheim"));
    }

    #[test]
    fn unknown_keys_and_zero_durations_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("registry.toml");
        std::fs::write(&file, "[publisher]\npoll = \"0s\"\n").unwrap();
        assert!(matches!(Config::load(Some(&file)), Err(RegistryConfigError::Zero("publisher.poll"))));
        std::fs::write(&file, "[store]\npaht = \"x\"\n").unwrap();
        assert!(matches!(Config::load(Some(&file)), Err(RegistryConfigError::Read(_))));
    }
}
