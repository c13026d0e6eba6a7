//! The processors with one mechanism broken: they commit what they have read before any of it is written.
//!
//! The negative control of `./classpulse chaos`: whoever kills such a process between the commit and the write loses
//! acknowledged events from the tables, and the oracle must say so. Everything else is the shipped code.

use clap::{Parser, Subcommand};
use processors::config::Config;
use processors::logic::worker::{Commit, Record};
use processors::source::kafka::KafkaLog;
use processors::worker::ports::{Appetite, Log, Polled, PortFault};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A log that commits what a poll brought as soon as it brought it.
struct CommitsEarly(KafkaLog);

impl Log for CommitsEarly {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        let mut next = BTreeMap::new();
        let polled = self.0.poll(appetite, &mut |record| {
            next.insert(record.partition, record.offset + 1);
            each(record);
        })?;
        let commit = |(partition, offset)| Commit { partition, offset, rewind_to: offset };
        let commits: Vec<Commit> = next.into_iter().map(commit).collect();
        if !commits.is_empty() {
            self.0.commit(&commits)?;
        }
        Ok(polled)
    }

    fn is_behind(&self) -> bool {
        self.0.is_behind()
    }

    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault> {
        self.0.start(from)
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        self.0.keep_alive()
    }

    fn commit(&mut self, _commits: &[Commit]) -> Result<(), PortFault> {
        Ok(())
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault> {
        self.0.release(partitions)
    }
}

/// The arguments of `processors`, for the launcher starts this in its place.
#[derive(Parser)]
#[command(name = "commit-early", about = "Processors that commit before they write; a negative control")]
struct Cli {
    /// Configuration file (TOML) over the embedded defaults.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the groups that the configuration chooses (the default).
    Run,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let Command::Run = cli.command.unwrap_or(Command::Run);
    let config = Config::load(cli.config.as_deref())?;
    runtime::telemetry::init(&config.log)?;
    let shutdown = runtime::shutdown::Shutdown::on_signals()?;
    processors::app::run_with(config, shutdown, CommitsEarly).await
}
