//! The edge's process.

use anyhow::Context;
use clap::Parser;
use ingest::config::{Config, RawConfig};
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes agents' posts and writes them to Kafka.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Configuration file; `config.default.toml` explains the keys.
    #[arg(long)]
    config: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let raw = RawConfig::load(args.config.as_deref())?;
    runtime::telemetry::init(&raw.log)?;
    ingest::app::run(Config::try_from(raw).context("use the configuration")?)
}
