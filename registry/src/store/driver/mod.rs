//! SQLite or PostgreSQL, whichever a URL names, as one database of sqlx (docs/adr/0010-two-databases-one-driver.md).
//!
//! Everything is handed to sqlx's own drivers. What they do not agree upon is settled here: placeholders, numbers without
//! a sign, and numbers that come back in another width. What they do not agree upon in SQL is `dialect.rs`.

mod arguments;
mod connection;
mod placeholders;
mod rows;
mod types;

pub use arguments::{Argument, Arguments, NulInText};
pub use connection::{Connection, Options};
pub use rows::{Column, NoStatement, QueryResult, Row, Value, ValueRef};
pub use types::{Kind, TypeInfo};

use sqlx::error::Error;
use sqlx::postgres::PgTransactionManager;
use sqlx::sqlite::SqliteTransactionManager;
use sqlx::{Database, SqlStr};
use sqlx_core::transaction::TransactionManager;

/// The database that is either.
#[derive(Debug)]
pub struct Driver;

impl Database for Driver {
    type Connection = Connection;
    type TransactionManager = Transactions;
    type Row = Row;
    type QueryResult = QueryResult;
    type Column = Column;
    type TypeInfo = TypeInfo;
    type Value = Value;
    type ValueRef<'r> = ValueRef<'r>;
    type Arguments = Arguments;
    type ArgumentBuffer = Vec<Argument>;
    type Statement = NoStatement;
    const NAME: &'static str = "SQLite or PostgreSQL";
    const URL_SCHEMES: &'static [&'static str] = &["sqlite", "postgres", "postgresql"];
}

/// Begins and ends transactions.
pub struct Transactions;

impl TransactionManager for Transactions {
    type Database = Driver;

    async fn begin(connection: &mut Connection, statement: Option<SqlStr>) -> Result<(), Error> {
        match connection {
            Connection::Sqlite(connection) => SqliteTransactionManager::begin(connection, statement).await,
            Connection::Postgres(connection) => PgTransactionManager::begin(connection, statement).await,
        }
    }

    async fn commit(connection: &mut Connection) -> Result<(), Error> {
        match connection {
            Connection::Sqlite(connection) => SqliteTransactionManager::commit(connection).await,
            Connection::Postgres(connection) => PgTransactionManager::commit(connection).await,
        }
    }

    async fn rollback(connection: &mut Connection) -> Result<(), Error> {
        match connection {
            Connection::Sqlite(connection) => SqliteTransactionManager::rollback(connection).await,
            Connection::Postgres(connection) => PgTransactionManager::rollback(connection).await,
        }
    }

    fn start_rollback(connection: &mut Connection) {
        match connection {
            Connection::Sqlite(connection) => SqliteTransactionManager::start_rollback(connection),
            Connection::Postgres(connection) => PgTransactionManager::start_rollback(connection),
        }
    }

    fn get_transaction_depth(connection: &Connection) -> usize {
        match connection {
            Connection::Sqlite(connection) => SqliteTransactionManager::get_transaction_depth(connection),
            Connection::Postgres(connection) => PgTransactionManager::get_transaction_depth(connection),
        }
    }
}
