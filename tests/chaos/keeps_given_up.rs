//! The processors with one mechanism broken: they keep the ledgers of a partition that they gave up, and fold on them
//! when it comes back, without a load.
//!
//! The negative control of `tests/chaos/scaling.py`: what another owner folded meanwhile is missing from such ledgers,
//! and the oracle must say so. Everything else is the shipped code.

use clap::Parser;
use processors::config::Config;
use processors::logic::worker::{Commit, Record};
use processors::source::kafka::KafkaLog;
use processors::worker::ports::{Appetite, Log, Polled, PortFault};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A log that says nothing to the worker of what it gives up and gets back.
struct KeepsGivenUp {
    log: KafkaLog,
    kept: BTreeSet<i32>,
    /// Assigned again, to be read on from the committed offset.
    returning: Vec<(i32, i64)>,
}

impl KeepsGivenUp {
    fn new(log: KafkaLog) -> KeepsGivenUp {
        KeepsGivenUp { log, kept: BTreeSet::new(), returning: Vec::new() }
    }

    fn give_up(&mut self, partitions: Vec<i32>) -> Result<(), PortFault> {
        self.log.release(&partitions)?;
        self.kept.extend(partitions);
        Ok(())
    }
}

impl Log for KeepsGivenUp {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        match self.log.poll(appetite, each)? {
            Polled::Revoked(partitions) => self.give_up(partitions).map(|()| Polled::Records(0)),
            Polled::Assigned(assigned) => {
                let (back, new): (Vec<_>, Vec<_>) =
                    assigned.into_iter().partition(|one| self.kept.contains(&one.partition));
                self.returning = back.iter().map(|one| (one.partition, one.committed.unwrap_or(0))).collect();
                Ok(Polled::Assigned(new))
            }
            other => Ok(other),
        }
    }

    fn is_behind(&self) -> bool {
        self.log.is_behind()
    }

    fn start(&mut self, from: &[(i32, i64)]) -> Result<(), PortFault> {
        let from: Vec<_> = from.iter().copied().chain(self.returning.drain(..)).collect();
        self.log.start(&from)
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        match self.log.keep_alive()? {
            Some(Polled::Revoked(partitions)) => self.give_up(partitions).map(|()| None),
            other => Ok(other),
        }
    }

    fn commit(&mut self, commits: &[Commit]) -> Result<(), PortFault> {
        self.log.commit(commits)
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), PortFault> {
        self.log.release(partitions)
    }
}

/// The arguments of `processors`, for the launcher starts this in its place.
#[derive(Parser)]
#[command(name = "keeps-given-up", about = "Processors that fold on ledgers they gave up; a negative control")]
struct Cli {
    /// Configuration file (TOML) over the embedded defaults.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::load(Cli::parse().config.as_deref())?;
    runtime::telemetry::init(&config.log)?;
    let shutdown = runtime::shutdown::Shutdown::on_signals()?;
    processors::app::run_with(config, shutdown, KeepsGivenUp::new).await
}
