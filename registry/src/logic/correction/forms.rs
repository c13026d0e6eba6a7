//! What requests about corrections bring, and how a correction is shown.

use super::{What, device_state, school_status};
use crate::logic::conflict::{Faults, Invalid};
use schemas::org::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of a reason, and of a closure's name.
const REASON: usize = 200;
const NAME: usize = 64;

/// A device was elsewhere, or in another state: one of the two.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceCorrectionForm {
    /// First day; it has begun.
    #[schema(example = "2026-11-16")]
    pub from: String,
    /// Last day, today at the latest; left out: it goes on.
    pub until: Option<String>,
    /// The school in which it was; left out: the one in which it was said to be on the first day.
    pub school_no: Option<u32>,
    /// The class in which it was, 0: none.
    pub class_no: Option<u32>,
    /// The state in which it was: `in_service`, `suspended`, `retired`.
    pub state: Option<String>,
    /// Why.
    pub reason: String,
}

impl DeviceCorrectionForm {
    /// Checks the values; `school_no`: the school in which the device was said to be on the first day.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, device_no: u32, school_no: u32) -> Result<What, Invalid> {
        let mut faults = reason(&self.reason);
        let goes = self.school_no.is_some() || self.class_no.is_some();
        faults.unless(goes != self.state.is_some(), "/state", "either a place or a state");
        faults.unless(self.school_no.is_none() || self.class_no.is_some(), "/class_no", "goes with school_no; 0: none");
        let known = self.state.as_deref().is_none_or(|state| device_state(state).is_some());
        faults.unless(known, "/state", "in_service, suspended or retired");
        let lasting = self.state.as_deref() != Some("retired") || self.until.is_none();
        faults.unless(lasting, "/until", "retired is for good");
        faults.done()?;
        Ok(match &self.state {
            Some(state) => What::State { device_no, state: state.clone() },
            None => What::Place {
                device_no,
                school_no: self.school_no.unwrap_or(school_no),
                class_no: self.class_no.unwrap_or(0),
            },
        })
    }
}

/// A school was in another status, under another area, closed, or open after all: one of the four.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchoolCorrectionForm {
    /// First day; it has begun.
    #[schema(example = "2026-11-16")]
    pub from: String,
    /// Last day, today at the latest; left out: it goes on, a closure or its end: the first day alone.
    pub until: Option<String>,
    /// The status in which it was: `normal`, `suspended`.
    pub status: Option<String>,
    /// The area that directly managed it.
    pub division: Option<u32>,
    /// There was no school: the name of the reason, as in a calendar.
    pub closure: Option<String>,
    /// There was school after all: closures of its own calendar leave these days.
    #[serde(default)]
    pub reopened: bool,
    /// Why it is corrected.
    pub reason: String,
}

impl SchoolCorrectionForm {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, school_no: u32) -> Result<What, Invalid> {
        let mut faults = reason(&self.reason);
        let given = [self.status.is_some(), self.division.is_some(), self.closure.is_some(), self.reopened];
        let one = given.iter().filter(|given| **given).count() == 1;
        faults.unless(one, "/status", "one of status, division, closure, reopened");
        let known = self.status.as_deref().is_none_or(|status| school_status(status).is_some());
        faults.unless(known, "/status", "normal or suspended");
        if let Some(name) = &self.closure {
            faults.name(name, NAME, "/closure");
        }
        faults.done()?;
        let org = OrgId::School(school_no).to_string();
        Ok(match (&self.status, self.division, &self.closure) {
            (Some(status), ..) => What::Status { school_no, status: status.clone() },
            (None, Some(division), _) => What::Division { school_no, division },
            (None, None, Some(name)) => What::Closure { org, name: name.clone() },
            (None, None, None) => What::Reopening { org },
        })
    }

    /// Its last day.
    #[must_use]
    pub fn until(&self) -> Option<&str> {
        let of_calendar = self.closure.is_some() || self.reopened;
        self.until.as_deref().or(of_calendar.then_some(&self.from))
    }
}

/// There was no school in an area, or there was after all: one of the two.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaCorrectionForm {
    /// First day; it has begun.
    #[schema(example = "2026-11-16")]
    pub from: String,
    /// Last day, today at the latest; left out: the first day alone.
    pub until: Option<String>,
    /// The name of the reason, as in a calendar.
    #[schema(example = "台风停课")]
    pub closure: Option<String>,
    /// There was school after all: closures of its own calendar leave these days.
    #[serde(default)]
    pub reopened: bool,
    /// Why it is corrected.
    pub reason: String,
}

impl AreaCorrectionForm {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, code: u32) -> Result<What, Invalid> {
        let mut faults = reason(&self.reason);
        faults.unless(self.closure.is_some() != self.reopened, "/closure", "either a closure or reopened");
        if let Some(name) = &self.closure {
            faults.name(name, NAME, "/closure");
        }
        faults.done()?;
        let org = OrgId::Area(code).to_string();
        Ok(match &self.closure {
            Some(name) => What::Closure { org, name: name.clone() },
            None => What::Reopening { org },
        })
    }

    /// Its last day.
    #[must_use]
    pub fn until(&self) -> &str {
        self.until.as_deref().unwrap_or(&self.from)
    }
}

fn reason(text: &str) -> Faults {
    let mut faults = Faults::default();
    faults.name(text, REASON, "/reason");
    faults
}

/// How far a correction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionState {
    /// Waits for somebody else's decision.
    Proposed,
    /// The history is corrected and published; the pipeline rebuilds the days from it.
    Approved,
    /// Somebody else said no.
    Refused,
    /// Whoever proposed it took it back.
    Withdrawn,
}

impl CorrectionState {
    /// All of them.
    pub const ALL: [CorrectionState; 4] =
        [CorrectionState::Proposed, CorrectionState::Approved, CorrectionState::Refused, CorrectionState::Withdrawn];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CorrectionState::Proposed => "proposed",
            CorrectionState::Approved => "approved",
            CorrectionState::Refused => "refused",
            CorrectionState::Withdrawn => "withdrawn",
        }
    }
}

/// A correction of days that have begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CorrectionView {
    /// Number.
    pub correction_no: u32,
    /// What is corrected: `d12`, `s7`, `440106`.
    pub object: String,
    /// What is to have been: `what` is `place`, `state`, `status`, `division`, `closure` or `reopening`, with its values.
    #[schema(value_type = Object)]
    pub change: serde_json::Value,
    /// First day.
    pub from: String,
    /// Last day; null: it goes on.
    pub until: Option<String>,
    /// Why.
    pub reason: String,
    /// How far it is. Whether the days are rebuilt, the table `corrections` and `./classpulse corrections` tell.
    pub state: CorrectionState,
    /// Account.
    pub proposed_by: String,
    /// When.
    pub proposed_at: String,
    /// Account that approved, refused or withdrew it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<String>,
}
