//! What comes back.

use super::{Arguments, Driver, TypeInfo};
use sqlx::error::Error;
use sqlx::postgres::{PgColumn, PgQueryResult, PgRow, PgValue, PgValueRef};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::sqlite::{SqliteColumn, SqliteQueryResult, SqliteRow, SqliteValue, SqliteValueRef};
use sqlx::{ColumnIndex, Either, FromRow, IntoArguments, Row as _, SqlStr};
use std::borrow::Cow;
use std::sync::OnceLock;

/// What a statement did.
#[derive(Debug, Default)]
pub struct QueryResult {
    rows: u64,
}

impl QueryResult {
    /// Rows that it added, changed or removed.
    #[must_use]
    pub fn rows_affected(&self) -> u64 {
        self.rows
    }
}

impl Extend<QueryResult> for QueryResult {
    fn extend<T: IntoIterator<Item = QueryResult>>(&mut self, results: T) {
        self.rows += results.into_iter().map(|result| result.rows).sum::<u64>();
    }
}

impl From<SqliteQueryResult> for QueryResult {
    fn from(result: SqliteQueryResult) -> QueryResult {
        QueryResult { rows: result.rows_affected() }
    }
}

impl From<PgQueryResult> for QueryResult {
    fn from(result: PgQueryResult) -> QueryResult {
        QueryResult { rows: result.rows_affected() }
    }
}

/// A row.
pub struct Row {
    inner: Inner,
    /// Made when somebody asks; reading values needs none of them.
    columns: OnceLock<Vec<Column>>,
}

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Row {
        Row { inner: Inner::Sqlite(row), columns: OnceLock::new() }
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Row {
        Row { inner: Inner::Postgres(row), columns: OnceLock::new() }
    }
}

impl Row {
    fn described(&self) -> Vec<Column> {
        match &self.inner {
            Inner::Sqlite(row) => {
                let column = |column: &SqliteColumn| Column::new(column, TypeInfo::Sqlite);
                row.columns().iter().map(column).collect()
            }
            Inner::Postgres(row) => {
                let column = |column: &PgColumn| Column::new(column, TypeInfo::Postgres);
                row.columns().iter().map(column).collect()
            }
        }
    }
}

impl sqlx::Row for Row {
    type Database = Driver;

    fn columns(&self) -> &[Column] {
        self.columns.get_or_init(|| self.described())
    }

    fn try_get_raw<I: ColumnIndex<Row>>(&self, index: I) -> Result<ValueRef<'_>, Error> {
        let index = index.index(self)?;
        match &self.inner {
            Inner::Sqlite(row) => row.try_get_raw(index).map(ValueRef::Sqlite),
            Inner::Postgres(row) => row.try_get_raw(index).map(ValueRef::Postgres),
        }
    }
}

impl ColumnIndex<Row> for usize {
    fn index(&self, row: &Row) -> Result<usize, Error> {
        match &row.inner {
            Inner::Sqlite(row) => ColumnIndex::index(self, row),
            Inner::Postgres(row) => ColumnIndex::index(self, row),
        }
    }
}

impl ColumnIndex<Row> for &str {
    fn index(&self, row: &Row) -> Result<usize, Error> {
        match &row.inner {
            Inner::Sqlite(row) => ColumnIndex::index(self, row),
            Inner::Postgres(row) => ColumnIndex::index(self, row),
        }
    }
}

/// A column of a row.
#[derive(Debug)]
pub struct Column {
    ordinal: usize,
    name: String,
    info: TypeInfo,
}

impl Column {
    fn new<C: sqlx::Column>(
        column: &C,
        info: impl Fn(<C::Database as sqlx::Database>::TypeInfo) -> TypeInfo,
    ) -> Column {
        let (ordinal, name) = (column.ordinal(), column.name().to_owned());
        Column { ordinal, name, info: info(column.type_info().clone()) }
    }
}

