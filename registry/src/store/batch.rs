//! Many rows in one statement.

use super::StoreError;
use crate::store::{Connection, Database};
use sqlx::QueryBuilder;
use sqlx::query_builder::Separated;

/// Rows of one statement; SQLite binds at most 32,766 values.
const ROWS: usize = 1_000;

/// Inserts rows. `head` ends after the list of columns.
pub(super) async fn insert<T>(
    tx: &mut Connection,
    head: &'static str,
    rows: &[T],
    bind: impl Fn(&mut Separated<'_, Database, &'static str>, &T),
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS) {
        let mut statement = QueryBuilder::new(head);
        statement.push_values(rows, |mut values, row| bind(&mut values, row));
        statement.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// A query for what is one of these. `head` ends before the list, `tail` begins after it.
pub(super) fn one_of<'v, T>(head: &str, values: impl Iterator<Item = T>, tail: &str) -> QueryBuilder<Database>
where
    T: sqlx::Encode<'v, Database> + sqlx::Type<Database> + 'v,
{
    let mut query = QueryBuilder::new(head);
    // A list may not be empty everywhere; nothing equals NULL.
    query.push("(NULL");
    for value in values {
        query.push(", ").push_bind(value);
    }
    query.push(")").push(tail);
    query
}
