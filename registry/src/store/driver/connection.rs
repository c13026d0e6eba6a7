//! Connections, and how statements reach them.

use super::placeholders::numbered;
use super::{Arguments, Driver, NoStatement, QueryResult, Row, TypeInfo};
use futures::future::{self, BoxFuture, FutureExt, TryFutureExt};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use log::LevelFilter;
use sqlx::error::Error;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Describe, Either, Execute, Executor, SqlStr, Transaction};
use sqlx_core::Url;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where to connect to.
#[derive(Clone)]
pub enum Options {
    /// A file.
    Sqlite(SqliteConnectOptions),
    /// A server.
    Postgres(PgConnectOptions),
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // PostgreSQL's tell the password.
        f.write_str(match self {
            Options::Sqlite(_) => "Options::Sqlite",
            Options::Postgres(_) => "Options::Postgres",
        })
    }
}

impl FromStr for Options {
    type Err = Error;

    fn from_str(url: &str) -> Result<Options, Error> {
        match url.split_once(':') {
            Some(("postgres" | "postgresql", _)) => url.parse().map(Options::Postgres),
            _ => url.parse().map(Options::Sqlite),
        }
    }
}

impl ConnectOptions for Options {
    type Connection = Connection;

    fn from_url(url: &Url) -> Result<Options, Error> {
        url.as_str().parse()
    }

    async fn connect(&self) -> Result<Connection, Error> {
        match self {
            Options::Sqlite(options) => options.connect().await.map(Connection::Sqlite),
            Options::Postgres(options) => options.connect().await.map(Connection::Postgres),
        }
    }

    fn log_statements(self, level: LevelFilter) -> Options {
        match self {
            Options::Sqlite(options) => Options::Sqlite(options.log_statements(level)),
            Options::Postgres(options) => Options::Postgres(options.log_statements(level)),
        }
    }

    fn log_slow_statements(self, level: LevelFilter, duration: Duration) -> Options {
        match self {
            Options::Sqlite(options) => Options::Sqlite(options.log_slow_statements(level, duration)),
            Options::Postgres(options) => Options::Postgres(options.log_slow_statements(level, duration)),
        }
    }
}

/// A connection to one of them.
#[derive(Debug)]
pub enum Connection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

impl sqlx::Connection for Connection {
    type Database = Driver;
    type Options = Options;

    async fn close(self) -> Result<(), Error> {
        match self {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        }
    }

    async fn close_hard(self) -> Result<(), Error> {
        match self {
            Connection::Sqlite(connection) => connection.close_hard().await,
            Connection::Postgres(connection) => connection.close_hard().await,
        }
    }

    async fn ping(&mut self) -> Result<(), Error> {
        match self {
            Connection::Sqlite(connection) => connection.ping().await,
            Connection::Postgres(connection) => connection.ping().await,
        }
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Driver>, Error> {
        Transaction::begin(self, None).await
    }

    fn shrink_buffers(&mut self) {
        match self {
            Connection::Sqlite(connection) => connection.shrink_buffers(),
            Connection::Postgres(connection) => connection.shrink_buffers(),
        }
    }

    async fn flush(&mut self) -> Result<(), Error> {
        match self {
            Connection::Sqlite(connection) => connection.flush().await,
            Connection::Postgres(connection) => connection.flush().await,
        }
    }

    fn should_flush(&self) -> bool {
        match self {
            Connection::Sqlite(connection) => connection.should_flush(),
            Connection::Postgres(connection) => connection.should_flush(),
        }
    }
}

/// A statement as SQLite's driver takes it. Without values it is not prepared, and may be several.
type SqliteStatement = (SqlStr, Option<SqliteArguments>);
/// A statement as PostgreSQL's driver takes it.
type PgStatement = (SqlStr, Option<PgArguments>);

fn taken<'q>(mut query: impl Execute<'q, Driver>) -> Result<(SqlStr, Option<Arguments>), Error> {
    let arguments = query.take_arguments().map_err(Error::Encode)?;
    Ok((query.sql(), arguments))
}

fn for_sqlite<'q>(query: impl Execute<'q, Driver>) -> Result<SqliteStatement, Error> {
    let (sql, arguments) = taken(query)?;
    Ok((sql, arguments.map(Arguments::encoded).transpose().map_err(Error::Encode)?))
}

fn for_postgres<'q>(query: impl Execute<'q, Driver>) -> Result<PgStatement, Error> {
    let (sql, arguments) = taken(query)?;
    Ok((numbered(sql), arguments.map(Arguments::encoded).transpose().map_err(Error::Encode)?))
}

/// A step of either driver's answer: the end of a statement, or a row.
fn step<R: Into<QueryResult>, W: Into<Row>>(step: Either<R, W>) -> Either<QueryResult, Row> {
    match step {
        Either::Left(result) => Either::Left(result.into()),
        Either::Right(row) => Either::Right(row.into()),
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Driver;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<QueryResult, Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Driver>,
    {
        match self {
            Connection::Sqlite(connection) => match for_sqlite(query) {
                Ok(statement) => connection.fetch_many(statement).map_ok(step).boxed(),
                Err(error) => stream::once(future::ready(Err(error))).boxed(),
            },
            Connection::Postgres(connection) => match for_postgres(query) {
                Ok(statement) => connection.fetch_many(statement).map_ok(step).boxed(),
                Err(error) => stream::once(future::ready(Err(error))).boxed(),
            },
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Driver>,
    {
        match self {
            Connection::Sqlite(connection) => match for_sqlite(query) {
                Ok(statement) => connection.fetch_optional(statement).map_ok(|row| row.map(Row::from)).boxed(),
                Err(error) => future::ready(Err(error)).boxed(),
            },
            Connection::Postgres(connection) => match for_postgres(query) {
                Ok(statement) => connection.fetch_optional(statement).map_ok(|row| row.map(Row::from)).boxed(),
                Err(error) => future::ready(Err(error)).boxed(),
            },
        }
    }

    fn prepare_with<'e>(self, _sql: SqlStr, _types: &'e [TypeInfo]) -> BoxFuture<'e, Result<NoStatement, Error>>
    where
        'c: 'e,
    {
        future::ready(Err(unsupported("prepare a statement ahead"))).boxed()
    }

    fn describe<'e>(self, _sql: SqlStr) -> BoxFuture<'e, Result<Describe<Driver>, Error>>
    where
        'c: 'e,
    {
        future::ready(Err(unsupported("describe a statement"))).boxed()
    }
}

fn unsupported(what: &str) -> Error {
    Error::Configuration(format!("this driver does not {what}").into())
}
