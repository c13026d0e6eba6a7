//! Synchronous inserts: a write is done when ClickHouse says so.

use clickhouse::{Client, RowOwned, RowWrite};
use runtime::config::ClickHouseConfig;
use std::borrow::Borrow;
use std::time::Duration;

/// A server that takes no bytes for this long is away.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for an acknowledgement.
const END_TIMEOUT: Duration = Duration::from_secs(120);

/// Tables with a column `AggregateFunction(groupBitmap, …)`, whose type the client cannot parse: it must not look at their
/// columns before it writes. ClickHouse still checks the names.
const BITMAP_TABLES: [&str; 2] = ["school_day", "roster_day"];

/// Of whatever ledger set the table is.
fn has_bitmaps(table: &str) -> bool {
    BITMAP_TABLES.contains(&table.split("__").next().unwrap_or(table))
}

/// A client whose inserts are acknowledged only when their rows are in a part.
#[must_use]
pub fn client(config: &ClickHouseConfig) -> Client {
    Client::default()
        .with_url(&config.url)
        .with_user(&config.user)
        .with_password(&config.password)
        .with_database(&config.database)
        .with_setting("async_insert", "0")
        .with_setting("insert_deduplicate", "0")
}

/// Inserts rows into a table and waits for the acknowledgement; no rows: nothing is sent.
///
/// # Errors
/// ClickHouse is away or refuses; some of the rows may have been written.
pub async fn insert<T>(client: &Client, table: &str, rows: &[T]) -> Result<(), clickhouse::error::Error>
where
    T: RowOwned + RowWrite + Sync,
{
    insert_each::<T, &T>(client, table, rows.iter()).await
}

/// The same for rows that are made as they are sent.
///
/// # Errors
/// ClickHouse is away or refuses; some of the rows may have been written.
pub async fn insert_each<T, R>(
    client: &Client,
    table: &str,
    rows: impl Iterator<Item = R>,
) -> Result<(), clickhouse::error::Error>
where
    T: RowOwned + RowWrite + Sync,
    R: Borrow<T>,
{
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let checked = !has_bitmaps(table);
    let client = client.clone().with_validation(checked);
    let mut insert = client.insert::<T>(table).await?.with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT));
    for row in rows {
        insert.write(row.borrow()).await?;
    }
    insert.end().await
}
