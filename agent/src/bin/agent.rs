//! The reference client of the edge.

use agent::reference::app::{self, Agent};
use agent::reference::config::{Config, DEFAULTS, RawConfig};
use agent::reference::enrol::{self, Form};
use clap::{Parser, Subcommand};
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Measures this machine and posts to the edge.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Configuration file (TOML).
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Post until stopped; SIGTERM reports the shutdown and drains.
    Run {
        /// Scripted activity: lines of {"from_s": 60, "to_s": 1500, "app": "wps"} after the start.
        #[arg(long)]
        input: Option<PathBuf>,
    },
    /// One heartbeat and one burst, then whatever the spool holds.
    Once {
        /// Scripted activity.
        #[arg(long)]
        input: Option<PathBuf>,
    },
    /// Join with a code of the school's console, write the token, and print the device as JSON.
    Enrol(Form),
    /// Print what is in the spool, as JSON. Not while `run` is going on.
    Status,
}

/// Time between two looks at how long the token is still good.
const RENEW_EVERY: Duration = Duration::from_hours(6);

/// Machines run for months: their tokens are looked after meanwhile. The running agent takes a new one up when the edge
/// refuses the old one.
async fn renew_in_time(config: &Config, clock: &Clock) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        renew(config, clock).await;
    }
}

/// The old token is still good: what cannot be renewed now is renewed later.
async fn renew(config: &Config, clock: &Clock) {
    match enrol::renew_if_due(config, clock.now_ms()).await {
        Ok(true) => tracing::info!("the token is renewed"),
        Ok(false) => {}
        Err(error) => tracing::warn!(error = format!("{error:#}"), "the token is not renewed"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let raw: RawConfig = runtime::config::load("agent", DEFAULTS, args.config.as_deref())?;
    let config = Config::try_from(raw)?;
    runtime::telemetry::init(&config.log)?;
    let clock = Clock::from_config(&config.clock)?;
    match args.command {
        Command::Enrol(form) => Ok(writeln!(std::io::stdout(), "{}", enrol::enrol(&config, &form).await?)?),
        Command::Run { input } => {
            renew(&config, &clock).await;
            let agent = Agent::start(config.clone(), clock.clone(), input.as_deref())?;
            tokio::select! {
                done = agent.run(Shutdown::on_signals()?) => done,
                never = renew_in_time(&config, &clock) => match never {},
            }
        }
        Command::Once { input } => Agent::start(config, clock, input.as_deref())?.once().await,
        Command::Status => Ok(writeln!(std::io::stdout(), "{}", app::status(&config)?)?),
    }
}
