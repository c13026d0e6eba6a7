//! Many seeds, every control, every reproduction.

use crate::checks::Property;
use crate::controls::Control;
use crate::coverage::Coverage;
use crate::draw;
use crate::op::Scenario;
use crate::shrink::shrink;
use crate::world::{self, run};
use schemas::definitions::{Definitions, DefinitionsError};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A seed whose run violated a property.
#[derive(Debug)]
pub struct Failure {
    /// Seed.
    pub seed: u64,
    /// Property.
    pub property: Property,
    /// How it showed.
    pub what: String,
    /// What is left of the run when it is shrunk.
    pub shrunk: Scenario,
}

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Report {
    /// Runs.
    pub seeds: u64,
    /// Operations of all runs.
    pub ops: u64,
    /// What happened in them.
    pub coverage: Coverage,
    /// The violations; the search ends soon after the first.
    pub failures: Vec<Failure>,
}

/// Runs the seeds from `first` to before `end` on all cores, until one fails.
///
/// # Errors
/// The embedded definitions are broken.
pub fn explore(first: u64, end: u64, control: Option<Control>) -> Result<Report, DefinitionsError> {
    let definitions = world::definitions()?;
    let (next, report) = (AtomicU64::new(first), Mutex::new(Report::default()));
    let work = || {
        let mut own = Report::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            try_seed(seed, &definitions, control, &mut own);
            if !own.failures.is_empty() {
                next.store(end, Ordering::Relaxed);
            }
        }
        report.lock().unwrap_or_else(PoisonError::into_inner).add(own);
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.failures.sort_by_key(|failure| failure.seed);
    Ok(report)
}

fn try_seed(seed: u64, definitions: &Definitions, control: Option<Control>, report: &mut Report) {
    let scenario = draw::scenario(seed);
    let outcome = run(&scenario, definitions, control);
    report.seeds += 1;
    report.ops += scenario.ops.len() as u64;
    report.coverage.merge(&outcome.coverage);
    if let Some(violation) = outcome.violation {
        let shrunk = shrink(&scenario, definitions, control, violation.property);
        report.failures.push(Failure { seed, property: violation.property, what: violation.what, shrunk });
    }
}

impl Report {
    fn add(&mut self, other: Report) {
        self.seeds += other.seeds;
        self.ops += other.ops;
        self.coverage.merge(&other.coverage);
        self.failures.extend(other.failures);
    }
}

/// How a control went red.
#[derive(Debug)]
pub struct Red {
    /// Seeds until it did.
    pub seeds: u64,
    /// The property that was violated.
    pub property: Property,
    /// How it showed in the run as it was drawn.
    pub what: String,
    /// What is left of the run.
    pub shrunk: Scenario,
}

/// Seeds within which a control must go red.
pub const CONTROL_SEEDS: u64 = 2_000;

/// Breaks a mechanism, and looks for the first seed that notices. The same from run to run: on one core, from seed 0.
///
/// # Errors
/// The embedded definitions are broken.
pub fn play(control: Control) -> Result<Option<Red>, DefinitionsError> {
    let definitions = world::definitions()?;
    for seed in 0..CONTROL_SEEDS {
        let scenario = draw::scenario(seed);
        if let Some(violation) = run(&scenario, &definitions, Some(control)).violation {
            let shrunk = shrink(&scenario, &definitions, Some(control), violation.property);
            let (property, what) = (violation.property, violation.what);
            return Ok(Some(Red { seeds: seed + 1, property, what, shrunk }));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::reproductions;
    use crate::shrink::as_code;

    #[test]
    fn some_seeds_hold() {
        let report = explore(1_000_000, 1_000_200, None).unwrap();
        let failures: Vec<_> = report.failures.iter().map(|f| (f.seed, f.property, as_code(&f.shrunk))).collect();
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(report.seeds, 200);
    }

    #[test]
    fn what_was_found_once_holds_now() {
        let definitions = world::definitions().unwrap();
        for one in reproductions::all() {
            let violation = run(&one.scenario, &definitions, None).violation;
            assert!(violation.is_none(), "{}: {violation:?}", one.finding);
        }
    }

    #[test]
    fn a_broken_mechanism_is_noticed_and_shrunk_to_what_shows_it() {
        let red = play(Control::CommitBeforeAcknowledgement).unwrap().unwrap();
        assert_eq!(red.property, Property::AcknowledgedBeforeCommit);
        assert!(red.shrunk.ops.len() < 4, "{}", as_code(&red.shrunk));
    }

    #[test]
    fn a_run_is_the_same_every_time() {
        let definitions = world::definitions().unwrap();
        let coverage = || {
            let outcome = run(&draw::scenario(42), &definitions, None);
            crate::coverage::HAPPENINGS.iter().map(|(what, _)| outcome.coverage.of(*what)).collect::<Vec<_>>()
        };
        assert_eq!(coverage(), coverage());
    }
}
