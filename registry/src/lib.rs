//! The control plane: who is where, and who may speak for which device.
//!
//! [`logic`] decides, [`store`] keeps (SQLite or PostgreSQL), every change leaves through an outbox in its own transaction, and `serve`
//! publishes that to the compacted topics `registry.orgs.v1` and `registry.devices.v1`, which everybody else reads.

pub mod app;
pub mod call;
pub mod cli;
pub mod commands;
pub mod config;
pub mod corrections;
pub mod fleet;
pub mod http;
pub mod keys;
pub mod logic;
pub mod metrics;
pub mod oidc;
pub mod passwords;
pub mod publisher;
pub mod sealed;
pub mod sink;
pub mod store;
pub mod tokens;
pub mod transfer;
