//! From a question to SQL. Every statement is built by a [`Plan`], which has a [`Scope`]: its condition stands in each
//! of them.
//!
//! An answer takes up to three statements over rows of school and day: `roster` (denominators and the calendar of the
//! range), then `activity` and `network` (numerators) side by side, over the days that the roster calls school days.
//! A join would cost more than all three: most days are a school day for every school of a unit, so a list of days does
//! the join's work. Where schools of a unit differ on a day, those that are off are excluded one by one.

use super::scope::Scope;
use super::sql::{ROSTER_SUMS, Statement, activity_sums, between, in_days, network_sums, not_off};
use super::tree::Target;
use schemas::figures::{FigureId, Source};
use schemas::org::area_range;
use schemas::sets::SHOWN_SCHOOLS;
use schemas::time::Day;

/// By what the rows of an answer are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// One sum.
    Whole,
    /// The units right below an area: direct schools and child areas.
    Units,
    /// Days.
    Days,
}

/// What is asked of school-days.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What the caller may see.
    pub scope: &'a Scope,
    /// Of which unit.
    pub target: Target,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// By what.
    pub grouping: Grouping,
    /// Which figures: columns that none of them needs are not read.
    pub figures: &'a [FigureId],
}

/// How many schools of a unit had school on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub day: Day,
    /// Schools for which it is a school day.
    pub on: u64,
    /// Schools for which it is not.
    pub off: u64,
    /// By a calendar that is not official yet.
    pub provisional: bool,
}

/// The school days of a range, as the roster tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Ascending; days without any row are absent.
    pub days: Vec<DayCount>,
}

impl Calendar {
    /// Is it a school day for any school of the unit?
    #[must_use]
    pub fn is_school_day(&self, day: Day) -> bool {
        self.days.iter().any(|count| count.day == day && count.on > 0)
    }

    /// Days that are a school day for any school of the unit.
    #[must_use]
    pub fn school_days(&self) -> Vec<Day> {
        self.days.iter().filter(|count| count.on > 0).map(|count| count.day).collect()
    }

    /// Of these: days on which some schools are off.
    fn mixed_days(&self) -> Vec<Day> {
        self.days.iter().filter(|count| count.on > 0 && count.off > 0).map(|count| count.day).collect()
    }

    /// Any day rests on a calendar that is not official yet.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.days.iter().any(|count| count.provisional)
    }
}

