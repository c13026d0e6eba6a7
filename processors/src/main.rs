//! The processors: `processors [--config FILE] [run|migrate]`.

use clap::{Parser, Subcommand};
use processors::config::Config;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "processors", about = "Folds the event log into ClickHouse")]
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
    /// Brings the tables up to date, then ends.
    Migrate,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let config = Config::load(cli.config.as_deref())?;
    runtime::telemetry::init(&config.log)?;
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => processors::app::run(config, runtime::shutdown::Shutdown::on_signals()?).await,
        Command::Migrate => Ok(processors::migrate::run(&config.clickhouse).await?),
    }
}
