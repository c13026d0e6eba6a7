//! The right to publish. Values of a key must arrive in the order of their revisions, so that several processes on one
//! database may serve, but one publishes.

use super::dialect::Dialect;
use super::{Connection, Store, StoreError};
use std::time::{Duration, Instant};

/// What the one before may still have in flight to Kafka arrives or is given up within this time (`message.timeout.ms`
/// of the sink, and some more).
const IN_FLIGHT: Duration = Duration::from_secs(15);

/// The table's number stands for the store, of which a server may have several.
const TRY: &str = "SELECT pg_try_advisory_lock(CAST(CAST('outbox' AS regclass) AS oid)::bigint)";

/// A process's right to publish, which it has as long as its connection lives.
#[derive(Debug, Default)]
pub struct Lease {
    held: Option<Connection>,
    /// Another process had the right when it was asked for last.
    refused: bool,
    /// From when on it may be used.
    from: Option<Instant>,
}

impl Store {
    /// Takes the right to publish, or makes sure that it is still there; false: another process has it, or has just had
    /// it. A SQLite file is served by one process, because its address is taken by it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn may_publish(&self, lease: &mut Lease) -> Result<bool, StoreError> {
        if self.dialect == Dialect::Sqlite {
            return Ok(true);
        }
        if let Some(mut connection) = lease.held.take() {
            // Broken, it is dropped here, and the server gives the right to whoever asks first.
            sqlx::query("SELECT 1").execute(&mut connection).await?;
            lease.held = Some(connection);
        } else {
            self.take_lease(lease).await?;
        }
        Ok(lease.held.is_some() && lease.from.is_none_or(|from| Instant::now() >= from))
    }

    async fn take_lease(&self, lease: &mut Lease) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let (taken,): (bool,) = sqlx::query_as(TRY).fetch_one(&mut *connection).await?;
        if taken {
            tracing::info!(after_another = lease.refused, "publishing is this process's turn");
            // Not back into the pool: the right ends with the connection.
            lease.held = Some(connection.detach());
            lease.from = lease.refused.then(|| Instant::now() + IN_FLIGHT);
        }
        lease.refused = !taken;
        Ok(())
    }
}
