//! The ledger worker: pure decisions of [`crate::logic::worker`], carried out step by step over the ports.

mod engine;
pub mod memory;
pub mod ports;

pub use engine::{Engine, Limits, Now, Phase, Turn};

#[cfg(test)]
mod tests;
