//! From sent to queryable: how long a heartbeat takes to be seen by a reader of ClickHouse, while 2,000 posts a second
//! go through a whole stack of our own, generator and all on this machine.

pub mod load;
pub mod markers;
pub mod posts;
pub mod stack;

use crate::percentile::percentile_ms;
use crate::report::Report;
use markers::Markers;
use posts::Devices;
use stack::Stack;
use std::time::Duration;

/// Posts per second, at even distances whatever the edge does.
const RATE: u32 = 2_000;
/// Before anything is measured: ledgers are loaded, connections open.
const WARM: Duration = Duration::from_secs(15);
/// The posts of this time are measured.
const SPAN: Duration = Duration::from_secs(60);
/// Schools of the province; with their devices each post makes another row dirty, as in a large province.
const SCHOOLS: u32 = 1_000;
/// Devices whose heartbeats are waited for.
const MARKERS: usize = 150;

/// Runs the measurement on a stack of its own that begins at `port_base`.
///
/// # Errors
/// The stack does not start, or the edge answers anything but 200.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let stack = Stack::start(port_base, SCHOOLS)?;
    let devices = Devices::new(stack.devices()?);
    let markers = Markers::choose(&devices, MARKERS);
    report.note(&format!(
        "workload: {RATE} posts/s open loop for {} s after {} s of warming up, by {} devices of {SCHOOLS} schools in \
         turn; {}; {} devices are watched in device_day_final every {} ms",
        SPAN.as_secs(),
        WARM.as_secs(),
        devices.len(),
        devices.describe(),
        markers.len(),
        markers::EVERY.as_millis(),
    ));
    let watch = markers.watch(stack.clickhouse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let posted = runtime.block_on(load::open(stack.edge()?, &devices, &markers, RATE, WARM, SPAN))?;
    let seen = watch.finish()?;
    report.figure("posts taken", posted.rate(), "posts/s", None);
    report.figure("edge latency, p99", percentile_ms(&posted.latencies, 99), "ms", None);
    report.figure("heartbeats watched", seen.latencies.len() as f64, "", None);
    report.figure("never seen", seen.missing as f64, "", Some(0.0));
    report.figure("sent to queryable, p50", percentile_ms(&seen.latencies, 50) / 1e3, "s", None);
    report.figure("sent to queryable, p99", percentile_ms(&seen.latencies, 99) / 1e3, "s", Some(5.0));
    report.figure("sent to queryable, max", percentile_ms(&seen.latencies, 100) / 1e3, "s", None);
    Ok(())
}
