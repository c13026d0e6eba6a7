//! The edge from outside: CPU a post, latency at a province's rate, memory with a province's devices, and how soon it
//! says that Kafka is away; a plain Rust edge beside it in the same run.

mod away;
pub mod connection;
pub mod fill;
pub mod kafka;
pub mod load;
pub mod posts;
pub mod process;

use crate::report::Report;
use anyhow::Context;
use kafka::Kafka;
use posts::Posts;
use process::Service;
use std::path::{Path, PathBuf};

/// Devices in the registry topic, and of them those that post.
const DEVICES: u32 = 3_000_000;
const POSTING: u32 = 20_000;
/// Connections of the closed loops.
const CONNECTIONS: [usize; 2] = [64, 256];
/// Posts per second of the open loop.
const RATE: u32 = 10_000;

/// As the local stack runs it: no limits per device and school, because few devices post for many.
pub const UNLIMITED: &str = "device_per_second = 0.0\nschool_per_second = 0.0\n";

/// Runs the measurements of the edge; `port_base` is the first port of the bench's own Kafka.
///
/// # Errors
/// A process cannot be started, or answers what it should not.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    in_scratch("edge", |directory| measure(report, port_base, directory))
}

/// Runs a measurement with a directory of its own, which is removed afterwards.
pub fn in_scratch(name: &str, measure: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = std::env::temp_dir().join(format!("classpulse-bench-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let result = measure(&directory);
    std::fs::remove_dir_all(&directory)?;
    result
}

fn measure(report: &mut Report, port_base: u16, directory: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kafka = Kafka::start(port_base)?;
    let posts = Posts::spread(directory, DEVICES, POSTING)?;
    report.note(&format!("workload: {}", posts.describe()));
    fill::registry(kafka.bootstrap(), DEVICES)?;

    let baseline = port_base + 31;
    for linger_ms in [5, 1] {
        let service = Service::start(&mut baseline_command(&kafka, baseline, linger_ms)?, baseline, "/livez")?;
        let name = format!("plain Rust edge, linger {linger_ms} ms");
        saturate(report, &runtime, &service, &posts, &name, [None, None])?;
    }
    let address = port_base + 30;
    let config = edge_config(directory, &kafka, address, UNLIMITED)?;
    let service = Service::start(&mut edge_command(&config)?, address, "/readyz")?;
    report.figure("edge: start to ready, 3,000,000 devices", service.started_after().as_secs_f64(), "s", Some(20.0));
    saturate(report, &runtime, &service, &posts, "edge", [Some(40.0), Some(32.0)])?;
    open_loop(report, &runtime, &service, &posts)?;
    report.figure("edge: memory under load, peak", service.process().peak()? / 1e6, "MB", Some(700.0));
    away::measure(report, &runtime, &service, &posts, &kafka)
}

/// Closed loops: as many connections as given, each with one post under way.
fn saturate(
    report: &mut Report,
    runtime: &tokio::runtime::Runtime,
    service: &Service,
    posts: &Posts,
    name: &str,
    bars: [Option<f64>; 2],
) -> anyhow::Result<()> {
    for (connections, bar) in CONNECTIONS.into_iter().zip(bars) {
        let run = runtime.block_on(load::closed(service, posts, connections))?;
        report.figure(&format!("{name}: {connections} connections, CPU per post"), run.cpu_us_per_post(), "us", bar);
        report.figure(&format!("{name}: {connections} connections, rate"), run.rate(), "posts/s", None);
        report.figure(&format!("{name}: {connections} connections, p99"), run.percentile_ms(99), "ms", None);
    }
    Ok(())
}

fn open_loop(
    report: &mut Report,
    runtime: &tokio::runtime::Runtime,
    service: &Service,
    posts: &Posts,
) -> anyhow::Result<()> {
    let run = runtime.block_on(load::open(service, posts, RATE))?;
    report.figure("edge: 10,000 posts/s open loop, p50", run.percentile_ms(50), "ms", None);
    report.figure("edge: 10,000 posts/s open loop, p99", run.percentile_ms(99), "ms", Some(60.0));
    report.figure("edge: 10,000 posts/s open loop, CPU per post", run.cpu_us_per_post(), "us", None);
    report.figure("edge: 10,000 posts/s open loop, rate", run.rate(), "posts/s", None);
    Ok(())
}

/// A program of the workspace, built beside this one.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(path.exists(), "{} is not built", path.display());
    Ok(path)
}

fn baseline_command(kafka: &Kafka, port: u16, linger_ms: u32) -> anyhow::Result<std::process::Command> {
    let mut command = std::process::Command::new(program("baseline-edge")?);
    command.args(["--kafka", kafka.bootstrap(), "--port", &port.to_string(), "--linger-ms", &linger_ms.to_string()]);
    Ok(command)
}

pub fn edge_command(config: &Path) -> anyhow::Result<std::process::Command> {
    let mut command = std::process::Command::new(program("ingest")?);
    command.arg("--config").arg(config);
    Ok(command)
}

/// The edge's configuration; `limits` are lines of its section.
pub fn edge_config(directory: &Path, kafka: &Kafka, port: u16, limits: &str) -> anyhow::Result<PathBuf> {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[kafka]\nbootstrap = \"{}\"\n[keys]\ndevice_public = {:?}\n\
         [limits]\n{limits}[log]\nfilter = \"warn\"\n",
        kafka.bootstrap(),
        directory.join("device.pub.pem"),
    );
    let path = directory.join("ingest.toml");
    std::fs::write(&path, text).context("write the edge's configuration")?;
    Ok(path)
}
