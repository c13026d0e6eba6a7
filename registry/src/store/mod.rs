//! What the registry keeps: a SQLite file, or a PostgreSQL database, through sqlx.
//!
//! There is one copy of every statement; `driver` and `dialect.rs` hold what the two do not agree upon. Every change and
//! the values that tell of it are one transaction: a change that is committed is in the outbox.

mod accounts;
mod api_keys;
mod areas;
mod audit;
mod batch;
mod bells;
mod calendars;
mod change;
mod classes;
mod codes;
mod corrections;
mod device_changes;
mod device_counts;
mod device_lists;
mod devices;
mod dialect;
mod driver;
mod enrolment;
mod enrolment_group;
mod flags;
mod grants;
mod identities;
mod import;
mod lease;
mod midnight;
mod open;
mod orgs;
mod outbox;
mod school_changes;
mod school_lists;
mod school_rows;
mod schools;
mod second_factors;
mod seeding;
mod sessions;
mod snapshot;
mod supervision;

pub use accounts::AccountState;
pub use audit::{AuditError, AuditView, Extent, Filter};
pub use change::Actor;
pub use codes::CodeFilter;
pub use corrections::{Decision, Kept as KeptCorrection};
pub use device_lists::DeviceFilter;
pub use enrolment::{EnrolOptions, Enrolled};
pub use lease::Lease;
pub use open::OpenError;
pub use outbox::Waiting;
pub use school_lists::SchoolFilter;
pub use second_factors::KeptFactor;
pub use seeding::{SeedStamp, Seeded};
pub use sessions::{Candidate, Member};

use dialect::Dialect;
use sqlx::{Pool, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

/// A store that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database refuses.
    #[error("query the store")]
    Sql(#[source] sqlx::Error),
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match error {
            // Of texts that forms do not check, e.g. what a list is filtered by.
            sqlx::Error::Encode(source) if source.is::<driver::NulInText>() => {
                crate::logic::conflict::Invalid::one("", source.to_string()).into()
            }
            error => StoreError::Sql(error),
        }
    }
}

/// What databases call a lock that did not come: SQLite's `BUSY`, PostgreSQL's `lock_not_available`, `deadlock_detected`
/// and `serialization_failure`.
const HELD_UP: [&str; 4] = ["5", "55P03", "40P01", "40001"];

impl StoreError {
    /// Others held the store up for too long; the same again may succeed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            StoreError::Sql(sqlx::Error::PoolTimedOut) => true,
            StoreError::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| HELD_UP.contains(&code.as_ref()))
            }
            StoreError::NotCommitted(Some(error)) => error.is_busy(),
            _ => false,
        }
    }
}

/// The open store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool<Database>,
    dialect: Dialect,
    /// What a writing transaction begins with, so that no other process writes beside it.
    lock: Option<&'static str>,
    accept_days: u32,
    /// Rung after a commit of this process that left something to publish.
    wake: Arc<Notify>,
    /// Writers of this process queue here: SQLite would have them sleep and try again, and each would hold a connection.
    writer: Arc<Mutex<()>>,
    /// Enrolments that wait for their transaction.
    enrolments: Arc<enrolment_group::Waiting>,
}

/// The database that the SQL is sent to.
type Database = driver::Driver;
/// A connection to it, or a transaction on one.
type Connection = driver::Connection;

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
    /// A transaction that has the write lock from its begin, so that it cannot lose it half way.
    async fn begin(&self) -> Result<Tx, StoreError> {
        let turn = self.turn().await;
        self.begin_on(turn).await
    }

    async fn turn(&self) -> Turn {
        Arc::clone(&self.writer).lock_owned().await
    }

    async fn begin_on(&self, turn: Turn) -> Result<Tx, StoreError> {
        let mut tx = self.pool.begin_with(self.dialect.begin_to_write()).await?;
        if let Some(lock) = self.lock {
            sqlx::query(lock).execute(&mut *tx).await?;
        }
        Ok(Tx { tx, _turn: turn })
    }

    /// A transaction in which nothing changes while it reads.
    async fn snapshot(&self) -> Result<Transaction<'static, Database>, StoreError> {
        Ok(self.pool.begin_with(self.dialect.begin_to_read()).await?)
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

    /// Waits for what is open and closes the connections.
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
pub(crate) mod tests;
