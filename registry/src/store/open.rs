//! Opening: a file that is made if need be, or a database that is there.

use super::dialect::{Dialect, migrate};
use super::driver::{Connection, Options};
use super::{Database, Store, StoreError};
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Memory of a connection for pages, KiB (negative by SQLite's convention): the indexes of three million devices are
/// written all over.
const CACHE: &str = "-32768";
/// Pages of the write-ahead log, 40 MB, before they are brought home, which waits for the disk once more.
const CHECKPOINT: &str = "10000";
/// How long a writer waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for PostgreSQL, and no notices about what is there already.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "30s"), ("client_min_messages", "warning")];
/// How long a server may take to answer at the start.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at most: one writes, the others read.
const CONNECTIONS: u32 = 4;
/// The oldest PostgreSQL that is still maintained by its makers.
const OLDEST: i32 = 140_000;

/// A store that cannot be opened. Passwords are in none of these.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory of the file cannot be made.
    #[error("make the directory of {path}")]
    Directory {
        /// File of the store.
        path: PathBuf,
        /// Reason.
        #[source]
        source: std::io::Error,
    },
    /// Not the URL of a PostgreSQL database.
    #[error("store.database is to be postgres://USER@HOST:PORT/NAME")]
    Url(#[source] Option<sqlx::Error>),
    /// The database does not let us in, or is not there.
    #[error("connect to {database}")]
    Connect {
        /// User, server and name of the database, or the file.
        database: String,
        /// Reason.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not answer.
    #[error("connect to {0}: no answer in {limit} s", limit = CONNECT_TIMEOUT.as_secs())]
    Silent(String),
    /// The server is too old.
    #[error("{database} is PostgreSQL {version}; 14 or later is needed")]
    TooOld {
        /// User, server and name of the database.
        database: String,
        /// Its version.
        version: String,
    },
    /// The database cannot keep every text.
    #[error(
        "{database} has the encoding {encoding}; UTF8 is needed: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding {
        /// User, server and name of the database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// The tables cannot be brought up to date.
    #[error("migrate {database}")]
    Migrate {
        /// User, server and name of the database, or the file.
        database: String,
        /// Reason.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl Store {
    /// Opens a SQLite file, makes it if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// No file can be made there, or it is not a store of this version.
    pub async fn open(path: &Path, accept_days: u32) -> Result<Store, StoreError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            let failed = |source| OpenError::Directory { path: path.to_owned(), source };
            tokio::fs::create_dir_all(directory).await.map_err(failed)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .busy_timeout(BUSY_TIMEOUT);
        Ok(Store::at(Options::Sqlite(options), &path.display().to_string(), accept_days).await?)
    }

    /// Opens a PostgreSQL database by its URL, and brings its tables up to date. A password that the URL does not hold is
    /// taken from `PGPASSWORD`, or from the file that `PGPASSFILE` names (`~/.pgpass`).
    ///
    /// # Errors
    /// It is not there, does not let us in, or is not fit for a store of this version.
    pub async fn connect(url: &str, accept_days: u32) -> Result<Store, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Url(None).into());
        }
        let options: PgConnectOptions = url.parse().map_err(|error| OpenError::Url(Some(error)))?;
        let options = options.application_name("classpulse-registry").options(SETTINGS);
        let database = shown(&options);
        Ok(Store::at(Options::Postgres(options), &database, accept_days).await?)
    }

    /// The first connection is made apart: a pool would only tell that it waited in vain.
    async fn at(options: Options, database: &str, accept_days: u32) -> Result<Store, OpenError> {
        let mut first = reach(&options, database).await?;
        let dialect = match &mut first {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(server) => {
                require_fit(server, database).await?;
                Dialect::Postgres
            }
        };
        let failed = |source| OpenError::Migrate { database: database.to_owned(), source };
        migrate(&mut first).await.map_err(failed)?;
        first.close().await.map_err(|source| OpenError::Connect { database: database.to_owned(), source })?;
        let pool = PoolOptions::<Database>::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        let (wake, writer, enrolments) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Store { pool, dialect, lock: dialect.lock(), accept_days, wake, writer, enrolments })
    }
}

/// The database without the password.
fn shown(options: &PgConnectOptions) -> String {
    let name = options.get_database().unwrap_or(options.get_username());
    format!("postgres://{}@{}:{}/{name}", options.get_username(), options.get_host(), options.get_port())
}

async fn reach(options: &Options, database: &str) -> Result<Connection, OpenError> {
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(outcome) => outcome.map_err(|source| OpenError::Connect { database: database.to_owned(), source }),
        Err(_elapsed) => Err(OpenError::Silent(database.to_owned())),
    }
}

async fn require_fit(server: &mut PgConnection, database: &str) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding')";
    let asked: Result<(i32, String, String), _> = sqlx::query_as(sql).fetch_one(server).await;
    let database = database.to_owned();
    match asked {
        Ok((number, version, _)) if number < OLDEST => Err(OpenError::TooOld { database, version }),
        Ok((_, _, encoding)) if encoding != "UTF8" => Err(OpenError::Encoding { database, encoding }),
        Ok(_) => Ok(()),
        Err(source) => Err(OpenError::Connect { database, source }),
    }
}
