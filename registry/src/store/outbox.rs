//! What waits to be published, in the order of its revisions.

use super::batch::insert;
use super::{Store, StoreError};
use crate::logic::records::Outgoing;
use crate::store::Connection;

/// Published rows that are kept for inspection.
const KEPT: i64 = 10_000;

/// A value that is to be published.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// Revision.
    pub rev: i64,
    /// Topic.
    pub topic: String,
    /// Key.
    pub record_key: String,
    /// Value; none: the key is removed.
    pub value: Option<Vec<u8>>,
}

/// Takes `count` revisions and gives the first of them. From here on the transaction holds the counter's lock.
pub(super) async fn take_revs(tx: &mut Connection, count: usize) -> Result<u64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let (last,): (i64,) =
        sqlx::query_as("UPDATE revision SET last = last + $1 RETURNING last").bind(count).fetch_one(tx).await?;
    Ok((last - count + 1).unsigned_abs())
}

pub(super) async fn append(tx: &mut Connection, at_ms: i64, values: &[Outgoing]) -> Result<(), StoreError> {
    insert(tx, "INSERT INTO outbox (rev, topic, record_key, value, created_at_ms) ", values, |row, value| {
        row.push_bind(value.rev.cast_signed());
        row.push_bind(value.topic).push_bind(value.key.clone()).push_bind(value.value.clone()).push_bind(at_ms);
    })
    .await
}

impl Store {
    /// The first `limit` values that wait.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn waiting(&self, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        let sql =
            "SELECT rev, topic, record_key, value FROM outbox WHERE published_at_ms IS NULL ORDER BY rev LIMIT $1";
        Ok(sqlx::query_as(sql).bind(i64::from(limit)).fetch_all(&self.pool).await?)
    }

    /// How many values wait. Every revision is a value and they are published in order, so that the first and the last
    /// tell: after an import, millions would have to be counted for each batch.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_waiting(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COALESCE((SELECT MAX(rev) FROM outbox) - (SELECT MIN(rev) FROM outbox WHERE published_at_ms IS NULL) + 1, 0)";
        let (count,): (i64,) = sqlx::query_as(sql).fetch_one(&self.pool).await?;
        Ok(count)
    }

    /// Marks everything up to `rev` as published, and forgets what was published long ago.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn mark_published(&self, rev: i64, at_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE outbox SET published_at_ms = $2 WHERE rev <= $1 AND published_at_ms IS NULL")
            .bind(rev)
            .bind(at_ms)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM outbox WHERE rev <= $1").bind(rev - KEPT).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}
