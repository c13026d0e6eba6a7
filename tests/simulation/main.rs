//! `./classpulse test simulation`: many seeds, every negative control, every reproduction.
#![allow(clippy::print_stdout, reason = "its report is what it is for")]

use anyhow::Context;
use clap::Parser;
use simulation::controls::CONTROLS;
use simulation::coverage::{Coverage, HAPPENINGS};
use simulation::draw::scenario;
use simulation::reproductions;
use simulation::shrink::as_code;
use simulation::suite::{self, CONTROL_SEEDS, Report};
use simulation::world;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// Seeds to run.
    #[arg(long, env = "SEEDS", default_value_t = 20_000)]
    seeds: u64,
    /// First seed.
    #[arg(long, env = "SEED", default_value_t = 0)]
    seed: u64,
    /// Prints the operations of the first seed, too.
    #[arg(long)]
    show: bool,
}

/// Seeds from which on everything that can happen must have happened.
const ENOUGH: u64 = 2_000;

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    fn count(&mut self, passed: bool) -> &'static str {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
        if passed { "ok" } else { "FAILED" }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut tally = Tally::default();
    if arguments.show {
        println!("{}", as_code(&scenario(arguments.seed)));
    }
    replay(&mut tally)?;
    play_controls(&mut tally)?;
    let began = Instant::now();
    let end = arguments.seed.saturating_add(arguments.seeds);
    let report = suite::explore(arguments.seed, end, None).context("explore")?;
    let took = began.elapsed().as_secs_f64();
    print_failures(&report);
    print_coverage(&report.coverage, report.seeds, &mut tally);
    let verdict = tally.count(report.failures.is_empty());
    println!(
        "seeds {} to {}: {} runs, {} operations, {took:.1} s, {:.0} seeds/s: {verdict}",
        arguments.seed,
        end.saturating_sub(1),
        report.seeds,
        report.ops,
        report.seeds as f64 / took,
    );
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

fn replay(tally: &mut Tally) -> anyhow::Result<()> {
    let definitions = world::definitions()?;
    println!("reproductions");
    for one in reproductions::all() {
        let violation = world::run(&one.scenario, &definitions, None).violation;
        let verdict = tally.count(violation.is_none());
        println!("  {:<70} {:>3} ops  {verdict}", one.finding, one.scenario.ops.len());
        if let Some(violation) = violation {
            println!("    {:?}: {}", violation.property, violation.what);
        }
    }
    Ok(())
}

fn play_controls(tally: &mut Tally) -> anyhow::Result<()> {
    println!("negative controls: each must be red within {CONTROL_SEEDS} seeds");
    println!("  {:<46} {:>5}  {:<26} {:>6}", "mechanism that is broken", "seeds", "property violated", "shrunk");
    for (control, name, reasons) in CONTROLS {
        let Some(red) = suite::play(*control)? else {
            println!("  {name:<46} {:>5}  {:<26} {}", "-", "none", tally.count(false));
            continue;
        };
        let verdict = tally.count(reasons.contains(&red.property));
        let (violated, ops) = (format!("{:?}", red.property), red.shrunk.ops.len());
        println!("  {name:<46} {:>5}  {violated:<26} {ops:>3} ops  red: {verdict}", red.seeds);
        if !reasons.contains(&red.property) {
            println!("    expected {reasons:?}: {}\n{}", red.what, as_code(&red.shrunk));
        }
    }
    Ok(())
}

fn print_failures(report: &Report) {
    for failure in &report.failures {
        println!("seed {} violates {:?}: {}", failure.seed, failure.property, failure.what);
        println!("shrunk, for tests/simulation/src/reproductions.rs:\n{}", as_code(&failure.shrunk));
    }
}

fn print_coverage(coverage: &Coverage, seeds: u64, tally: &mut Tally) {
    println!("what happened");
    for (happening, text) in HAPPENINGS {
        println!("  {:>9}  {text}", coverage.of(*happening));
    }
    if seeds >= ENOUGH {
        let never = HAPPENINGS.iter().filter(|(happening, _)| coverage.of(*happening) == 0);
        let never: Vec<_> = never.map(|(_, text)| *text).collect();
        let verdict = tally.count(never.is_empty());
        println!("everything that can happen happened: {verdict} {never:?}");
    }
}
