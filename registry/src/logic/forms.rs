//! What requests bring, and which values are accepted.

mod accounts;
mod areas;
mod devices;

pub use accounts::{AccountEdit, AccountForm, CodeForm, GrantForm, KeyForm, LoginForm, PasswordForm};
pub use areas::{AreaEdit, AreaForm, AreaProfile, GroupForm};
pub use devices::{DeviceChange, DeviceEdit, FlagForm};

use super::belonging::effective_day;
use super::conflict::{Faults, Invalid};
use super::model::SCHOOL_TYPES;
use schemas::registry::SchoolStatus;
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who runs a school (办别, FEATURES N18); empty: not told.
pub const OWNERSHIPS: [&str; 8] =
    ["", "教育部门和集体办", "社会力量办", "其他部门办", "公办", "民办", "民办公助", "其他"];

/// How a school's years are divided (学制, FEATURES N12); empty: not told.
pub const SCHOOL_SYSTEMS: [&str; 4] = ["", "六三制", "五四制", "其他"];

/// How far ahead a change may be entered.
const AHEAD_DAYS: i32 = 400;
/// Characters of a name.
const NAME: usize = 64;
/// Characters of other texts.
pub(super) const TEXT: usize = 200;

/// A new school. What is left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchoolForm {
    /// Name.
    #[schema(example = "虚构第一小学")]
    pub name: String,
    /// One of the nine types.
    #[schema(example = "小学")]
    pub school_type: String,
    /// What it is known by outside; unique.
    pub code: Option<String>,
    /// 学制: 六三制, 五四制 or 其他.
    #[serde(default)]
    pub school_system: String,
    /// 办别
    #[serde(default)]
    pub ownership: String,
    /// 薄弱学校
    #[serde(default)]
    pub weak: bool,
    /// Free words.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Address.
    #[serde(default)]
    pub address: String,
    /// Post code.
    #[serde(default)]
    pub post_code: String,
}

impl SchoolForm {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.name(&self.name, NAME, "/name");
        faults.unless(SCHOOL_TYPES.contains(&self.school_type.as_str()), "/school_type", "one of the nine types");
        let system = self.school_system.as_str();
        faults.unless(SCHOOL_SYSTEMS.contains(&system), "/school_system", "六三制, 五四制 or 其他");
        faults.unless(OWNERSHIPS.contains(&self.ownership.as_str()), "/ownership", "one of the seven kinds");
        if let Some(code) = &self.code {
            faults.unless(is_code(code), "/code", "1 to 20 digits or capital letters");
        }
        faults.unless(self.tags.len() <= 16, "/tags", "at most 16");
        for (i, tag) in self.tags.iter().enumerate() {
            faults.name(tag, 32, &format!("/tags/{i}"));
        }
        faults.text(&self.address, TEXT, "/address");
        faults.unless(is_post_code(&self.post_code), "/post_code", "six digits, or empty");
        faults.done()
    }
}

fn is_code(code: &str) -> bool {
    (1..=20).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

fn is_post_code(text: &str) -> bool {
    text.is_empty() || (text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()))
}

/// A change of a school's profile; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchoolEdit {
    /// Name.
    pub name: Option<String>,
    /// One of the nine types.
    pub school_type: Option<String>,
    /// What it is known by outside.
    pub code: Option<String>,
    /// 学制
    pub school_system: Option<String>,
    /// 办别
    pub ownership: Option<String>,
    /// 薄弱学校
    pub weak: Option<bool>,
    /// Free words.
    pub tags: Option<Vec<String>>,
    /// Address.
    pub address: Option<String>,
    /// Post code.
    pub post_code: Option<String>,
}

impl SchoolEdit {
    /// The profile after the change.
    #[must_use]
    pub fn applied(self, to: SchoolForm) -> SchoolForm {
        SchoolForm {
            name: self.name.unwrap_or(to.name),
            school_type: self.school_type.unwrap_or(to.school_type),
            code: self.code.or(to.code),
            school_system: self.school_system.unwrap_or(to.school_system),
            ownership: self.ownership.unwrap_or(to.ownership),
            weak: self.weak.unwrap_or(to.weak),
            tags: self.tags.unwrap_or(to.tags),
            address: self.address.unwrap_or(to.address),
            post_code: self.post_code.unwrap_or(to.post_code),
        }
    }
}

/// The first day of a change: the day that was asked for, or the earliest one.
///
/// # Errors
/// Not a day, one that has passed or is too near, or one that is too far.
pub fn from_day(asked: Option<&str>, now_ms: i64) -> Result<Day, Invalid> {
    let earliest = effective_day(now_ms);
    let Some(text) = asked else { return Ok(earliest) };
    let day = Day::parse(text).ok_or_else(|| Invalid::one("/from_day", "give a day as YYYY-MM-DD"))?;
    if day < earliest {
        return Err(Invalid::one("/from_day", format!("the earliest day is {earliest}")));
    }
    if day > earliest.plus(AHEAD_DAYS) {
        return Err(Invalid::one("/from_day", format!("at most {AHEAD_DAYS} days ahead")));
    }
    Ok(day)
}

/// A school's status from a day on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusForm {
    /// `normal`, `suspended` or `dissolved`; a merger is a request of its own.
    #[schema(value_type = String, example = "suspended")]
    pub status: String,
    /// First day; the next midnight unless given.
    pub from_day: Option<String>,
}

impl StatusForm {
    /// The status.
    ///
    /// # Errors
    /// There is none of this name, or it is not entered this way.
    pub fn status(&self) -> Result<SchoolStatus, Invalid> {
        match SchoolStatus::parse(&self.status) {
            Some(status) if status != SchoolStatus::Merged => Ok(status),
            _ => Err(Invalid::one("/status", "normal, suspended or dissolved")),
        }
    }
}

/// Another area that manages a school.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferForm {
    /// Code of a county, a city or the province.
    #[schema(example = 440_106)]
    pub division: u32,
    /// First day; the next midnight unless given.
    pub from_day: Option<String>,
}

/// The school that takes over pupils and devices.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeForm {
    /// Number of that school.
    pub into: u32,
    /// First day; the next midnight unless given.
    pub from_day: Option<String>,
}

/// Why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonForm {
    /// 1 to 200 characters.
    pub reason: String,
}

impl ReasonForm {
    /// Checks the reason.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.name(&self.reason, TEXT, "/reason");
        faults.done()
    }
}

/// A campus.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampusForm {
    /// Name within the school.
    pub name: String,
}

impl CampusForm {
    /// Checks the name.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.name(&self.name, NAME, "/name");
        faults.done()
    }
}

/// A new class.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassForm {
    /// A campus of the school.
    pub campus_no: u32,
    /// 1 to 15: 1 to 12, vocational colleges 13 to 15.
    #[schema(minimum = 1, maximum = 15)]
    pub grade: u32,
    /// Name.
    pub name: String,
    /// Pupils.
    #[schema(maximum = 200)]
    pub size: u32,
}

impl ClassForm {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.unless((1..=15).contains(&self.grade), "/grade", "1 to 15");
        faults.name(&self.name, NAME, "/name");
        faults.unless(self.size <= 200, "/size", "at most 200");
        faults.done()
    }
}

/// A change of a class; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassEdit {
    /// A campus of the same school.
    pub campus_no: Option<u32>,
    /// 1 to 15.
    pub grade: Option<u32>,
    /// Name.
    pub name: Option<String>,
    /// Pupils.
    pub size: Option<u32>,
}

#[cfg(test)]
#[path = "forms/tests.rs"]
mod tests;
