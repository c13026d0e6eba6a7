//! What the processors cost while they catch up over a school day, how soon they are back after a crash, and how much
//! memory and disk a device-day takes.

mod check;
mod stack;
pub mod workload;

use crate::report::Report;
use schemas::time::Day;
use stack::Backend;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use workload::{BEATS, Workload};

/// Devices of the day, and of the day before it that memory is compared with.
const DEVICES: u32 = 60_000;
const FEW_DEVICES: u32 = 3_000;
/// For catching up, in all.
const PATIENCE: Duration = Duration::from_secs(600);
/// Freed memory is given back to the system within this time.
const SETTLE: Duration = Duration::from_secs(4);

/// Fills the report.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let devices = std::env::var("CLASSPULSE_BENCH_DEVICES").ok().and_then(|text| text.parse().ok());
    let workload = Workload::new(yesterday(), devices.unwrap_or(DEVICES))?;
    report.note(&format!(
        "{} heartbeats of {} devices, one school day, 1 % late, 1 % twice; ledgers alone, one thread",
        u64::from(workload.devices()) * u64::from(BEATS),
        workload.devices()
    ));
    let backend = Backend::start(port_base)?;
    let before = resident_with_few_ledgers(&backend)?;
    backend.log().produce(&workload)?;
    report.note(&format!("{} records in the log", workload.records()));
    catch_up(report, &backend, &workload, before)?;
    disk(report, &backend, &workload)?;
    drop(backend);
    crash(report, port_base, &workload)
}

/// The day whose events are all accepted, and none of them late.
pub fn yesterday() -> Day {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Day::of_ms(now.as_millis() as i64).plus(-1)
}

/// What a process takes that has folded a little, so that its buffers are as large as they get; and its records.
fn resident_with_few_ledgers(backend: &Backend) -> anyhow::Result<(f64, u64)> {
    let few = Workload::new(yesterday().plus(-1), FEW_DEVICES)?;
    backend.log().produce(&few)?;
    let processors = backend.processors()?;
    backend.log().wait_committed(few.records(), PATIENCE)?;
    sleep(SETTLE);
    let resident = processors.resident()?;
    processors.kill()?;
    Ok((resident, few.records()))
}

fn catch_up(
    report: &mut Report,
    backend: &Backend,
    workload: &Workload,
    (before, records_before): (f64, u64),
) -> anyhow::Result<()> {
    let processors = backend.processors()?;
    let took = backend.log().wait_committed(records_before + workload.records(), PATIENCE)?;
    let cpu = processors.cpu()?;
    let heartbeats = f64::from(workload.devices()) * f64::from(BEATS);
    report.figure("CPU per heartbeat", cpu.as_secs_f64() * 1e6 / heartbeats, "core-us", Some(3.0));
    report.figure("heartbeats per second", heartbeats / took.as_secs_f64(), "1/s", None);
    let devices = check::rows(backend, workload)?;
    report.note(&format!("{devices} device rows and their school rows are exact"));
    sleep(SETTLE);
    let ledgers = f64::from(workload.devices());
    let growth = (processors.resident()? - before) / f64::from(workload.devices().saturating_sub(FEW_DEVICES).max(1));
    report.figure("memory per device-day ledger (process growth / ledgers)", growth, "B", Some(700.0));
    report.figure("of it by the ledgers' own count", backend.ledger_bytes()? / ledgers, "B", None);
    Ok(())
}

/// Disk of all tables that hold device or school rows, once they are merged.
fn disk(report: &mut Report, backend: &Backend, workload: &Workload) -> anyhow::Result<()> {
    let mut bytes = 0.0;
    for table in ["device_day", "network_day", "school_day", "school_network_day"] {
        backend.query(&format!("OPTIMIZE TABLE {table} FINAL"))?;
        let sum = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'classpulse' AND table = ";
        bytes += backend.query(&format!("{sum}'{table}'"))?.trim().parse::<f64>()?;
    }
    report.figure(
        "disk per device-day, all tables but the archive",
        bytes / f64::from(workload.devices() + FEW_DEVICES),
        "B",
        None,
    );
    Ok(())
}

/// Kills the process half way and measures until the next one commits something new; then checks the rows.
fn crash(report: &mut Report, port_base: u16, workload: &Workload) -> anyhow::Result<()> {
    let backend = Backend::start(port_base)?;
    backend.log().produce(workload)?;
    let processors = backend.processors()?;
    backend.log().wait_committed(workload.records() / 2, PATIENCE)?;
    processors.kill()?;
    let (killed, before) = (Instant::now(), backend.log().committed()?);
    let processors = backend.processors()?;
    backend.log().wait_committed(before + 1, PATIENCE)?;
    report.figure("restart after kill -9 half way: to new progress", killed.elapsed().as_secs_f64(), "s", Some(3.0));
    backend.log().wait_committed(workload.records(), PATIENCE)?;
    let devices = check::rows(&backend, workload)?;
    report.note(&format!("{devices} device rows are exact after the crash"));
    processors.kill()
}