impl sqlx::Column for Column {
    type Database = Driver;

    fn ordinal(&self) -> usize {
        self.ordinal
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn type_info(&self) -> &TypeInfo {
        &self.info
    }
}

/// A value that outlives its row.
pub enum Value {
    /// SQLite's.
    Sqlite(SqliteValue),
    /// PostgreSQL's.
    Postgres(PgValue),
}

impl sqlx::Value for Value {
    type Database = Driver;

    fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Sqlite(value) => ValueRef::Sqlite(value.as_ref()),
            Value::Postgres(value) => ValueRef::Postgres(value.as_ref()),
        }
    }

    fn type_info(&self) -> Cow<'_, TypeInfo> {
        Cow::Owned(match self {
            Value::Sqlite(value) => TypeInfo::Sqlite(value.type_info().into_owned()),
            Value::Postgres(value) => TypeInfo::Postgres(value.type_info().into_owned()),
        })
    }

    fn is_null(&self) -> bool {
        match self {
            Value::Sqlite(value) => value.is_null(),
            Value::Postgres(value) => value.is_null(),
        }
    }
}

/// A value of a row.
pub enum ValueRef<'r> {
    /// SQLite's.
    Sqlite(SqliteValueRef<'r>),
    /// PostgreSQL's.
    Postgres(PgValueRef<'r>),
}

impl<'r> sqlx::ValueRef<'r> for ValueRef<'r> {
    type Database = Driver;

    fn to_owned(&self) -> Value {
        match self {
            ValueRef::Sqlite(value) => Value::Sqlite(sqlx::ValueRef::to_owned(value)),
            ValueRef::Postgres(value) => Value::Postgres(sqlx::ValueRef::to_owned(value)),
        }
    }

    fn type_info(&self) -> Cow<'_, TypeInfo> {
        Cow::Owned(match self {
            ValueRef::Sqlite(value) => TypeInfo::Sqlite(value.type_info().into_owned()),
            ValueRef::Postgres(value) => TypeInfo::Postgres(value.type_info().into_owned()),
        })
    }

    fn is_null(&self) -> bool {
        match self {
            ValueRef::Sqlite(value) => value.is_null(),
            ValueRef::Postgres(value) => value.is_null(),
        }
    }
}

/// A statement that was prepared ahead: there is none, because the drivers prepare and keep what they are sent.
#[derive(Clone, Debug)]
pub enum NoStatement {}

impl sqlx::Statement for NoStatement {
    type Database = Driver;

    fn into_sql(self) -> SqlStr {
        match self {}
    }

    fn sql(&self) -> &SqlStr {
        match *self {}
    }

    fn parameters(&self) -> Option<Either<&[TypeInfo], usize>> {
        match *self {}
    }

    fn columns(&self) -> &[Column] {
        match *self {}
    }

    fn query(&self) -> Query<'_, Driver, Arguments> {
        match *self {}
    }

    fn query_with<A: IntoArguments<Driver>>(&self, _arguments: A) -> Query<'_, Driver, A> {
        match *self {}
    }

    fn query_as<O: for<'r> FromRow<'r, Row>>(&self) -> QueryAs<'_, Driver, O, Arguments> {
        match *self {}
    }

    fn query_as_with<'s, O, A>(&'s self, _arguments: A) -> QueryAs<'s, Driver, O, A>
    where
        O: for<'r> FromRow<'r, Row>,
        A: IntoArguments<Driver>,
    {
        match *self {}
    }

    fn query_scalar<O>(&self) -> QueryScalar<'_, Driver, O, Arguments>
    where
        (O,): for<'r> FromRow<'r, Row>,
    {
        match *self {}
    }

    fn query_scalar_with<'s, O, A>(&'s self, _arguments: A) -> QueryScalar<'s, Driver, O, A>
    where
        (O,): for<'r> FromRow<'r, Row>,
        A: IntoArguments<Driver>,
    {
        match *self {}
    }
}
