//! `registry correct …`: corrections of days that have begun, from the terminal, which is one of the two people.

use crate::logic::correction::{AreaCorrectionForm, Days, DeviceCorrectionForm, SchoolCorrectionForm, What};
use crate::logic::tag::Expected;
use crate::store::{Actor, Decision, Store};
use clap::{Args, Subcommand};

/// What to correct, or to decide about.
#[derive(Debug, Subcommand)]
pub enum CorrectCommand {
    /// Propose that a device was in another class or school, or in another state
    Device {
        /// Device number.
        no: u32,
        /// The school in which it was.
        #[arg(long, requires = "class")]
        school: Option<u32>,
        /// The class in which it was, 0: none.
        #[arg(long, required_unless_present = "state")]
        class: Option<u32>,
        /// `in_service`, `suspended` or `retired`.
        #[arg(long, conflicts_with = "class")]
        state: Option<String>,
        /// Which days, and why.
        #[command(flatten)]
        days: DaysArgs,
    },
    /// Propose that a school was in another status, under another area, closed, or open after all
    School {
        /// School number.
        no: u32,
        /// `normal` or `suspended`.
        #[arg(long)]
        status: Option<String>,
        /// Code of the area.
        #[arg(long)]
        division: Option<u32>,
        /// Name of the closure.
        #[arg(long)]
        closure: Option<String>,
        /// There was school after all.
        #[arg(long)]
        reopened: bool,
        /// Which days, and why.
        #[command(flatten)]
        days: DaysArgs,
    },
    /// Propose that there was no school in an area, or that there was after all
    Area {
        /// Its code.
        code: u32,
        /// Name of the closure.
        #[arg(long, required_unless_present = "reopened")]
        closure: Option<String>,
        /// There was school after all.
        #[arg(long, conflicts_with = "closure")]
        reopened: bool,
        /// Which days, and why.
        #[command(flatten)]
        days: DaysArgs,
    },
    /// Approve what somebody else has proposed
    Approve {
        /// Number of the correction.
        no: u32,
    },
    /// Refuse what somebody else has proposed
    Refuse {
        /// Number of the correction.
        no: u32,
    },
    /// Print a correction, as JSON
    Show {
        /// Number of the correction.
        no: u32,
    },
}

/// Which days, and why.
#[derive(Debug, Args)]
pub struct DaysArgs {
    /// First day; it has begun.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: String,
    /// Last day, today at the latest; without it: it goes on, a closure or its end: the first day alone.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// Proposes or decides; gives the correction as JSON.
///
/// # Errors
/// It is not possible, or needs somebody else.
pub async fn run(store: &Store, now_ms: i64, command: &CorrectCommand) -> anyhow::Result<String> {
    let actor = Actor::terminal(now_ms);
    let decide = async |no: u32, decision| store.decide_correction(&actor, no, &Expected::Any, decision).await;
    let view = match command {
        CorrectCommand::Approve { no } => decide(*no, Decision::Approve).await?,
        CorrectCommand::Refuse { no } => decide(*no, Decision::Refuse).await?,
        CorrectCommand::Show { no } => store.correction(*no).await?.view,
        CorrectCommand::Device { days, .. }
        | CorrectCommand::School { days, .. }
        | CorrectCommand::Area { days, .. } => {
            let (what, until) = proposal(store, command, days).await?;
            let read = Days::read(&days.from, until.as_deref(), now_ms, store.accept_days())?;
            store.propose_correction(&actor, &what, read, &days.reason).await?
        }
    };
    Ok(serde_json::to_string_pretty(&view)?)
}

/// What is proposed, and its last day.
async fn proposal(store: &Store, command: &CorrectCommand, days: &DaysArgs) -> anyhow::Result<(What, Option<String>)> {
    let DaysArgs { from, until, reason } = days;
    let (from, until, reason) = (from.clone(), until.clone(), reason.clone());
    match command {
        CorrectCommand::Device { no, school, class, state, .. } => {
            let first = schemas::time::Day::parse(&from).unwrap_or(schemas::time::Day::FIRST);
            let said = store.school_of_device_on(*no, first).await?;
            let (school_no, class_no, state) = (*school, *class, state.clone());
            let form = DeviceCorrectionForm { from, until: until.clone(), school_no, class_no, state, reason };
            Ok((form.check(*no, said)?, until))
        }
        CorrectCommand::School { no, status, division, closure, reopened, .. } => {
            let (status, division, closure, reopened) = (status.clone(), *division, closure.clone(), *reopened);
            let form = SchoolCorrectionForm { from, until, status, division, closure, reopened, reason };
            Ok((form.check(*no)?, form.until().map(str::to_owned)))
        }
        CorrectCommand::Area { code, closure, reopened, .. } => {
            let form = AreaCorrectionForm { from, until, closure: closure.clone(), reopened: *reopened, reason };
            Ok((form.check(*code)?, Some(form.until().to_owned())))
        }
        CorrectCommand::Approve { .. } | CorrectCommand::Refuse { .. } | CorrectCommand::Show { .. } => {
            anyhow::bail!("nothing is proposed")
        }
    }
}
