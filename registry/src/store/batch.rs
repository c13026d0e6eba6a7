//! Many rows in one statement.

use super::StoreError;
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// Rows of one statement; SQLite binds at most 32,766 values.
const ROWS: usize = 1_000;

/// Inserts rows. `head` ends after the list of columns.
pub(super) async fn insert<T>(
    tx: &mut SqliteConnection,
    head: &'static str,
    rows: &[T],
    bind: impl Fn(&mut Separated<'_, Sqlite, &'static str>, &T),
) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS) {
        let mut statement = QueryBuilder::new(head);
        statement.push_values(rows, |mut values, row| bind(&mut values, row));
        statement.build().execute(&mut *tx).await?;
    }
    Ok(())
}

/// A query for what is one of these. `head` ends before the list, `tail` begins after it.
pub(super) fn one_of<'v, T>(head: &str, values: impl Iterator<Item = T>, tail: &str) -> QueryBuilder<Sqlite>
where
    T: sqlx::Encode<'v, Sqlite> + sqlx::Type<Sqlite> + 'v,
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
