//! The workers of the ledgers in a simulated world: a log, tables and processes in memory, and everything that may go
//! wrong with them, drawn from a seed.
//!
//! What runs is the engine and the worker of the shipped processors, over the ports that they have. What is simulated
//! is outside: a partitioned log with a consumer group, tables with the semantics of `ReplacingMergeTree(ver)`, and a
//! clock. A run is a list of operations; it is the same every time. A run that violates a property is shrunk and
//! printed as Rust code, to be kept in [`reproductions`].
//!
//! What is promised of the world, as DESIGN's precondition P2 demands: a replica lags by less than the rewind, an
//! acknowledged part is durable soon, and if one is lost before that, the owners are replaced within the rewind.

pub mod checks;
pub mod controls;
pub mod coverage;
pub mod draw;
pub mod facts;
pub mod log;
pub mod model;
pub mod op;
pub mod ports;
pub mod reproductions;
mod seconds;
pub mod shrink;
pub mod state;
pub mod suite;
pub mod table;
pub mod tables;
pub mod wire;
pub mod world;
