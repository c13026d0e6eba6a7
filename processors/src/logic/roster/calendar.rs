//! Calendars of areas, and what they say about a day of a school.

use ahash::HashMap;
use schemas::calendar::{Verdict, school_day};
use schemas::registry::CalendarSpan;
use schemas::rows::CalendarDayRow;
use schemas::time::Day;

/// The calendars of areas by code.
#[derive(Debug, Default)]
pub(super) struct Calendars(HashMap<u32, Vec<CalendarSpan>>);

impl Calendars {
    /// Sets the calendar of an area; tells whether that changed anything.
    pub(super) fn set(&mut self, code: u32, calendar: Vec<CalendarSpan>) -> bool {
        let changed = self.0.get(&code) != Some(&calendar);
        if changed {
            self.0.insert(code, calendar);
        }
        changed
    }

    /// The areas that exist.
    pub(super) fn areas(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// What the calendars of the areas down to `division` say, and those of `school` if there is one.
    pub(super) fn judge<'a>(&'a self, division: u32, school: &'a [CalendarSpan], day: Day) -> Verdict<'a> {
        let [province, city, county] = above(division).map(|code| self.of(code));
        school_day(&[province, city, county, school], day)
    }

    fn of(&self, code: u32) -> &[CalendarSpan] {
        self.0.get(&code).map_or(&[], Vec::as_slice)
    }
}

/// Province, city and county of a code; an area above the county level stands for those below it, which changes
/// nothing, since its spans are the same.
fn above(division: u32) -> [u32; 3] {
    [division / 10_000 * 10_000, division / 100 * 100, division]
}

/// A calendar row.
pub(super) fn row(org: String, day: Day, verdict: Verdict<'_>, ver: u64) -> CalendarDayRow {
    CalendarDayRow {
        org,
        day: crate::logic::archive::date(day),
        school_day: u8::from(verdict.school_day),
        provisional: u8::from(verdict.provisional),
        name: verdict.name.to_owned(),
        ver,
    }
}
