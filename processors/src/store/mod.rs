//! Where ledgers are read from and rows and dead letters go.

pub mod clickhouse;
pub mod dead;
pub mod events;
