//! Changes that what is there does not allow, each with a name that programs can tell apart.

use schemas::registry::SchoolStatus;
use schemas::time::Day;

/// Why a change is not possible now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A school that was in use is not deleted.
    #[error("the school is no longer new: {0}; change its status, or have the province purge it")]
    SchoolNotNew(&'static str),
    /// A purge takes away what still works.
    #[error("{0} of the school's devices are not retired; retire or move them first")]
    DevicesLeft(u64),
    /// Merged and dissolved are for good.
    #[error("the school is {} from {from_day} on, for good", .status.as_str())]
    SchoolClosed {
        /// Merged or dissolved.
        status: SchoolStatus,
        /// First day.
        from_day: Day,
    },
    /// The area ends before.
    #[error("area {0} ends on {1}")]
    AreaClosed(u32, Day),
    /// A class or campus that something refers to.
    #[error("{0} is in use: {1}")]
    InUse(&'static str, &'static str),
    /// A name or code that must be unique.
    #[error("there is already one with this {0}")]
    Taken(&'static str),
    /// A code that is used or revoked already.
    #[error("the code is {0} already")]
    CodeSettled(&'static str),
    /// The flag was judged before.
    #[error("the flag was settled before")]
    FlagSettled,
    /// The account is in a state that does not allow it.
    #[error("the account is {0}")]
    AccountState(String),
    /// A second factor that is not as it would have to be.
    #[error("a second factor is {0}")]
    SecondFactor(&'static str),
    /// A locked account is not unlocked once somebody else has its role.
    #[error("somebody else was given the role since; close the account")]
    Successor,
    /// Whoever made the account may not grant it a role here.
    #[error("here, an account and its role are acts of two people: somebody else has to grant it")]
    TwoPeople,
    /// Whoever proposed a correction does not decide about it.
    #[error("a correction is an act of two people: somebody else has to decide about it")]
    OwnProposal,
    /// Only whoever proposed a correction takes it back.
    #[error("somebody else proposed it: refuse it instead")]
    NotYourProposal,
    /// A correction that was decided already.
    #[error("the correction is {0} already")]
    CorrectionSettled(&'static str),
    /// A correction that would change nothing.
    #[error("those days are said to be so already")]
    NothingToCorrect,
}

impl Conflict {
    /// The name of the problem.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Conflict::SchoolNotNew(_) => "school-not-new",
            Conflict::DevicesLeft(_) => "devices-left",
            Conflict::SchoolClosed { .. } => "school-closed",
            Conflict::AreaClosed(..) => "area-closed",
            Conflict::InUse(..) => "in-use",
            Conflict::Taken(_) => "taken",
            Conflict::CodeSettled(_) => "code-settled",
            Conflict::FlagSettled => "flag-settled",
            Conflict::AccountState(_) => "account-state",
            Conflict::SecondFactor(_) => "second-factor",
            Conflict::Successor => "successor",
            Conflict::TwoPeople | Conflict::OwnProposal => "two-people",
            Conflict::NotYourProposal => "not-your-proposal",
            Conflict::CorrectionSettled(_) => "correction-settled",
            Conflict::NothingToCorrect => "nothing-to-correct",
        }
    }
}

/// Values that cannot be accepted, each with a JSON pointer to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of the values cannot be accepted", .0.len())]
pub struct Invalid(pub Vec<Fault>);

/// A value that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON pointer into the body (RFC 6901), or the name of a parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Invalid {
    /// One value.
    #[must_use]
    pub fn one(pointer: impl Into<String>, detail: impl Into<String>) -> Invalid {
        Invalid(vec![Fault { pointer: pointer.into(), detail: detail.into() }])
    }
}

/// Collects faults, so that a form learns of all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault unless `fine`.
    pub fn unless(&mut self, fine: bool, pointer: &str, detail: &str) {
        if !fine {
            self.0.push(Fault { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    }

    /// Notes what is no name: 1 to `most` characters, no control characters, no white space around.
    pub fn name(&mut self, text: &str, most: usize, pointer: &str) {
        let fine = (1..=most).contains(&text.chars().count()) && is_text(text) && text.trim() == text;
        self.unless(fine, pointer, &format!("1 to {most} characters, without white space around"));
    }

    /// Notes what is longer than `most` characters or holds control characters.
    pub fn text(&mut self, text: &str, most: usize, pointer: &str) {
        let fine = text.chars().count() <= most && is_text(text);
        self.unless(fine, pointer, &format!("at most {most} characters, no control characters"));
    }

    /// What was noted.
    ///
    /// # Errors
    /// Something was.
    pub fn done(self) -> Result<(), Invalid> {
        if self.0.is_empty() { Ok(()) } else { Err(Invalid(self.0)) }
    }
}

fn is_text(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
