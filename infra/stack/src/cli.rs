//! The command line.

use crate::logic::clock::ClockStart;
use crate::logic::plan::{Kind, MOST_INSTANCES};
use clap::{Args, Parser, Subcommand};

/// Port base of a stack that is given none.
pub const DEFAULT_PORT_BASE: u16 = 8700;

/// Runs the local stack of ClassPulse.
#[derive(Debug, Parser)]
#[command(name = "classpulse", bin_name = "./classpulse", disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One of the launcher's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything and play a history; Ctrl-C stops it
    Up(UpOptions),
    /// The launcher itself, as `up --detach` starts it
    #[command(hide = true)]
    Launch(UpOptions),
    /// Stop everything; the data stay
    Down(Target),
    /// Stop one service
    Stop(OneService),
    /// Start one service that was stopped, or one more instance of ingest, processors or query-api
    Start(OneService),
    /// More partitions, by a new topic: edges change over, the old topic is drained, processors change over
    ///
    /// A topic's own partitions never change, for all of a school's events must be in one log. Every step may be
    /// interrupted; the same command goes on where it was.
    Grow(GrowOptions),
    /// What runs, and how it is
    Status(Target),
    /// Print the services' logs
    Logs(LogOptions),
    /// Print a token
    Token(TokenOptions),
    /// Fold the log again, compare, swap what readers read (`rebuild --help`)
    #[command(disable_help_flag = true)]
    Rebuild(Words),
    /// Dead letters and rejected events (`dead --help`)
    #[command(disable_help_flag = true)]
    Dead(Words),
    /// Compare school rows with their device rows (`audit --help`)
    #[command(disable_help_flag = true)]
    Audit(Words),
    /// Corrections that reach back (`corrections --help`)
    #[command(disable_help_flag = true)]
    Corrections(Words),
    /// The reference client on this machine, pointed at the stack (`agent --help`)
    #[command(disable_help_flag = true)]
    Agent(Words),
    /// The registry's own commands, e.g. `registry show device 12` (`registry --help`)
    #[command(disable_help_flag = true)]
    Registry(Words),
    /// Remove all data of a stack that is down
    Reset(Target),
}

/// Which of several stacks of this checkout is meant.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// First of the stack's ports; another base than 8700 keeps its files in `var/<base>`
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    pub port_base: Option<u16>,
}

/// How to bring a stack up.
#[derive(Clone, Debug, Args)]
pub struct UpOptions {
    /// Return once everything is ready and the history is played
    #[arg(long)]
    pub detach: bool,
    /// Schools of the province that is made at the first start
    #[arg(long, value_name = "N", default_value_t = 160, value_parser = clap::value_parser!(u32).range(1..=30_000))]
    pub schools: u32,
    /// School days of history that the fleet plays before it goes on live
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=45))]
    pub days: u32,
    /// Start of the services' clock, and virtual seconds per second: 2026-11-20T09:00 (Shanghai), 2026-11-20T09:00@60
    #[arg(long, value_name = "START[@SPEED]")]
    pub clock: Option<ClockStart>,
    /// No history and no live posts: only the seeded registry, for clients of one's own
    #[arg(long)]
    pub no_fleet: bool,
    /// Leave a service that died as it is
    #[arg(long)]
    pub no_restart: bool,
    /// Start only these: kafka, clickhouse, registry, ingest, processors, query-api, fleet
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub only: Option<Vec<Kind>>,
    /// The fleet writes what it sends and what becomes of it to fleet/journal.ndjson, for `./classpulse oracle`
    #[arg(long)]
    pub journal: bool,
    /// Keep the registry's store in this PostgreSQL database instead of SQLite's file: postgres://USER@HOST:PORT/NAME
    ///
    /// It has to be there (PostgreSQL 14 or later, UTF8); tables are made in it. Remembered as long as the stack has data.
    /// The password is better given as PGPASSWORD, or in ~/.pgpass.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// More than one instance of a service, e.g. ingest=2 (ingest, processors, query-api)
    #[arg(long, value_name = "SERVICE=N")]
    pub scale: Vec<Scale>,
    /// Which stack.
    #[command(flatten)]
    pub target: Target,
}

/// `SERVICE=N` of `--scale`.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The service.
    pub kind: Kind,
    /// How many of it.
    pub instances: u16,
}

impl std::str::FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Scale, String> {
        let (kind, instances) = text.split_once('=').ok_or("expected SERVICE=N")?;
        let kind: Kind = kind.parse()?;
        if !kind.scales() {
            return Err(format!("there is one {kind} only"));
        }
        match instances.parse() {
            Ok(instances) if (1..=MOST_INSTANCES).contains(&instances) => Ok(Scale { kind, instances }),
            _ => Err(format!("expected 1 to {MOST_INSTANCES} instances")),
        }
    }
}

/// One service of one stack.
#[derive(Clone, Debug, Args)]
pub struct OneService {
    /// Its name in `status`, e.g. kafka or ingest-2
    pub service: String,
    /// Which stack.
    #[command(flatten)]
    pub target: Target,
}

/// How far to grow.
#[derive(Clone, Debug, Args)]
pub struct GrowOptions {
    /// Partitions of the new topic; more than the present one has
    #[arg(long, value_name = "N")]
    pub partitions: i32,
    /// Which stack.
    #[command(flatten)]
    pub target: Target,
}

/// Words that the processors' own command understands; `--port-base P` among them is the launcher's.
#[derive(Clone, Debug, Args)]
pub struct Words {
    /// As the service takes them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Which logs to print.
#[derive(Clone, Debug, Args)]
pub struct LogOptions {
    /// One service's log only; `launcher` is one, too
    pub service: Option<String>,
    /// Go on printing as lines are written
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines of each log
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub lines: usize,
    /// Which stack.
    #[command(flatten)]
    pub target: Target,
}

/// Whose token.
#[derive(Clone, Debug, Args)]
pub struct TokenOptions {
    /// The token's kind.
    #[command(subcommand)]
    pub token: Token,
    /// Which stack.
    #[arg(long, global = true, value_name = "P")]
    pub port_base: Option<u16>,
}

/// The two kinds of token (CONTRACT section 5).
#[derive(Clone, Debug, Subcommand)]
pub enum Token {
    /// A device's
    Device {
        /// The device's number
        number: u32,
    },
    /// A user's
    User {
        /// e.g. county_admin
        #[arg(long)]
        role: String,
        /// 440106, s1024 or c77
        #[arg(long)]
        scope: String,
    },
}
