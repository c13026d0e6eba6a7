//! Runs that once failed, shrunk. Each must hold now; how to add one: paste what the suite prints.

use crate::op::{Edge, Fault, Op, Scenario};

/// A run and what it showed.
#[derive(Debug)]
pub struct Reproduction {
    /// What was wrong.
    pub finding: &'static str,
    /// The run.
    pub scenario: Scenario,
}

/// Every reproduction.
#[must_use]
pub fn all() -> Vec<Reproduction> {
    Vec::new()
}
