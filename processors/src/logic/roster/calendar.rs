//! Calendars of areas, and what they say about a day of a school.

use ahash::HashMap;
use schemas::calendar::{Verdict, school_day};
use schemas::org::area_chain;
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
        // An area above the county level stands for those below it, which changes nothing: its spans are the same.
        let [county, city, province] = area_chain(division).map(|code| self.of(code));
        school_day(&[province, city, county, school], day)
    }

    fn of(&self, code: u32) -> &[CalendarSpan] {
        self.0.get(&code).map_or(&[], Vec::as_slice)
    }
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
