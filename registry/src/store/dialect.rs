//! What SQLite and PostgreSQL do not agree upon in SQL.

use super::Connection;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

/// The tables, as SQLite understands them.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Types whose names PostgreSQL has for something narrower, or not at all. Its numbers get SQLite's 64 bits, and texts are
/// ordered by their bytes, as in SQLite.
const TYPES: [(&str, &str); 3] = [("INTEGER", "BIGINT"), ("TEXT", "TEXT COLLATE \"C\""), ("BLOB", "BYTEA")];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Begins a transaction that writes. In PostgreSQL every statement has to see what was committed before it: the first
    /// one waits for the writer before, whose changes it must see.
    pub(super) const fn begin_to_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }

    /// What keeps other writers out until the transaction ends, where its begin does not: what was read is still so when
    /// something is written, and revisions are in the order of commits.
    pub(super) const fn lock(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("SELECT one FROM revision FOR UPDATE"),
        }
    }

    /// Begins a transaction that reads one state of everything.
    pub(super) const fn begin_to_read(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }
}

/// Brings the tables up to date.
pub(super) async fn migrate(connection: &mut Connection) -> Result<(), MigrateError> {
    match connection {
        Connection::Sqlite(connection) => MIGRATIONS.run(connection).await,
        Connection::Postgres(connection) => {
            Migrator::with_migrations(MIGRATIONS.iter().map(for_postgres).collect()).run(connection).await
        }
    }
}

fn for_postgres(migration: &Migration) -> Migration {
    let sql = AssertSqlSafe(translated(migration.sql.as_str())).into_sql_str();
    let (version, description) = (migration.version, migration.description.clone());
    Migration::new(version, description, migration.migration_type, sql, migration.no_tx)
}

/// Types are whole words in capital letters, as nothing else in the migrations is.
fn translated(sql: &str) -> String {
    let word = |part: &str| {
        TYPES.iter().find(|(name, _)| *name == part).map_or_else(|| part.to_owned(), |(_, own)| (*own).to_owned())
    };
    let outside = |character: char| !character.is_ascii_alphanumeric() && character != '_';
    let mut out = String::with_capacity(sql.len() * 2);
    for part in sql.split_inclusive(outside) {
        match part.strip_suffix(outside) {
            Some(text) => out.extend([word(text).as_str(), &part[text.len()..]]),
            None => out.push_str(&word(part)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_translated_and_nothing_else() {
        let sql = "-- no INTEGERS\nCREATE TABLE t (one INTEGER NOT NULL, TEXT_x TEXT, b BLOB, c BOOLEAN);";
        let wanted =
            "-- no INTEGERS\nCREATE TABLE t (one BIGINT NOT NULL, TEXT_x TEXT COLLATE \"C\", b BYTEA, c BOOLEAN);";
        assert_eq!(translated(sql), wanted);
    }
}
