//! The command line.

use crate::corrections::CorrectCommand;
use crate::logic::import::Kind;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Control plane of ClassPulse: schools, classes, devices, where they belong, and their tokens.
#[derive(Debug, Parser)]
#[command(name = "registry", version)]
pub struct Cli {
    /// Configuration, TOML; without it, the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish what changes, and answer the admin API, devices that join, /livez, /readyz and /metrics.
    Serve,
    /// Fill the store with a fictitious province, and write the fleet's file. Does nothing to a seeded store.
    Seed(SeedArgs),
    /// Print a token.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Move something to another place, from the next midnight on (after 23:00: the one after).
    #[command(subcommand)]
    Move(MoveCommand),
    /// Change the state of a device.
    Device {
        /// Device number.
        no: u32,
        /// `in_service`, `suspended` or `retired`.
        #[arg(long, value_parser = state)]
        state: schemas::registry::DeviceState,
    },
    /// Make all tokens so far worthless, and print a new one.
    #[command(subcommand)]
    Rotate(DeviceCommand),
    /// Make all tokens worthless.
    #[command(subcommand)]
    Revoke(DeviceCommand),
    /// Print what is known, as JSON.
    #[command(subcommand)]
    Show(DeviceCommand),
    /// Make the first administrator of the province, and print the first password. Refuses while there is one.
    Bootstrap {
        /// What to log in with.
        #[arg(long)]
        login: String,
        /// Real name.
        #[arg(long)]
        name: String,
    },
    /// Print another first password for an account, and take its second factor away: for the administrator above whom there
    /// is nobody.
    Rescue {
        /// What it logs in with.
        #[arg(long)]
        login: String,
    },
    /// Add and change the schools or devices of a CSV or XLSX file, known by their codes; what was cut off is started again
    /// with the same file.
    Import(ImportArgs),
    /// Write the schools or devices of the schools that an area manages directly.
    Export(ExportArgs),
    /// Correct days that have begun: one person proposes, another one decides; the terminal is one of them.
    #[command(subcommand)]
    Correct(CorrectCommand),
    /// Ask any route of the admin API, e.g. `call get areas/440106/schools?status=suspended`, `call post schools/7/status
    /// '{"status": "suspended"}'`.
    Call(CallArgs),
    /// Publish the present value of everything again.
    Republish,
    /// Walk the audit log, and fail where it is not as it was written.
    VerifyAudit,
}

/// What to ask.
#[derive(Debug, clap::Args)]
pub struct CallArgs {
    /// What to do there.
    #[arg(value_enum)]
    pub method: CallMethod,
    /// The route, without `/v1/admin/`; docs/registry.md lists them.
    pub path: String,
    /// JSON, or a file's text for an import; `-`: standard input.
    pub body: Option<String>,
    /// Change only what has this tag; without it, whatever is there.
    #[arg(long, value_name = "ETAG")]
    pub if_match: Option<String>,
    /// As whom.
    #[arg(long, value_parser = role, default_value = "province_admin")]
    pub role: schemas::token::Role,
    /// Code of an area (440106), school (s1024) or class (c77).
    #[arg(long, default_value = "440000")]
    pub scope: String,
}

/// Methods of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CallMethod {
    /// Read.
    Get,
    /// Add, or act.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl CallMethod {
    /// As HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CallMethod::Get => "GET",
            CallMethod::Post => "POST",
            CallMethod::Put => "PUT",
            CallMethod::Patch => "PATCH",
            CallMethod::Delete => "DELETE",
        }
    }
}

/// What to generate.
#[derive(Debug, clap::Args)]
pub struct SeedArgs {
    /// Number of schools.
    #[arg(long, default_value_t = crate::logic::generator::DEFAULT_SCHOOLS)]
    pub schools: u32,
    /// The day on which histories end; today by the clock if absent.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub today: Option<schemas::time::Day>,
    /// Devices of each school; 3 to 12 classes with a device each if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub devices_per_school: Option<u32>,
    /// Seed: the same one makes the same province.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Replace what is there.
    #[arg(long)]
    pub force: bool,
    /// Publish everything again if the store was seeded before: the topics are new.
    #[arg(long)]
    pub republish: bool,
}

/// What to take.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The file; its columns are those of an export.
    pub file: PathBuf,
    /// What it lists.
    #[arg(long, value_enum, default_value = "schools")]
    pub kind: Kind,
    /// Only below this area.
    #[arg(long, default_value_t = 440_000)]
    pub area: u32,
    /// Change nothing, only tell.
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing if a line is refused; for files of up to 50,000 lines.
    #[arg(long, conflicts_with = "dry_run")]
    pub all_or_nothing: bool,
}

/// What to write.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The file: `.xlsx`, or CSV.
    pub file: PathBuf,
    /// What it is to list.
    #[arg(long, value_enum, default_value = "schools")]
    pub kind: Kind,
    /// Whose schools.
    #[arg(long, default_value_t = 440_000)]
    pub area: u32,
    /// Only the header: what an import is written into.
    #[arg(long)]
    pub template: bool,
}

/// Whose token.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// A device's.
    Device {
        /// Device number.
        no: u32,
    },
    /// A user's.
    User {
        /// province_admin, city_admin, county_admin, school_admin, class_teacher, analyst or data_team.
        #[arg(long, value_parser = role)]
        role: schemas::token::Role,
        /// Code of an area (440106), school (s1024) or class (c77).
        #[arg(long)]
        scope: String,
        /// Display name.
        #[arg(long)]
        name: Option<String>,
    },
}

/// What to move.
#[derive(Debug, Subcommand)]
pub enum MoveCommand {
    /// A device.
    Device {
        /// Device number.
        no: u32,
        /// School number.
        #[arg(long)]
        school: u32,
        /// Class number, 0: none.
        #[arg(long)]
        class: u32,
    },
}

/// A device.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// A device.
    Device {
        /// Device number.
        no: u32,
    },
}

impl DeviceCommand {
    /// The device's number.
    #[must_use]
    pub fn no(&self) -> u32 {
        let DeviceCommand::Device { no } = self;
        *no
    }
}

fn day(text: &str) -> Result<schemas::time::Day, String> {
    schemas::time::Day::parse(text).ok_or_else(|| "give a day as YYYY-MM-DD".to_owned())
}

fn state(text: &str) -> Result<schemas::registry::DeviceState, String> {
    schemas::registry::DeviceState::parse(text).ok_or_else(|| "in_service, suspended or retired".to_owned())
}

fn role(text: &str) -> Result<schemas::token::Role, String> {
    crate::logic::grant::role(text).ok_or_else(|| {
        let names: Vec<_> = crate::logic::grant::ROLES.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}
