//! The `registry` binary.

use anyhow::Context;
use clap::Parser;
use registry::cli::{Cli, Command};
use registry::config::Config;
use registry::{app, commands};
use runtime::shutdown::Shutdown;
use std::io::Write;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of reasons without a backtrace: these are answers to an operator. Nothing is left to do if
            // standard error is closed.
            drop(writeln!(std::io::stderr(), "registry: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.config.as_deref()).context("load the configuration")?;
    runtime::telemetry::init(&config.log)?;
    match cli.command {
        Command::Serve => Box::pin(app::run(config, Shutdown::on_signals()?)).await,
        _ => Box::pin(commands::run(&cli, config)).await,
    }
}
