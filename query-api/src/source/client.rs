//! The connection: statements in, typed rows out, every failure with a name.

use crate::config::LimitsConfig;
use crate::logic::sql::Statement;
use crate::metrics::{Metrics, StoreErrorLabel};
use clickhouse::error::Error;
use clickhouse::{Compression, RowOwned, RowRead};
use runtime::config::ClickHouseConfig;
use schemas::sets::{SetName, TABLES, with_suffix};

/// A statement that gave no result. Texts of the server are logged, never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It ran longer than a statement may.
    #[error("the statement took too long")]
    TimedOut,
    /// It needed more memory, rows or bytes than a statement may.
    #[error("the statement needs more than one statement may")]
    TooMuch,
    /// Too many statements are running.
    #[error("too many statements are running")]
    Busy,
    /// ClickHouse cannot be reached.
    #[error("ClickHouse cannot be reached")]
    Unreachable,
    /// Anything else: a fault of ours.
    #[error("the statement failed")]
    Failed,
}

impl StoreError {
    /// Label of metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            StoreError::TimedOut => "timed_out",
            StoreError::TooMuch => "too_much",
            StoreError::Busy => "busy",
            StoreError::Unreachable => "unreachable",
            StoreError::Failed => "failed",
        }
    }
}

/// Sends statements as the read-only user. Cheap to clone; connections are kept alive.
#[derive(Clone)]
pub struct Store {
    client: clickhouse::Client,
    metrics: Metrics,
    /// What the ledger tables' names end with.
    suffix: String,
}

impl Store {
    /// A store with caps on each statement.
    #[must_use]
    pub fn new(config: &ClickHouseConfig, limits: &LimitsConfig, metrics: Metrics) -> Store {
        let client = clickhouse::Client::default()
            .with_url(&config.url)
            .with_user(&config.user)
            .with_password(&config.password)
            .with_database(&config.database)
            // Answers are small and the server is near; compressing them costs more than it saves.
            .with_compression(Compression::None)
            .with_setting("max_execution_time", limits.query_time.as_secs().max(1).to_string())
            .with_setting("max_memory_usage", (limits.query_memory_mb * 1_000_000).to_string())
            .with_setting("max_threads", limits.query_threads.to_string())
            .with_setting("max_result_rows", limits.query_rows.to_string())
            .with_setting("cancel_http_readonly_queries_on_client_close", "1")
            .with_setting("do_not_merge_across_partitions_select_final", "1");
        Store { client, metrics, suffix: String::new() }
    }

    /// The same store, reading the tables of a ledger set.
    #[must_use]
    pub fn of_set(&self, set: &SetName) -> Store {
        Store { suffix: set.suffix(), ..self.clone() }
    }

    /// What a table is called in the set that is read.
    #[must_use]
    pub fn table(&self, name: &str) -> String {
        if TABLES.contains(&name) { format!("{name}{}", self.suffix) } else { name.to_owned() }
    }

    /// All rows of a statement. Dropping the future closes the connection, which ends the statement.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn fetch<T>(&self, statement: &Statement, query_id: &str) -> Result<Vec<T>, StoreError>
    where
        T: RowOwned + RowRead,
    {
        let text = with_suffix(statement.text(), &self.suffix);
        let query = self.client.query_raw(&text).with_setting("query_id", query_id);
        query.fetch_all::<T>().await.map_err(|error| {
            let known = classify(&error);
            tracing::warn!(%error, query_id, code = known.code(), statement = text, "statement failed");
            self.metrics.store_errors.get_or_create(&StoreErrorLabel { code: known.code() }).inc();
            known
        })
    }
}

/// Rows of a statement that is left out where nothing needs it.
///
/// # Errors
/// The statement failed.
pub async fn fetch_some<T>(store: &Store, statement: Option<Statement>, query_id: String) -> Result<Vec<T>, StoreError>
where
    T: RowOwned + RowRead,
{
    match statement {
        Some(statement) => store.fetch(&statement, &query_id).await,
        None => Ok(Vec::new()),
    }
}

fn classify(error: &Error) -> StoreError {
    match error {
        Error::Network(_) => StoreError::Unreachable,
        Error::TimedOut => StoreError::TimedOut,
        Error::BadResponse(text) => by_code(text),
        _ => StoreError::Failed,
    }
}

/// By the code that ClickHouse puts into its messages: `Code: 159. DB::Exception: …`.
fn by_code(text: &str) -> StoreError {
    let digits =
        text.split("Code: ").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    match digits.as_deref() {
        Some("159" | "160") => StoreError::TimedOut,
        Some("241" | "158" | "307" | "396") => StoreError::TooMuch,
        Some("202") => StoreError::Busy,
        Some("210" | "394") => StoreError::Unreachable,
        _ => StoreError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_server_have_names() {
        assert_eq!(by_code("Code: 159. DB::Exception: Timeout exceeded"), StoreError::TimedOut);
        assert_eq!(by_code("Code: 241. DB::Exception: (total) memory limit exceeded"), StoreError::TooMuch);
        assert_eq!(by_code("Code: 158. DB::Exception: Limit for rows"), StoreError::TooMuch);
        assert_eq!(by_code("Code: 202. DB::Exception: Too many simultaneous queries"), StoreError::Busy);
        assert_eq!(by_code("Code: 60. DB::Exception: Unknown table"), StoreError::Failed);
        assert_eq!(by_code("502 Bad Gateway"), StoreError::Failed);
    }
}