impl Plan<'_> {
    /// Denominators by group, and (`k_by_day` = 1) the calendar by day.
    #[must_use]
    pub fn roster(&self) -> Statement {
        let (keys, group) = self.roster_groups();
        let filter = self.filter();
        Statement(format!(
            "SELECT {keys}, {ROSTER_SUMS} FROM roster_day FINAL WHERE {filter} AND {} GROUP BY {group} ORDER BY k_day",
            between(self.from, self.to),
        ))
    }

    /// Numerators of the ledger `activity`; none where no figure needs them or there is no school day.
    #[must_use]
    pub fn activity(&self, calendar: &Calendar) -> Option<Statement> {
        let days = self.school_day_rows(calendar)?;
        let sums = activity_sums(self.needs(Source::Curves));
        let (keys, group) = (keys(self.target, self.grouping), group_by(self.grouping));
        Some(Statement(format!(
            "SELECT {keys}, {sums} FROM school_day FINAL WHERE {} AND {days} AND {SHOWN_SCHOOLS}{group}",
            self.filter(),
        )))
    }

    /// Numerators of the ledger `network`; none where no figure needs them or there is no school day.
    #[must_use]
    pub fn network(&self, calendar: &Calendar) -> Option<Statement> {
        if !self.needs_network() {
            return None;
        }
        let histograms = self.needs(Source::Histograms);
        let days = self.school_day_rows(calendar)?;
        let (keys, group) = (keys(self.target, self.grouping), group_by(self.grouping));
        Some(Statement(format!(
            "SELECT {keys}, {} FROM school_network_day FINAL WHERE {} AND {days} AND {SHOWN_SCHOOLS}{group}",
            network_sums(histograms),
            self.filter(),
        )))
    }

    /// Devices in service on the days given, by school: what sets of devices are counted against.
    #[must_use]
    pub fn in_service_devices(&self, days: &[Day]) -> Statement {
        let (area, school) = (area_key(self.target, self.grouping), school_key(self.target, self.grouping));
        Statement(format!(
            "SELECT {area} AS k_area, {school} AS k_school, day AS k_day, bitmapToArray(in_service_devices) AS devices \
             FROM roster_day FINAL WHERE {} AND {}",
            self.filter(),
            in_days(days),
        ))
    }

    /// Does any figure ask who is online, and does the range end today?
    #[must_use]
    pub fn asks_who_is_online(&self, today: Day) -> bool {
        self.needs(Source::Receipts) && self.to == today
    }

    /// The calendar needs days in any case; units are summed beside it, from one read.
    fn roster_groups(&self) -> (String, &'static str) {
        let (area, school) = (area_key(self.target, self.grouping), school_key(self.target, self.grouping));
        let (by_day, group) = match self.grouping {
            Grouping::Whole | Grouping::Days => ("toUInt8(1)", "k_day"),
            Grouping::Units => ("toUInt8(grouping(k_day) = 0)", "GROUPING SETS ((k_area, k_school), (k_day))"),
        };
        (format!("{area} AS k_area, {school} AS k_school, day AS k_day, {by_day} AS k_by_day"), group)
    }

    /// Does any figure need the ledger `network`?
    #[must_use]
    pub fn needs_network(&self) -> bool {
        self.needs(Source::Network) || self.needs(Source::Histograms)
    }

    fn needs(&self, source: Source) -> bool {
        self.figures.iter().any(|id| id.entry().source == source)
    }

    /// Rows of the unit that are inside the scope.
    fn filter(&self) -> String {
        format!("{} AND {}", self.scope.school_rows(), target_rows(self.target))
    }

    /// The condition for rows of school days.
    fn school_day_rows(&self, calendar: &Calendar) -> Option<String> {
        let school_days = calendar.school_days();
        if school_days.is_empty() {
            return None;
        }
        let mixed = calendar.mixed_days();
        if mixed.is_empty() {
            return Some(in_days(&school_days));
        }
        let (all, mixed) = (in_days(&school_days), in_days(&mixed));
        Some(format!("{all} AND {}", not_off(&format!("{} AND {mixed}", self.filter()))))
    }
}

/// `k_area` (0: a direct school), `k_school` (0: an area), `k_day`.
fn keys(target: Target, grouping: Grouping) -> String {
    let (area, school) = (area_key(target, grouping), school_key(target, grouping));
    let day = if grouping == Grouping::Days { "day" } else { "toDate(0)" };
    format!("{area} AS k_area, {school} AS k_school, {day} AS k_day")
}

fn school_key(target: Target, grouping: Grouping) -> String {
    match (grouping, target) {
        (Grouping::Units, Target::Area(code)) => format!("toUInt32(if(division = {code}, school_no, 0))"),
        _ => "toUInt32(0)".to_owned(),
    }
}

fn area_key(target: Target, grouping: Grouping) -> String {
    match (grouping, target) {
        // Children of a province are its cities; children of a city its counties.
        (Grouping::Units, Target::Area(code)) if code % 10_000 == 0 => {
            format!("toUInt32(if(division = {code}, 0, intDiv(division, 100) * 100))")
        }
        (Grouping::Units, Target::Area(code)) => format!("toUInt32(if(division = {code}, 0, division))"),
        _ => "toUInt32(0)".to_owned(),
    }
}

fn group_by(grouping: Grouping) -> &'static str {
    match grouping {
        Grouping::Whole => "",
        Grouping::Units => " GROUP BY k_area, k_school",
        Grouping::Days => " GROUP BY k_day",
    }
}

fn target_rows(target: Target) -> String {
    match target {
        Target::Area(code) => {
            let range = area_range(code);
            format!("division BETWEEN {} AND {}", range.start(), range.end())
        }
        Target::School(no) => format!("school_no = {no}"),
    }
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
