//! Kafka in, ClickHouse out: the ledgers, the archive and the roster of ClassPulse.
//!
//! One binary; `[groups]` of the configuration chooses what a process runs. `logic` holds every decision, without I/O;
//! `worker` drives it as explicit steps over the one-method traits of `source` and `store`.

pub mod app;
pub mod archive;
pub mod config;
pub mod console;
pub mod corrections;
pub mod dead;
pub mod ledgers;
pub mod logic;
pub mod memory;
pub mod metrics;
pub mod migrate;
pub mod rebuild;
pub mod roll;
pub mod roster;
pub mod sets;
pub mod source;
pub mod store;
pub mod tables;
pub mod worker;
