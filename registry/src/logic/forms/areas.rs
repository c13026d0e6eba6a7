//! Areas and groups of areas.

use super::{NAME, TEXT, from_day};
use crate::logic::conflict::{Faults, Invalid};
use schemas::org::{AreaLevel, area_level, area_range};
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new county of a city, or a new city of the province.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaForm {
    /// GB/T 2260 code, right below the area above.
    pub code: u32,
    /// Name.
    pub name: String,
    /// First day on which it exists; the next midnight unless given.
    pub from_day: Option<String>,
}

impl AreaForm {
    /// Checks the values against the area above.
    ///
    /// # Errors
    /// Some cannot be accepted: scopes are ranges of codes, so a code has to lie right below its area's.
    pub fn check(&self, above: u32) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        let level = |code| match area_level(code) {
            AreaLevel::Province => 0,
            AreaLevel::City => 1,
            AreaLevel::County => 2,
        };
        let below = area_range(above).contains(&self.code) && level(self.code) == level(above) + 1;
        faults.unless(below, "/code", "a GB/T 2260 code right below the area's");
        faults.name(&self.name, NAME, "/name");
        faults.done()
    }
}

/// Far above what a province has.
const MOST_EGRESS_MBPS: u32 = 10_000_000;

/// First and last day of a batch's window.
type Window = (Day, Day);

/// A change of an area; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaEdit {
    /// Name.
    pub name: Option<String>,
    /// Took part in the pilot.
    pub pilot: Option<bool>,
    /// Here and below, an account and its role are acts of two people.
    pub two_person: Option<bool>,
    /// Rollout batch, 0 to 3.
    pub batch: Option<u32>,
    /// First and last day of the batch's window.
    #[schema(value_type = Option<Vec<String>>)]
    pub window: Option<(String, String)>,
    /// First day on which it no longer exists; refused while it has schools or areas.
    pub valid_until: Option<String>,
}

impl AreaEdit {
    /// Checks the values, and gives the window and the last day.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, now_ms: i64) -> Result<(Option<Window>, Option<Day>), Invalid> {
        let mut faults = Faults::default();
        if let Some(name) = &self.name {
            faults.name(name, NAME, "/name");
        }
        faults.unless(self.batch.is_none_or(|batch| batch <= 3), "/batch", "0 to 3");
        let window = self.window.as_ref().map(|(start, end)| Day::parse(start).zip(Day::parse(end)));
        let ordered = window.is_none_or(|days| days.is_some_and(|(start, end)| start <= end));
        faults.unless(ordered, "/window", "two days as YYYY-MM-DD, in order");
        faults.done()?;
        let until = self.valid_until.as_deref().map(|text| from_day(Some(text), now_ms));
        let until = until.transpose().map_err(|mut fault| {
            fault.0.iter_mut().for_each(|fault| "/valid_until".clone_into(&mut fault.pointer));
            fault
        })?;
        Ok((window.flatten(), until))
    }
}

/// Where a unified platform comes from (FEATURES N21).
pub const PLATFORM_SOURCES: [&str; 5] = ["自建", "市级", "省级", "国家级提供", "购买企业"];

/// What an area's administrator tells of platform and network; telling it opens the area (FEATURES N21, N23).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaProfile {
    /// There is a unified platform (统一平台).
    pub platform: bool,
    /// Its address; empty: not told.
    #[serde(default)]
    pub platform_url: String,
    /// 自建, 市级, 省级, 国家级提供 or 购买企业; empty without a platform.
    #[serde(default)]
    #[schema(example = "自建")]
    pub platform_source: String,
    /// A metropolitan network (城域网) covers most schools by fibre.
    pub metro_network: bool,
    /// Internet egress in total, Mbit/s.
    pub egress_mbps: u32,
    /// Operators of the egress.
    #[serde(default)]
    pub operators: Vec<String>,
}

impl AreaProfile {
    /// Checks the values.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        let (url, source) = (self.platform_url.as_str(), self.platform_source.as_str());
        let is_url = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
        faults.unless(is_url && (self.platform || url.is_empty()), "/platform_url", "http(s)://… of a platform");
        faults.text(url, TEXT, "/platform_url");
        let known = if self.platform { PLATFORM_SOURCES.contains(&source) } else { source.is_empty() };
        faults.unless(known, "/platform_source", "one of the five sources of a platform; empty without one");
        faults.unless(self.egress_mbps <= MOST_EGRESS_MBPS, "/egress_mbps", "at most 10000000");
        faults.unless(self.operators.len() <= 8, "/operators", "at most 8");
        for (i, operator) in self.operators.iter().enumerate() {
            faults.name(operator, 32, &format!("/operators/{i}"));
        }
        faults.done()
    }
}

/// A group of areas.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupForm {
    /// Name, unique within the area that keeps it.
    #[schema(example = "珠三角")]
    pub name: String,
    /// Codes of areas below it.
    pub members: Vec<u32>,
}

impl GroupForm {
    /// Checks the values against the area that keeps the group.
    ///
    /// # Errors
    /// Some cannot be accepted.
    pub fn check(&self, keeper: u32) -> Result<(), Invalid> {
        let mut faults = Faults::default();
        faults.name(&self.name, NAME, "/name");
        faults.unless((1..=200).contains(&self.members.len()), "/members", "1 to 200");
        for (i, code) in self.members.iter().enumerate() {
            let below = area_range(keeper).contains(code) && *code != keeper && !self.members[..i].contains(code);
            faults.unless(below, &format!("/members/{i}"), "an area below, named once");
        }
        faults.done()
    }
}
