//! Plays any number of virtual devices against an edge.

use agent::fleet::app;
use agent::fleet::config::{Config, DEFAULTS, RawConfig};
use clap::Parser;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::path::PathBuf;

/// Plays any number of virtual devices against an edge.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Configuration file (TOML).
    #[arg(long)]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let raw: RawConfig = runtime::config::load("fleet", DEFAULTS, args.config.as_deref())?;
    let config = Config::try_from(raw)?;
    runtime::telemetry::init(&config.log)?;
    let clock = Clock::from_config(&config.clock)?;
    app::run(config, clock, Shutdown::on_signals()?).await
}
