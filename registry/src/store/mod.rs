//! What the registry keeps: one SQLite file through sqlx.
//!
//! The SQL sticks to what PostgreSQL understands as well. Every change and the values that tell of it are one
//! transaction: a change that is committed is in the outbox.

mod devices;
mod orgs;
mod outbox;
mod seeding;
mod snapshot;

pub use outbox::Waiting;
pub use seeding::{SeedStamp, Seeded};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a writer waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A store that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory of the file cannot be made.
    #[error("make the directory of {path}")]
    Directory {
        /// File of the store.
        path: PathBuf,
        /// Reason.
        #[source]
        source: std::io::Error,
    },
    /// The database refuses.
    #[error("query the store")]
    Sql(#[from] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("migrate the store")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value is none of its kind.
    #[error("the store holds {value} as {column}")]
    Corrupt {
        /// Column.
        column: &'static str,
        /// Value.
        value: String,
    },
    /// There is no such thing.
    #[error("there is no {kind} {id}")]
    Absent {
        /// What it would be.
        kind: &'static str,
        /// Its number or code.
        id: String,
    },
    /// The class belongs to another school.
    #[error("class {class_no} is not in school {school_no}")]
    OtherSchool {
        /// Class.
        class_no: u32,
        /// School.
        school_no: u32,
    },
    /// The state may not be entered.
    #[error(transparent)]
    State(#[from] crate::logic::state::StateError),
}

/// The open store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    accept_days: u32,
}

impl Store {
    /// Opens the file, makes it if need be, and brings its tables up to date.
    ///
    /// # Errors
    /// No file can be made there, or it is not a store of this version.
    pub async fn open(path: &Path, accept_days: u32) -> Result<Store, StoreError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            let failed = |source| StoreError::Directory { path: path.to_owned(), source };
            tokio::fs::create_dir_all(directory).await.map_err(failed)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Store { pool, accept_days })
    }

    /// A transaction that has the write lock from its begin, so that it cannot lose it half way.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Waits for what is open and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A number as it was stored.
fn number(column: &'static str, value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| corrupt(column, value.to_string()))
}

fn corrupt(column: &'static str, value: impl Into<String>) -> StoreError {
    StoreError::Corrupt { column, value: value.into() }
}

fn absent(kind: &'static str, id: u32) -> StoreError {
    StoreError::Absent { kind, id: id.to_string() }
}

#[cfg(test)]
mod tests;
