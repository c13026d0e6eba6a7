//! Runs that once failed, shrunk. Each must hold now; how to add one: paste what the suite prints.

use crate::op::{Edge, Op, Scenario};

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
    vec![Reproduction {
        finding: "a school's row that was lost before it was durable did not come back",
        scenario: Scenario {
            memory_bytes: 6000,
            batch: 2,
            ops: vec![
                Op::Turns { process: 0, count: 9 },
                Op::Post { device: 1, boot: 2, first: 0, count: 1, edge: Edge::Blocks },
                Op::Turns { process: 0, count: 9 },
                Op::Vanish { table: 2, parts: 3 },
            ],
        },
    }]
}
