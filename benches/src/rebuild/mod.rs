//! Folding a day of the log again while the stack lives: what an event costs, and how fresh live rows are meanwhile.

use crate::freshness::load;
use crate::freshness::markers::Markers;
use crate::freshness::posts::Devices;
use crate::freshness::stack::Stack;
use crate::launcher;
use crate::percentile::percentile_ms;
use crate::processors::workload::{BEATS, Workload};
use crate::processors::yesterday;
use crate::report::Report;
use anyhow::{Context, anyhow};
use schemas::time::Day;
use serde::Deserialize;
use std::thread;
use std::time::Duration;

/// Devices of the day that is folded again.
const DEVICES: u32 = 60_000;
/// Schools of the stack's own province, whose devices post meanwhile.
const SCHOOLS: u32 = 500;
/// Posts per second meanwhile, after some time of warming up.
const RATE: u32 = 1_000;
const WARM: Duration = Duration::from_secs(10);
const SPAN: Duration = Duration::from_secs(60);
/// Devices whose heartbeats are waited for.
const MARKERS: usize = 150;
/// For folding the day live.
const PATIENCE: Duration = Duration::from_secs(300);

/// What `rebuild --json` tells, as far as it is used here.
#[derive(Deserialize)]
struct Rebuilt {
    rows: serde_json::Map<String, serde_json::Value>,
    differences: u64,
    events: u64,
    elapsed_ms: u64,
    cpu_ms: u64,
    events_per_core_second: f64,
}

/// Runs the measurement on a stack of its own that begins at `port_base`.
///
/// # Errors
/// The stack does not start, the edge answers anything but 200, or the rebuild fails.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let stack = Stack::start(port_base, SCHOOLS)?;
    let (log, day) = (stack.log()?, yesterday());
    let workload = Workload::new(day, DEVICES)?;
    report.note(&format!(
        "{} heartbeats of {DEVICES} devices on {day}, folded live, then again; meanwhile {RATE} posts/s by devices of \
         {SCHOOLS} schools, of which {MARKERS} are watched as in bench freshness",
        u64::from(DEVICES) * u64::from(BEATS)
    ));
    log.produce(&workload)?;
    log.wait_committed(workload.records(), PATIENCE)?;
    let devices = Devices::new(stack.devices()?);
    let markers = Markers::choose(&devices, MARKERS);
    let watch = markers.watch(stack.clickhouse()?);
    let rebuilding = thread::spawn(move || rebuild(port_base, day));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let posted = runtime.block_on(load::open(stack.edge()?, &devices, &markers, RATE, WARM, SPAN))?;
    let seen = watch.finish()?;
    let rebuilt = rebuilding.join().map_err(|_| anyhow!("the rebuild panicked"))??;
    report.figure("posts taken", posted.rate(), "posts/s", None);
    report.figure("live, sent to queryable, p50", percentile_ms(&seen.latencies, 50) / 1e3, "s", None);
    report.figure("live, sent to queryable, p99", percentile_ms(&seen.latencies, 99) / 1e3, "s", Some(10.0));
    report.figure("live, never seen", seen.missing as f64, "", Some(0.0));
    tell(report, &rebuilt);
    Ok(())
}

fn tell(report: &mut Report, rebuilt: &Rebuilt) {
    let seconds = |ms: u64| ms as f64 / 1e3;
    report.note(&format!("rows compared: {}", serde_json::Value::Object(rebuilt.rows.clone())));
    report.figure("rebuild: differences", rebuilt.differences as f64, "rows", Some(0.0));
    report.figure("rebuild: events folded", rebuilt.events as f64, "", None);
    report.figure("rebuild: time", seconds(rebuilt.elapsed_ms), "s", None);
    report.figure("rebuild: CPU", seconds(rebuilt.cpu_ms), "s", None);
    // The bar is a least rate, 300,000 a core-second; the report knows upper bounds only.
    report.figure("rebuild: events per core-second", rebuilt.events_per_core_second, "1/s", None);
    report.figure("rebuild: CPU per event", 1e6 / rebuilt.events_per_core_second, "core-us", Some(1e6 / 300e3));
}

/// Folds the day again; what it costs.
fn rebuild(port_base: u16, day: Day) -> anyhow::Result<Rebuilt> {
    let days = format!("{day}..{day}");
    let told = launcher::answer(port_base, &["rebuild", "--days", &days, "--from", "kafka", "--json"])?;
    let last = told.lines().last().context("the rebuild tells nothing")?;
    serde_json::from_str(last).with_context(|| format!("read {last}"))
}
