//! `bench`: the load harness. Every figure is printed with its workload, machine and commit; none is a timed test.

mod api;
mod edge;
mod freshness;
mod import;
mod launcher;
mod log;
mod overload;
mod percentile;
mod process;
mod processors;
mod rebuild;
mod registry;
mod report;

use anyhow::Context;
use clap::Parser;
use report::Report;
use std::path::PathBuf;

/// Measures ClassPulse on this machine.
#[derive(Parser)]
struct Options {
    /// What to measure; all of it if absent.
    name: Option<String>,
    /// Also write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// First of the ports that the bench's own stack takes.
    #[arg(long, default_value_t = 28_700)]
    port_base: u16,
}

/// A measurement: fills the report, given the first port it may use for its own stack.
type Bench = fn(&mut Report, u16) -> anyhow::Result<()>;

/// In the order in which they run.
const BENCHES: &[(&str, &str, Bench)] = &[
    ("edge", "CPU per post, latency, memory, Kafka away; beside a plain Rust edge", edge::run),
    (
        "overload",
        "three times what the edge can take, five minutes; one sender with a thousand times its share",
        overload::run,
    ),
    ("api", "p95 over 200,000 devices x 30 days, beside the same SQL straight to ClickHouse", api::run),
    ("freshness", "sent to queryable at 2,000 posts/s, everything on this machine", freshness::run),
    (
        "rebuild",
        "a school day of 60,000 devices folded again, while 1,000 posts/s go through the same stack",
        rebuild::run,
    ),
    (
        "registry",
        "lists and filters over 30,000 schools, durable enrolments, revocation to the edge's refusal",
        registry::run,
    ),
    ("import", "30,000 schools and 3,000,000 devices from files: time and memory", import::run),
    ("processors", "catching up, restart after a crash, memory and disk of a device-day", processors::run),
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut report = Report::new()?;
    let chosen: Vec<_> =
        BENCHES.iter().filter(|(name, ..)| options.name.as_deref().is_none_or(|wanted| wanted == *name)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no such bench; there are: {}", names());
    for (name, about, bench) in chosen {
        report.section(name, about);
        bench(&mut report, options.port_base).with_context(|| format!("run bench {name}"))?;
    }
    report.finish(options.json.as_deref())
}

fn names() -> String {
    BENCHES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}
