//! The processors: `processors [--config FILE] [run|migrate|rebuild|dead|audit|corrections]`.

use clap::{Parser, Subcommand};
use processors::config::Config;
use processors::corrections::List;
use processors::dead::Dead;
use processors::rebuild::Rebuild;
use processors::roll::Audit;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "processors", about = "Folds the event log into ClickHouse", disable_help_subcommand = true)]
struct Cli {
    /// Configuration file (TOML) over the embedded defaults.
    #[arg(long, global = true, hide_short_help = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the groups that the configuration chooses (the default).
    Run,
    /// Brings the tables up to date, then ends.
    Migrate,
    /// Fold the log again into tables of its own, compare them with what readers read, swap readers to them
    Rebuild(Rebuild),
    /// Dead letters and rejected events: list, show, put back
    Dead(Dead),
    /// Compare every school's rows with the sums of its device rows; sum areas; write what late events changed
    Audit(Audit),
    /// Corrections that reach back, and whether their days are rebuilt
    Corrections(List),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            processors::console::tell(&format!("processors: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// False: it was done, and what it found is not well.
async fn run(cli: Cli) -> anyhow::Result<bool> {
    let mut config = Config::load(cli.config.as_deref())?;
    let command = cli.command.unwrap_or(Command::Run);
    if !matches!(command, Command::Run | Command::Migrate) {
        // People read what commands print; a log between the lines is for what goes wrong.
        "warn,librdkafka=off,rdkafka=off".clone_into(&mut config.log.filter);
    }
    runtime::telemetry::init(&config.log)?;
    match command {
        Command::Run => processors::app::run(config, runtime::shutdown::Shutdown::on_signals()?).await.map(|()| true),
        Command::Migrate => Ok(processors::migrate::run(&config.clickhouse).await.map(|()| true)?),
        Command::Rebuild(rebuild) => rebuild.run(config).await,
        Command::Dead(dead) => dead.run(config).await,
        Command::Audit(audit) => audit.run(config).await,
        Command::Corrections(list) => list.run(config).await,
    }
}
