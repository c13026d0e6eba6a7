//! The query API over 200,000 devices x 30 days, written by the real row types into ClickHouse: p95 of overview,
//! children and trend of a province, a city and a county, beside the same SQL sent straight to ClickHouse.

mod ask;
mod fill;
mod people;
mod serve;

use crate::percentile::percentile_ms;
use crate::report::Report;
use ask::{Bench, Measured, Question};
use fill::World;
use serve::Stack;
use std::time::Duration;

/// Devices.
const DEVICES: u32 = 200_000;
/// Days, the last of them today.
const DAYS: i32 = 30;
/// Questions of each kind that are measured, after some to warm up.
const ROUNDS: usize = 60;
/// The most that is acceptable for an answer's p95, ms.
const BAR_MS: f64 = 100.0;

/// Runs the measurement on a ClickHouse of its own.
///
/// # Errors
/// ClickHouse or the API do not start, or an answer is not 200.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stack = Stack::start(port_base)?;
    let world = World::new(DEVICES, DAYS);
    report.note(&format!("writing {}", world.describe()));
    let written = runtime.block_on(fill::fill(&stack.clickhouse(), &world))?;
    report.note(&format!(
        "{} rows in {:.0} s; {:.1} bytes on disk per device-day, all tables but the archive",
        written.rows,
        written.took.as_secs_f64(),
        written.bytes as f64 / (f64::from(DEVICES) * f64::from(DAYS)),
    ));
    report.figure(
        "bytes on disk per device-day",
        written.bytes as f64 / (f64::from(DEVICES) * f64::from(DAYS)),
        "B",
        None,
    );
    let people = people::People::new()?;
    let api = stack.api(&people, &world)?;
    report.note(&format!(
        "{ROUNDS} questions of each kind one after the other, figures as an answer has them by default, whole range; \
         CPU: {ROUNDS} more, so far apart that each looks at the tables; changed: {}, each after rows of today changed",
        ROUNDS / 3
    ));
    let bench = Bench { stack: &stack, api: &api, people: &people, world: &world };
    for question in Question::all() {
        let measured = runtime.block_on(bench.measure(&question, ROUNDS))?;
        note(report, &question, &measured);
    }
    report.figure("memory of the API's process at its peak", api.process().peak()? / 1e6, "MB", None);
    Ok(())
}

fn note(report: &mut Report, question: &Question, measured: &Measured) {
    let name = question.name();
    let p50 = |times: &[Duration]| percentile_ms(times, 50);
    let p95 = |times: &[Duration]| percentile_ms(times, 95);
    let (api, direct) = (p50(&measured.api), p50(&measured.direct));
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    report.figure(&format!("{name}: p50"), api, "ms", None);
    report.figure(&format!("{name}: p95"), p95(&measured.api), "ms", Some(BAR_MS));
    report.figure(&format!("{name}: after a change, p95"), p95(&measured.changed), "ms", Some(BAR_MS));
    report.figure(&format!("{name}: same SQL, p50"), direct, "ms", None);
    report.figure(&format!("{name}: same SQL, p95"), p95(&measured.direct), "ms", None);
    // The bar is 1.3 x + 3 ms; what is left after the 3 ms is compared, and nothing may be left.
    let ratio = (api - 3.0).max(0.0) / direct;
    report.figure(&format!("{name}: (API - 3 ms) / same SQL, p50"), ratio, "x", Some(1.3));
    report.figure(&format!("{name}: CPU of the API an answer"), ms(measured.api_cpu), "ms", None);
    report.figure(&format!("{name}: CPU of ClickHouse an answer"), ms(measured.clickhouse_cpu), "ms", None);
    report.figure(&format!("{name}: CPU of ClickHouse, same SQL"), ms(measured.direct_cpu), "ms", None);
}
