//! What the registry keeps: one SQLite file through sqlx.
//!
//! The SQL sticks to what PostgreSQL understands as well. Every change and the values that tell of it are one
//! transaction: a change that is committed is in the outbox.

mod accounts;
mod api_keys;
mod areas;
mod audit;
mod batch;
mod calendars;
mod change;
mod classes;
mod codes;
mod corrections;
mod device_changes;
mod device_counts;
mod devices;
mod enrolment;
mod enrolment_group;
mod flags;
mod grants;
mod identities;
mod import;
mod midnight;
mod orgs;
mod outbox;
mod school_changes;
mod school_lists;
mod schools;
mod seeding;
mod sessions;
mod snapshot;

pub use accounts::AccountState;
pub use audit::{AuditError, AuditView, Extent, Filter};
pub use change::Actor;
pub use codes::CodeFilter;
pub use corrections::{Decision, Kept as KeptCorrection};
pub use enrolment::{EnrolOptions, Enrolled};
pub use outbox::Waiting;
pub use school_lists::SchoolFilter;
pub use seeding::{SeedStamp, Seeded};
pub use sessions::{Candidate, Member};

use sqlx::Transaction;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

/// Memory of a connection for pages, KiB (negative by SQLite's convention): the indexes of three million devices are
/// written all over.
const CACHE: &str = "-32768";
/// Pages of the write-ahead log, 40 MB, before they are brought home, which waits for the disk once more.
const CHECKPOINT: &str = "10000";
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
    /// What is there does not allow the change.
    #[error(transparent)]
    Conflict(#[from] crate::logic::conflict::Conflict),
    /// Values that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] crate::logic::conflict::Invalid),
    /// Somebody else changed it in between.
    #[error(transparent)]
    Stale(#[from] crate::logic::tag::Stale),
    /// The enrolment code opens nothing.
    #[error(transparent)]
    Code(#[from] crate::logic::enrolment::CodeFault),
    /// The device's token is older than its rotation, or was revoked.
    #[error("the token was revoked")]
    Revoked,
    /// The transaction that was shared with others did not come about; none: its task was ended.
    #[error("the shared transaction was not committed")]
    NotCommitted(#[source] Option<Arc<StoreError>>),
}

/// The open store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    accept_days: u32,
    /// Rung after a commit of this process that left something to publish.
    wake: Arc<Notify>,
    /// Writers of this process queue here: SQLite would have them sleep and try again.
    writer: Arc<Mutex<()>>,
    /// Enrolments that wait for their transaction.
    enrolments: Arc<enrolment_group::Waiting>,
}

/// The database that the SQL is sent to.
type Database = sqlx::Sqlite;
/// A connection to it, or a transaction on one.
type Connection = sqlx::SqliteConnection;

/// The right to write, among the tasks of this process.
type Turn = OwnedMutexGuard<()>;

/// A transaction that writes, and its turn.
struct Tx {
    tx: Transaction<'static, Database>,
    _turn: Turn,
}

impl Tx {
    async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }
}

impl Deref for Tx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.tx
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.tx
    }
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
            .pragma("cache_size", CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        let (wake, writer, enrolments) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Store { pool, accept_days, wake, writer, enrolments })
    }

    /// A transaction that has the write lock from its begin, so that it cannot lose it half way.
    async fn begin(&self) -> Result<Tx, StoreError> {
        let turn = self.turn().await;
        self.begin_on(turn).await
    }

    async fn turn(&self) -> Turn {
        Arc::clone(&self.writer).lock_owned().await
    }

    async fn begin_on(&self, turn: Turn) -> Result<Tx, StoreError> {
        Ok(Tx { tx: self.pool.begin_with("BEGIN IMMEDIATE").await?, _turn: turn })
    }

    /// Commits, and wakes the publisher.
    async fn commit(&self, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Days that agents may be late.
    #[must_use]
    pub const fn accept_days(&self) -> u32 {
        self.accept_days
    }

    /// Resolves after a change of this process was committed.
    pub async fn changed(&self) {
        self.wake.notified().await;
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
