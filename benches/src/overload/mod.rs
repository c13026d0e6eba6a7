//! The edge under three times what it can take, for five minutes; and under one sender that posts a thousand times its
//! share.

mod fairness;
mod storm;

use crate::edge::kafka::Kafka;
use crate::edge::posts::Posts;
use crate::edge::process::Service;
use crate::edge::{self, fill, load};
use crate::report::Report;
use std::path::Path;
use std::time::Duration;
use storm::{Second, Storm};
use tokio::runtime::Runtime;

/// Devices in the registry topic, and of them those that post.
const DEVICES: u32 = 300_000;
const POSTING: u32 = 20_000;
/// The edge's peak is what so many connections get out of it in a closed loop.
const PEAK_CONNECTIONS: usize = 256;
/// Connections of the storm, each a sender that does not care about answers: so many that what waits for an answer
/// waits longer than the edge's target.
const STORM_CONNECTIONS: usize = 16_000;
/// Before the storm, the same connections post at this part of the peak, for so long: what they take at rest is no growth.
const CALM: f64 = 0.25;
const CALM_LASTING: Duration = Duration::from_secs(15);
/// Times the peak that is offered.
const FACTOR: f64 = 3.0;
/// How long.
const STORM: Duration = Duration::from_secs(300);
/// Half of the peak afterwards, until all is normal again, at most so long.
const AFTER: Duration = Duration::from_secs(60);
/// Normal: a second in which nothing is refused, and p99 is below this.
const NORMAL_P99_MS: f64 = 60.0;
/// Bytes in flight that the edge's configuration allows, and what the issue allows beside.
const BOUND_MB: f64 = 67.1 + 67.1;

/// Runs the measurements; `port_base` is the first port of the bench's own Kafka.
///
/// # Errors
/// A process cannot be started, or answers what it should not.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    edge::in_scratch("overload", |directory| measure(report, port_base, directory))
}

fn measure(report: &mut Report, port_base: u16, directory: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kafka = Kafka::start(port_base)?;
    fill::registry(kafka.bootstrap(), DEVICES)?;
    let address = port_base + 30;
    let config = edge::edge_config(directory, &kafka, address, edge::UNLIMITED)?;
    let posts = Posts::spread(directory, DEVICES, POSTING)?;
    let service = Service::start(&mut edge::edge_command(&config)?, address, "/readyz")?;
    overload(report, &runtime, &service, &posts)?;
    drop(service);
    let config = edge::edge_config(directory, &kafka, address, "")?;
    let service = Service::start(&mut edge::edge_command(&config)?, address, "/readyz")?;
    fairness::measure(report, &runtime, &service, directory)
}

fn overload(report: &mut Report, runtime: &Runtime, service: &Service, posts: &Posts) -> anyhow::Result<()> {
    let closed = || runtime.block_on(load::closed(service, posts, PEAK_CONNECTIONS));
    let peak = closed()?.rate();
    report.figure("peak: 256 connections", peak, "posts/s", None);
    let idle = service.process().resident()?;
    let calm = Storm { connections: STORM_CONNECTIONS, rate: CALM * peak, lasting: CALM_LASTING };
    runtime.block_on(calm.run(service, posts))?;
    let before = service.process().peak()?;
    let connection = (before - idle) / 1e3 / STORM_CONNECTIONS as f64;
    report.figure("a quarter of the peak over the storm's connections: memory of one", connection, "kB", None);
    let storm = Storm { connections: STORM_CONNECTIONS, rate: FACTOR * peak, lasting: STORM };
    let seconds = runtime.block_on(storm.run(service, posts))?;
    let (answered, accepted) = (mean(&seconds, Second::asked), mean(&seconds, Second::accepted));
    report.figure("storm: posts due", FACTOR * peak, "posts/s", None);
    report.figure("storm: answered", answered, "posts/s", None);
    report.figure("storm: accepted", accepted, "posts/s", None);
    let growth = (service.process().peak()? - before) / 1e6;
    report.figure("storm: memory above that, peak", growth, "MB", Some(BOUND_MB));
    after_the_storm(report, runtime, service, posts, peak)?;
    // On a shared machine either of the two may have been disturbed.
    let peak = peak.max(closed()?.rate());
    report.figure("storm: peak (before or after) / accepted", peak / accepted, "x", Some(1.0 / 0.9));
    Ok(())
}

fn after_the_storm(
    report: &mut Report,
    runtime: &Runtime,
    service: &Service,
    posts: &Posts,
    peak: f64,
) -> anyhow::Result<()> {
    let after = Storm { connections: PEAK_CONNECTIONS, rate: peak / 2.0, lasting: AFTER };
    let seconds = runtime.block_on(after.run(service, posts))?;
    let normal = seconds.iter().position(|second| second.is_normal(NORMAL_P99_MS));
    let normal = normal.map_or(f64::INFINITY, |second| second as f64 + 1.0);
    report.figure("afterwards: normal again within", normal, "s", Some(30.0));
    Ok(())
}

fn mean(seconds: &[Second], count: impl Fn(&Second) -> usize) -> f64 {
    seconds.iter().map(count).sum::<usize>() as f64 / seconds.len().max(1) as f64
}
