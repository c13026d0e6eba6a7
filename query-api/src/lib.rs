//! The query API: scoped statistics out of ClickHouse, over HTTP (CONTRACT section 7).
//!
//! A request becomes a [`logic::plan::Plan`], which cannot be made without the caller's [`logic::scope::Scope`]; the
//! plan's statements give sums, and figures are divided last. `logic` decides, `source` reads, `http` answers.

pub mod app;
pub mod config;
pub mod http;
pub mod logic;
pub mod metrics;
pub mod source;
