//! `processors dead`: what could not be folded and what was rejected; puts records back after a fix.

mod redrive;
mod show;
mod topic;

use crate::config::Config;
use crate::logic::dead::LetterId;
use clap::{Args, Subcommand};

/// What `dead` is given.
#[derive(Debug, Args)]
pub struct Dead {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The dead letters and the rejected events, oldest first
    List(List),
    /// One letter: where it came from, why, its bytes, and what can be decoded of them
    Show {
        /// As `dead list` prints it, e.g. dead/0/17
        id: LetterId,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Put records back into their topic, with the same key and the same bytes; their events count once
    Redrive(Redrive),
}

/// Which letters to list.
#[derive(Debug, Args)]
struct List {
    /// Only dead letters
    #[arg(long, conflicts_with = "rejected")]
    dead: bool,
    /// Only rejected events
    #[arg(long)]
    rejected: bool,
    /// Only those of this reason or code
    #[arg(long)]
    reason: Option<String>,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

/// Which letters to put back.
#[derive(Debug, Args)]
struct Redrive {
    /// As `dead list` prints them
    #[arg(required_unless_present = "all")]
    ids: Vec<LetterId>,
    /// Every dead letter that was not put back yet
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// With --all: only those of this reason
    #[arg(long, requires = "all")]
    reason: Option<String>,
    /// Also what was put back before
    #[arg(long)]
    again: bool,
    /// Also what this build cannot decode
    #[arg(long)]
    force: bool,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

impl Dead {
    /// Runs the command; false if a letter was not put back.
    ///
    /// # Errors
    /// Kafka is away, or there is no such letter.
    pub async fn run(self, config: Config) -> anyhow::Result<bool> {
        let blocking = move || match self.action {
            Action::List(list) => show::list(&config.kafka, &list).map(|()| true),
            Action::Show { id, json } => show::show(&config.kafka, id, json).map(|()| true),
            Action::Redrive(redrive) => redrive::redrive(&config.kafka, config.events.topic, &redrive),
        };
        tokio::task::spawn_blocking(blocking).await?
    }
}
