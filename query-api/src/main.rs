//! `query-api`: answers scoped questions from ClickHouse.

use clap::Parser;
use query_api::{app, config};
use runtime::shutdown::Shutdown;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers scoped questions from ClickHouse.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Configuration file (TOML).
    #[arg(long)]
    config: Option<PathBuf>,
    /// Prints the OpenAPI document and exits.
    #[arg(long)]
    print_openapi: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if args.print_openapi {
        use std::io::Write;
        return Ok(writeln!(std::io::stdout(), "{}", query_api::http::openapi_json()?)?);
    }
    let config = config::load(args.config.as_deref())?;
    runtime::telemetry::init(&config.log)?;
    app::run(config, Shutdown::on_signals()?).await
}
