//! The device agent: a client core without I/O, its spools and transport, the reference client, and the fleet.
//!
//! [`logic::client::Client`] decides what is sent next and what an answer means; `spool` keeps events on disk;
//! `transport` speaks HTTP. The binary `agent` measures the machine it runs on; the binary `fleet` plays any number
//! of scripted devices through the same core.

pub mod fleet;
pub mod logic;
pub mod reference;
pub mod spool;
pub mod transport;

/// What an agent says of itself in `agent`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
