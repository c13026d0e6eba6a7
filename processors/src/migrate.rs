//! Brings the database up to date: `processors migrate`.
//!
//! Each migration is recorded in `schema_migrations` with the checksum of its text. Running again changes nothing; a
//! migration that was changed after it was applied is refused. Statements are written so that a migration which was
//! cut off half way can be run again.

use crate::logic::migrations::{self, Applied, Migration, PlanError};
use crate::sets::book::SetBook;
use clickhouse::{Client, Row};
use runtime::config::ClickHouseConfig;
use schemas::rows::MIGRATIONS;
use serde::Deserialize;

/// The database cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The name would have to be quoted everywhere.
    #[error("clickhouse.database {0:?} must be letters, digits and _, not a digit first")]
    Database(String),
    /// Creating the database or the record of migrations, or reading that record.
    #[error("{doing} at {url}: {source}")]
    Prepare {
        /// What was being done.
        doing: &'static str,
        /// Where.
        url: String,
        /// Why not.
        #[source]
        source: clickhouse::error::Error,
    },
    /// The database and this build do not fit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// One statement failed.
    #[error("migration {number} ({name}), statement {statement}: {source}")]
    Statement {
        /// Migration.
        number: u32,
        /// Its name.
        name: &'static str,
        /// Which of its statements, from 1.
        statement: usize,
        /// Why.
        #[source]
        source: clickhouse::error::Error,
    },
}

#[derive(Row, Deserialize)]
struct AppliedRow {
    number: u32,
    name: String,
    checksum: String,
}

struct Migrator<'a> {
    client: Client,
    target: &'a ClickHouseConfig,
}

/// Applies the migrations that are not recorded yet.
///
/// # Errors
/// ClickHouse cannot be reached, the database does not fit this build, or a statement fails.
pub async fn run(target: &ClickHouseConfig) -> Result<(), MigrateError> {
    if !migrations::is_plain_identifier(&target.database) {
        return Err(MigrateError::Database(target.database.clone()));
    }
    let client = Client::default().with_url(&target.url).with_user(&target.user).with_password(&target.password);
    let migrator = Migrator { client, target };
    migrator.prepare().await?;
    let applied = migrator.applied().await?;
    let due = migrations::due(MIGRATIONS, &applied)?;
    tracing::info!(database = target.database, applied = applied.len(), due = due.len(), "migrate");
    for migration in &due {
        migrator.apply(migration).await?;
    }
    if !due.is_empty() {
        SetBook::new(target).renew_views().await.map_err(migrator.failed("make the views anew"))?;
    }
    Ok(())
}

impl Migrator<'_> {
    async fn prepare(&self) -> Result<(), MigrateError> {
        let database = &self.target.database;
        let create = format!("CREATE DATABASE IF NOT EXISTS {database}");
        self.client.query_raw(&create).execute().await.map_err(self.failed("create the database"))?;
        let record = format!(
            "CREATE TABLE IF NOT EXISTS {database}.schema_migrations (number UInt32 COMMENT 'number', \
             name String COMMENT 'name', checksum String COMMENT 'SHA-256 of its text, hex', \
             applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when it was applied, wall time') \
             ENGINE = ReplacingMergeTree(applied_at) ORDER BY number COMMENT 'migrations of this database'"
        );
        self.client.query_raw(&record).execute().await.map_err(self.failed("create schema_migrations"))
    }

    async fn applied(&self) -> Result<Vec<Applied>, MigrateError> {
        let database = &self.target.database;
        let select = format!("SELECT number, name, checksum FROM {database}.schema_migrations FINAL ORDER BY number");
        let rows = self.client.query_raw(&select).fetch_all::<AppliedRow>().await;
        let rows = rows.map_err(self.failed("read schema_migrations"))?;
        let applied = |row: AppliedRow| Applied { number: row.number, name: row.name, checksum: row.checksum };
        Ok(rows.into_iter().map(applied).collect())
    }

    /// Names of the tables that are there, those of ledger sets among them.
    async fn tables(&self) -> Result<Vec<String>, MigrateError> {
        let select =
            format!("SELECT name FROM system.tables WHERE database = '{}' ORDER BY name", self.target.database);
        let names = self.client.query_raw(&select).fetch_all::<String>().await;
        names.map_err(self.failed("list the tables"))
    }

    async fn apply(&self, (number, name, text): &Migration) -> Result<(), MigrateError> {
        let database = &self.target.database;
        let mut statements = migrations::statements(text, database, &self.tables().await?);
        statements.push(format!(
            "INSERT INTO {database}.schema_migrations (number, name, checksum) VALUES ({number}, '{name}', '{}')",
            migrations::checksum(text)
        ));
        for (index, statement) in statements.iter().enumerate() {
            self.client.query_raw(statement).execute().await.map_err(|source| MigrateError::Statement {
                number: *number,
                name,
                statement: index + 1,
                source,
            })?;
        }
        tracing::info!(number, name, statements = statements.len() - 1, "migration applied");
        Ok(())
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(clickhouse::error::Error) -> MigrateError {
        let url = self.target.url.clone();
        move |source| MigrateError::Prepare { doing, url, source }
    }
}
