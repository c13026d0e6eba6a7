//! A failing run is shrunk to the operations that it needs.

use crate::checks::Property;
use crate::controls::Control;
use crate::op::{Op, Scenario};
use crate::world;
use schemas::definitions::Definitions;
use std::fmt::Write;

/// Runs that shrinking may take.
const RUNS: usize = 4_000;

/// Leaves out of a scenario what is not needed for it to violate the same property.
#[must_use]
pub fn shrink(
    scenario: &Scenario,
    definitions: &Definitions,
    control: Option<Control>,
    property: Property,
) -> Scenario {
    let mut runs = 0;
    let mut fails = |candidate: &Scenario| {
        runs += 1;
        let violation = world::run(candidate, definitions, control).violation;
        runs <= RUNS && violation.is_some_and(|violation| violation.property == property)
    };
    let mut smallest = scenario.clone();
    loop {
        let before = smallest.clone();
        leave_out(&mut smallest, &mut fails);
        lessen(&mut smallest, &mut fails);
        if smallest == before {
            return smallest;
        }
    }
}

/// Tries without each run of operations, the longest first.
fn leave_out(scenario: &mut Scenario, fails: &mut impl FnMut(&Scenario) -> bool) {
    let mut length = scenario.ops.len().div_ceil(2);
    while length > 0 {
        let mut at = 0;
        while at < scenario.ops.len() {
            let mut candidate = scenario.clone();
            candidate.ops.drain(at..(at + length).min(scenario.ops.len()));
            if fails(&candidate) {
                *scenario = candidate;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
}

/// Tries a smaller form of each operation.
fn lessen(scenario: &mut Scenario, fails: &mut impl FnMut(&Scenario) -> bool) {
    for at in 0..scenario.ops.len() {
        while let Some(op) = less(scenario.ops[at]) {
            let mut candidate = scenario.clone();
            candidate.ops[at] = op;
            if !fails(&candidate) {
                break;
            }
            *scenario = candidate;
        }
    }
}

const fn less(op: Op) -> Option<Op> {
    match op {
        Op::Turns { process, count } if count > 1 => Some(Op::Turns { process, count: count - 1 }),
        Op::Post { device, boot, first, count, edge } if count > 1 => {
            Some(Op::Post { device, boot, first, count: count - 1, edge })
        }
        Op::Post { device, boot, first, count, edge } if first > 0 => {
            Some(Op::Post { device, boot, first: first - 1, count, edge })
        }
        _ => None,
    }
}

/// A scenario as Rust code for `reproductions`.
#[must_use]
pub fn as_code(scenario: &Scenario) -> String {
    let mut code = String::from("Scenario {\n");
    let memory =
        if scenario.memory_bytes == usize::MAX { "usize::MAX".into() } else { scenario.memory_bytes.to_string() };
    let ops: String = scenario.ops.iter().fold(String::new(), |mut text, op| {
        let text_of = format!("{op:?}").replace("edge: ", "edge: Edge::").replace("fault: ", "fault: Fault::");
        // Writing to a string cannot fail.
        writeln!(text, "        Op::{text_of},").unwrap_or_default();
        text
    });
    write!(code, "    memory_bytes: {memory},\n    batch: {},\n    ops: vec![\n{ops}    ],\n}}", scenario.batch)
        .unwrap_or_default();
    code
}
