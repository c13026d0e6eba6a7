//! The control plane over 30,000 schools: lists with filters, enrolments that are on disk, and how soon a revocation is
//! known to an edge.

mod client;
mod enrolments;
mod lists;
mod revocations;
mod serve;

use crate::percentile::percentile_ms;
use crate::report::Report;

/// Schools of the store under measurement.
const SCHOOLS: u32 = 30_000;
/// The most that is acceptable for a page of a list, p95, ms.
const BAR_LIST_MS: f64 = 50.0;
/// The most that is acceptable for an enrolment at the wanted rate of 500/s, ms.
const BAR_ENROLMENT_MS: f64 = 2.0;
/// The most that is acceptable from the answer to a revocation to the edge's refusal, p99, s.
const BAR_REVOCATION_S: f64 = 1.0;

/// Runs the measurement: a registry with Kafka of its own first, a whole stack for the revocations.
///
/// # Errors
/// Something does not start, or an answer is not what it should be.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    {
        report.note(&format!("seeding {SCHOOLS} schools"));
        let registry = serve::Registry::start(port_base, SCHOOLS)?;
        report.note(&format!("{} in SQLite; every page of 50 rows asked for over HTTP", registry.describe()?));
        for (name, times) in runtime.block_on(lists::measure(&registry))? {
            report.figure(&format!("{name}: p50"), percentile_ms(&times, 50), "ms", None);
            report.figure(&format!("{name}: p95"), percentile_ms(&times, 95), "ms", Some(BAR_LIST_MS));
        }
        let enrolled = runtime.block_on(enrolments::measure(&registry))?;
        report.note(&format!("{}; every answer after the commit is on disk", enrolled.describe()));
        report.figure("enrolments a second", enrolled.rate(), "/s", None);
        report.figure("time an enrolment", 1e3 / enrolled.rate(), "ms", Some(BAR_ENROLMENT_MS));
        report.figure("enrolment, asked to answered: p99", percentile_ms(&enrolled.times, 99), "ms", None);
        report.figure("memory of the registry at its peak", registry.peak()? / 1e6, "MB", None);
    }
    let delays = runtime.block_on(revocations::measure(port_base))?;
    report.note(&format!("{} revocations on a stack of its own, one after the other", delays.len()));
    report.figure("revocation answered to edge's refusal: p50", percentile_ms(&delays, 50) / 1e3, "s", None);
    let p99 = percentile_ms(&delays, 99) / 1e3;
    report.figure("revocation answered to edge's refusal: p99", p99, "s", Some(BAR_REVOCATION_S));
    Ok(())
}
