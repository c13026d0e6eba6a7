//! Types, and values on their way out.

use super::{Driver, ValueRef};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, Postgres};
use sqlx::sqlite::{Sqlite, SqliteTypeInfo};
use sqlx::{Decode, Type};
use std::fmt;

/// The types that the store uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BOOLEAN
    Bool,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Long,
    /// TEXT
    Text,
    /// BLOB, BYTEA
    Bytes,
}

/// A type as a program asks for it, or as a database says that it is.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeInfo {
    /// By a program.
    Asked(Kind),
    /// By SQLite.
    Sqlite(SqliteTypeInfo),
    /// By PostgreSQL.
    Postgres(PgTypeInfo),
}

impl fmt::Display for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(sqlx::TypeInfo::name(self))
    }
}

impl sqlx::TypeInfo for TypeInfo {
    fn is_null(&self) -> bool {
        match self {
            TypeInfo::Asked(_) => false,
            TypeInfo::Sqlite(info) => info.is_null(),
            TypeInfo::Postgres(info) => info.is_null(),
        }
    }

    fn name(&self) -> &str {
        match self {
            TypeInfo::Asked(Kind::Bool) => "BOOLEAN",
            TypeInfo::Asked(Kind::Int | Kind::Long) => "a number",
            TypeInfo::Asked(Kind::Text) => "TEXT",
            TypeInfo::Asked(Kind::Bytes) => "bytes",
            TypeInfo::Sqlite(info) => info.name(),
            TypeInfo::Postgres(info) => info.name(),
        }
    }
}

/// PostgreSQL's driver reads a number of any width, but says that only one is compatible.
fn is_integer(info: &PgTypeInfo) -> bool {
    <i16 as Type<Postgres>>::compatible(info)
        || <i32 as Type<Postgres>>::compatible(info)
        || <i64 as Type<Postgres>>::compatible(info)
}

/// Types that have a kind, and whether PostgreSQL's type (`$info`) can be read as one.
macro_rules! kinds {
    ($($given:ty => $kind:ident, $info:ident: $compatible:expr;)*) => {$(
        impl Type<Driver> for $given {
            fn type_info() -> TypeInfo {
                TypeInfo::Asked(Kind::$kind)
            }

            fn compatible(info: &TypeInfo) -> bool {
                match info {
                    TypeInfo::Asked(kind) => *kind == Kind::$kind,
                    TypeInfo::Sqlite(info) => <$given as Type<Sqlite>>::compatible(info),
                    TypeInfo::Postgres($info) => $compatible,
                }
            }
        }
    )*};
}

kinds! {
    bool => Bool, info: <bool as Type<Postgres>>::compatible(info);
    i32 => Int, info: is_integer(info);
    i64 => Long, info: is_integer(info);
    u32 => Long, info: is_integer(info);
    str => Text, info: <str as Type<Postgres>>::compatible(info);
    String => Text, info: <String as Type<Postgres>>::compatible(info);
    Vec<u8> => Bytes, info: <Vec<u8> as Type<Postgres>>::compatible(info);
}

/// Types that rows are read as; both drivers read them.
macro_rules! decode {
    ($($read:ty),*) => {$(
        impl<'r> Decode<'r, Driver> for $read {
            fn decode(value: ValueRef<'r>) -> Result<$read, BoxDynError> {
                match value {
                    ValueRef::Sqlite(value) => <$read as Decode<'r, Sqlite>>::decode(value),
                    ValueRef::Postgres(value) => <$read as Decode<'r, Postgres>>::decode(value),
                }
            }
        }
    )*};
}

decode!(bool, i32, i64, String, Vec<u8>);
