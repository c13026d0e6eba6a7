//! Every data contract of ClassPulse: event types, Avro codec, ClickHouse rows and migrations, definitions, codes.
//!
//! Pure: no I/O, no clock, no randomness. Names and limits follow CONTRACT (docs/contract.md) and the definitions
//! of docs/metrics.md.

pub mod avro;
pub mod calendar;
pub mod codes;
pub mod definitions;
pub mod event;
pub mod figures;
pub mod org;
pub mod record;
pub mod registry;
pub mod rows;
pub mod sets;
pub mod time;
pub mod token;
pub mod topic;
