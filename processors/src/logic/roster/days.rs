//! The rows of one school: who is in service on which day, and whether it is a school day.

use super::window::Window;
use super::{Roster, School, calendar};
use crate::logic::archive::date;
use crate::logic::bells::in_force;
use schemas::org::OrgId;
use schemas::registry::CalendarSpan;
use schemas::rows::{CalendarDayRow, RosterDayRow};
use schemas::time::Day;
use std::collections::{BTreeMap, BTreeSet};

/// In service under one division, by day of the range.
#[derive(Clone, Default)]
struct Present {
    devices: Vec<u32>,
    classes: BTreeSet<u32>,
}

impl Roster {
    /// The denominators of a school: a row for each day and each division that it has, had, or has rows under.
    pub(super) fn roster_rows(&mut self, school_no: u32, days: Window, ver: u64) -> Vec<RosterDayRow> {
        let present = self.present(school_no, days);
        let known = self.known_divisions.entry(school_no).or_default();
        for division in present.keys().filter(|division| !known.contains(division)).copied().collect::<Vec<_>>() {
            known.push(division);
        }
        let mut rows = Vec::with_capacity(present.len() * days.len());
        for (division, of_days) in present {
            for (day, here) in days.days().zip(of_days) {
                rows.push(self.roster_row((division, school_no, day), here, ver));
            }
        }
        rows
    }

    fn roster_row(&self, (division, school_no, day): (u32, u32, Day), here: Present, ver: u64) -> RosterDayRow {
        let school = self.schools.get(&school_no);
        let verdict = self.calendars.judge(division, closures(school), day);
        RosterDayRow {
            division,
            school_no,
            day: date(day),
            in_service: count(here.devices.len()),
            classes: count(here.classes.len()),
            school_day: u8::from(verdict.school_day),
            provisional: u8::from(verdict.provisional),
            lessons: self.lessons(school, day),
            in_service_nos: here.devices,
            ver,
        }
    }

    fn lessons(&self, school: Option<&School>, day: Day) -> u8 {
        let own = school.map_or(&[][..], |school| &school.bells);
        u8::try_from(in_force(own, &self.default_bells, day).len()).unwrap_or(u8::MAX)
    }

    /// For each division of the school: who is in service on each day. Devices stand in ascending order.
    fn present(&self, school_no: u32, days: Window) -> BTreeMap<u32, Vec<Present>> {
        let mut present = BTreeMap::new();
        let none = || vec![Present::default(); days.len()];
        let current = self.schools.get(&school_no).map(|school| school.division);
        for division in current.iter().chain(self.known_divisions.get(&school_no).into_iter().flatten()) {
            present.entry(*division).or_insert_with(none);
        }
        let mut devices = self.by_school.get(&school_no).cloned().unwrap_or_default();
        devices.sort_unstable();
        for device in devices.iter().filter_map(|no| self.devices.get(no)) {
            for (place, force) in device.stretches().filter(|(place, _)| place.school_no == school_no) {
                let of_days = present.entry(place.division).or_insert_with(none);
                for day in force.intersect(days).days().filter(|_| place.in_service) {
                    if let Some(here) = of_days.get_mut(days.index(day)) {
                        here.add(device.no, place.class_no);
                    }
                }
            }
        }
        present
    }

    /// Calendar rows of a school: where its own closures decide, and where they did when the table was last written.
    pub(super) fn closure_rows(&mut self, school_no: u32, days: Window, ver: u64) -> Vec<CalendarDayRow> {
        let Some(school) = self.schools.get(&school_no) else { return Vec::new() };
        let closed = |day: &Day| school.calendar.iter().any(|span| covers(span, *day));
        let known = self.known_closures.entry(school_no).or_default();
        known.extend(days.days().filter(closed));
        let org = OrgId::School(school_no).to_string();
        let rows = days.days().filter(|day| known.contains(day)).map(|day| {
            calendar::row(org.clone(), day, self.calendars.judge(school.division, &school.calendar, day), ver)
        });
        let rows = rows.collect();
        if known.is_empty() {
            self.known_closures.remove(&school_no);
        }
        rows
    }

    /// Calendar rows of an area, every day.
    pub(super) fn area_rows(&self, code: u32, days: Window, ver: u64) -> Vec<CalendarDayRow> {
        let judge = |day| calendar::row(code.to_string(), day, self.calendars.judge(code, &[], day), ver);
        days.days().map(judge).collect()
    }
}

impl Present {
    fn add(&mut self, device_no: u32, class_no: u32) {
        self.devices.push(device_no);
        if class_no != 0 {
            self.classes.insert(class_no);
        }
    }
}

fn closures(school: Option<&School>) -> &[CalendarSpan] {
    school.map_or(&[], |school| &school.calendar)
}

fn covers(span: &CalendarSpan, day: Day) -> bool {
    !span.school_day && span.from_day <= day && day < span.until_day
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
