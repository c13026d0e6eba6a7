//! `processors rebuild`: folds the log again into tables of its own, compares them with what readers read, and swaps
//! readers to them on request. Nothing that is live waits for it: the set has its own tables and its own group.

mod archive;
mod compare;
mod cpu;
mod fold;
mod report;
mod run;
mod swap;

use crate::config::Config;
use crate::console;
use crate::logic::cli::DayRange;
use crate::logic::sets::Origin;
use crate::sets::book::SetBook;
use anyhow::Context;
use clap::{Args, Subcommand};
use runtime::clock::Clock;
use schemas::definitions::CURRENT_TOML;
use schemas::rows::ReadersRow;
use schemas::sets::SetName;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `rebuild` is given.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Rebuild {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    options: Options,
}

/// What to fold, and by what.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Only these local days, both inclusive
    #[arg(long, value_name = "A..B")]
    pub days: Option<DayRange>,
    /// Where events come from: Kafka from offset 0, or events_raw and then Kafka
    #[arg(long, value_name = "SOURCE", default_value = "kafka")]
    pub from: Origin,
    /// Other definitions; what the file leaves out stays as it is (`rebuild definitions` prints the present ones)
    #[arg(long, value_name = "FILE")]
    pub definitions: Option<PathBuf>,
    /// Then let readers read the new tables
    #[arg(long)]
    pub swap: bool,
    /// Name of the set; one that was cut off goes on. Without it: r1, r2, …
    #[arg(long)]
    pub name: Option<String>,
    /// Threads that fold
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threads: u8,
    /// Memory for ledgers
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub memory_mb: usize,
    /// The result as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The sets, and which one readers read
    List {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Let readers read a set's tables (`live`: the first ones again); it is kept live from then on
    Swap {
        /// Its name
        name: String,
    },
    /// Compare a set with what readers read, again
    Compare {
        /// Its name
        name: String,
        /// Only these local days
        #[arg(long, value_name = "A..B")]
        days: Option<DayRange>,
        /// The result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove a set and its tables
    Drop {
        /// Its name
        name: String,
    },
    /// Print the definitions that readers read by: edit a copy, and rebuild with it
    Definitions,
}

/// What every part of a rebuild needs.
pub(crate) struct Workshop {
    config: Arc<Config>,
    clock: Clock,
    book: SetBook,
}

/// What readers read now.
struct Reading {
    row: Option<ReadersRow>,
    name: SetName,
    /// Its definitions, TOML.
    text: String,
}

impl Rebuild {
    /// Runs the command; false if tables differ.
    ///
    /// # Errors
    /// It cannot be done.
    pub async fn run(self, config: Config) -> anyhow::Result<bool> {
        let clock = Clock::from_config(&config.clock)?;
        let book = SetBook::new(&config.clickhouse);
        let workshop = Workshop { config: Arc::new(config), clock, book };
        match self.action {
            None => run::run(&workshop, self.options).await,
            Some(Action::List { json }) => report::list(&workshop, json).await.map(|()| true),
            Some(Action::Swap { name }) => swap::swap(&workshop, &set_name(&name)?).await.map(|()| true),
            Some(Action::Compare { name, days, json }) => run::compare(&workshop, &set_name(&name)?, days, json).await,
            Some(Action::Drop { name }) => swap::drop_set(&workshop, &set_name(&name)?).await.map(|()| true),
            Some(Action::Definitions) => {
                console::print(workshop.reading().await?.text.trim_end());
                Ok(true)
            }
        }
    }
}

impl Workshop {
    async fn reading(&self) -> anyhow::Result<Reading> {
        let row = self.book.readers().await.context("read what readers read")?;
        let name = row.as_ref().and_then(|row| SetName::parse(&row.set_name)).unwrap_or_else(SetName::live);
        let text = row.as_ref().map_or(CURRENT_TOML, |row| &row.definitions).to_owned();
        Ok(Reading { row, name, text })
    }

    async fn set(&self, name: &SetName) -> anyhow::Result<crate::logic::sets::MadeSet> {
        let sets = self.book.sets().await.context("read the ledger sets")?;
        sets.into_iter().find(|set| set.name == *name).with_context(|| format!("there is no set {name}: rebuild list"))
    }
}

fn set_name(text: &str) -> anyhow::Result<SetName> {
    SetName::parse(text).with_context(|| format!("{text:?} is no name of a set: a letter, then letters and digits"))
}

/// Wall time: sets are made and swapped by people.
fn wall_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
