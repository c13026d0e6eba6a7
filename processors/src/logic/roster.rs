//! What the registry topics say, held compactly, and the rows that follow from it: organisations, devices, denominators
//! of every school and day, calendars.
//!
//! A change marks what depends on it; [`Roster::take`] hands out the rows of what is marked, a bounded number at a time.
//! Rows of `roster_day` and `calendar_day` depend on the records and their own day alone, never on when they were made.

mod batch;
mod calendar;
mod days;
mod device;
mod window;

pub use batch::{Batch, Limits};
pub use window::Window;

use crate::logic::digest::sha256_u64;
use ahash::{HashMap, HashSet};
use calendar::Calendars;
use device::Device;
use schemas::definitions::Definitions;
use schemas::org::OrgId;
use schemas::registry::{Bells, CalendarSpan, DeviceRecord, Level, OrgRecord, SchoolStatus, StatusSpan};
use schemas::rows::OrgRow;
use schemas::time::Day;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};

/// A record that makes no sense; it is left out and counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// The id is not canonical, or does not fit the level.
    #[error("organisation id {0:?} is malformed")]
    OrgId(String),
    /// A device belongs nowhere.
    #[error("device {0} has no belonging")]
    NoBelonging(u32),
}

/// What of a school the rows need.
#[derive(Debug)]
struct School {
    division: u32,
    calendar: Vec<CalendarSpan>,
    bells: Vec<Bells>,
    status: Vec<StatusSpan>,
    /// Its row, but for the status of the day.
    row: OrgRow,
}

/// What is to be written again.
#[derive(Debug, Default)]
struct Dirty {
    /// Complete rows, so that nothing else of a class needs to be kept.
    orgs: BTreeMap<String, OrgRow>,
    devices: BTreeSet<u32>,
    schools: BTreeMap<u32, Window>,
    areas: BTreeMap<u32, Window>,
}

/// The state of the registry as its topics tell it, and what of it is not written yet.
#[derive(Debug)]
pub struct Roster {
    today: Day,
    accept_days: u32,
    default_bells: Vec<(u32, u32)>,
    /// Digest of each organisation's content, without revision and time: tells a change from a repetition.
    contents: HashMap<OrgId, u64>,
    schools: HashMap<u32, School>,
    calendars: Calendars,
    devices: HashMap<u32, Device>,
    /// Devices that belong, or belonged within the window, to a school.
    by_school: HashMap<u32, Vec<u32>>,
    /// Divisions under which the table has rows of a school: what is no longer true there is overwritten, not left.
    known_divisions: HashMap<u32, SmallVec<[u32; 1]>>,
    /// Days for which the table has a calendar row of a school.
    known_closures: HashMap<u32, BTreeSet<Day>>,
    dirty: Dirty,
}

impl Roster {
    /// An empty roster on a day.
    #[must_use]
    pub fn new(definitions: &Definitions, today: Day) -> Roster {
        Roster {
            today,
            accept_days: definitions.accept_days,
            default_bells: definitions.bells.clone(),
            contents: HashMap::default(),
            schools: HashMap::default(),
            calendars: Calendars::default(),
            devices: HashMap::default(),
            by_school: HashMap::default(),
            known_divisions: HashMap::default(),
            known_closures: HashMap::default(),
            dirty: Dirty::default(),
        }
    }

    /// The days that are written: the accepted past, today, the coming week.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::around(self.today, self.accept_days)
    }

    /// Remembers that the table has rows of a school under a division, from an earlier run.
    pub fn remember_school(&mut self, school_no: u32, division: u32) {
        let known = self.known_divisions.entry(school_no).or_default();
        if !known.contains(&division) {
            known.push(division);
        }
        self.mark_school(school_no, self.window());
    }

    /// Remembers that the table has a calendar row of a school, from an earlier run.
    pub fn remember_closure(&mut self, school_no: u32, day: Day) {
        self.known_closures.entry(school_no).or_default().insert(day);
        self.mark_school(school_no, self.window());
    }

    /// Takes a value of `registry.orgs.v1`. A repetition that differs only in revision and time marks nothing.
    ///
    /// # Errors
    /// A malformed id; nothing is taken.
    pub fn apply_org(&mut self, record: OrgRecord) -> Result<(), RecordFault> {
        let org = match (OrgId::parse(&record.id), record.level) {
            (Some(org @ OrgId::School(_)), Level::School) => org,
            (Some(org @ OrgId::Class(_)), Level::Class) => org,
            (Some(org @ OrgId::Area(_)), Level::Province | Level::City | Level::County) => org,
            _ => return Err(RecordFault::OrgId(record.id)),
        };
        let content = content(&record);
        if self.contents.insert(org, content) == Some(content) {
            return Ok(());
        }
        let row = org_row(&record, self.today);
        self.dirty.orgs.insert(record.id.clone(), row.clone());
        match org {
            OrgId::Area(code) => self.apply_area(code, record.calendar),
            OrgId::School(school_no) => self.apply_school(school_no, record, row),
            OrgId::Class(_) => {}
        }
        Ok(())
    }

    fn apply_area(&mut self, code: u32, calendar: Vec<CalendarSpan>) {
        if !self.calendars.set(code, calendar) {
            return;
        }
        let (range, days) = (schemas::org::area_range(code), self.window());
        let below: Vec<u32> = self.calendars.areas().filter(|area| range.contains(area)).collect();
        for area in below {
            self.mark_area(area, days);
        }
        let schools: Vec<u32> = self.placed().filter(|(_, at)| range.contains(at)).map(|(no, _)| no).collect();
        for school_no in schools {
            self.mark_school(school_no, days);
        }
    }

    fn apply_school(&mut self, school_no: u32, record: OrgRecord, row: OrgRow) {
        let OrgRecord { division, calendar, bells, status, .. } = record;
        let same = |known: &School| known.division == division && known.calendar == calendar && known.bells == bells;
        if !self.schools.get(&school_no).is_some_and(same) {
            self.mark_school(school_no, self.window());
        }
        self.schools.insert(school_no, School { division, calendar, bells, status, row });
    }

    /// Schools and the divisions that they have, or have rows under. One that has no rows yet is marked anyway.
    fn placed(&self) -> impl Iterator<Item = (u32, u32)> {
        let current = self.schools.iter().map(|(no, school)| (*no, school.division));
        let known = self.known_divisions.iter().flat_map(|(no, known)| known.iter().map(|division| (*no, *division)));
        current.chain(known)
    }

    /// Takes a value of `registry.devices.v1`. A change of what no row tells (a rotated token) marks nothing.
    ///
    /// # Errors
    /// No belonging; nothing is taken.
    pub fn apply_device(&mut self, record: &DeviceRecord) -> Result<(), RecordFault> {
        let device = Device::of(record, self.window().from)?;
        let before = self.devices.get(&record.device_no);
        if before == Some(&device) {
            return Ok(());
        }
        let old = before.map(Device::schools).unwrap_or_default();
        let new = device.schools();
        self.devices.insert(record.device_no, device);
        self.index(record.device_no, &old, &new);
        self.dirty.devices.insert(record.device_no);
        Ok(())
    }

    /// Takes a tombstone of `registry.devices.v1`: the device counts nowhere any more.
    pub fn remove_device(&mut self, device_no: u32) {
        if let Some(device) = self.devices.remove(&device_no) {
            self.index(device_no, &device.schools(), &[]);
            self.dirty.devices.remove(&device_no);
        }
    }

    fn index(&mut self, device_no: u32, old: &[u32], new: &[u32]) {
        for school_no in old {
            if let Some(devices) = self.by_school.get_mut(school_no).filter(|_| !new.contains(school_no)) {
                devices.retain(|no| *no != device_no);
            }
            self.mark_school(*school_no, self.window());
        }
        for school_no in new.iter().filter(|school_no| !old.contains(school_no)) {
            self.by_school.entry(*school_no).or_default().push(device_no);
            self.mark_school(*school_no, self.window());
        }
    }

    /// Goes on to another day: marks the days that the window gains, and what is told "as of today".
    pub fn set_today(&mut self, today: Day) {
        if today <= self.today {
            return;
        }
        let (yesterday, gained) = (self.today, self.window().gained_by(today, self.accept_days));
        self.today = today;
        let marked = self.dirty.schools.keys().copied();
        let schools: HashSet<u32> = self.placed().map(|(no, _)| no).chain(marked).collect();
        for school_no in schools {
            self.mark_school(school_no, gained);
        }
        let areas: Vec<u32> = self.calendars.areas().collect();
        for area in areas {
            self.mark_area(area, gained);
        }
        self.turn_devices(yesterday);
        self.turn_statuses(yesterday);
    }

    fn turn_devices(&mut self, yesterday: Day) {
        let (today, from) = (self.today, self.window().from);
        for device in self.devices.values_mut() {
            if device.belongings.iter().any(|entry| entry.from_day > yesterday && entry.from_day <= today) {
                self.dirty.devices.insert(device.no);
            }
            device.forget_before(from);
        }
    }

    fn turn_statuses(&mut self, yesterday: Day) {
        let turns = |span: &StatusSpan| span.from_day > yesterday && span.from_day <= self.today;
        for school in self.schools.values_mut().filter(|school| school.status.iter().any(turns)) {
            school.row.status = status_on(&school.status, self.today) as i8;
            self.dirty.orgs.insert(school.row.id.clone(), school.row.clone());
        }
    }

    fn mark_school(&mut self, school_no: u32, days: Window) {
        self.dirty.schools.entry(school_no).and_modify(|marked| *marked = marked.hull(days)).or_insert(days);
    }

    fn mark_area(&mut self, code: u32, days: Window) {
        self.dirty.areas.entry(code).and_modify(|marked| *marked = marked.hull(days)).or_insert(days);
    }
}

/// Digest of a record without revision and time: the registry repeats the province's record as its heartbeat.
fn content(record: &OrgRecord) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    schemas::avro::encode_org_record(&OrgRecord { rev: 0, updated_at_ms: 0, ..record.clone() }, &mut bytes);
    sha256_u64(&bytes)
}

fn org_row(org: &OrgRecord, today: Day) -> OrgRow {
    OrgRow {
        id: org.id.clone(),
        level: org.level as i8,
        division: org.division,
        school_no: org.school_no,
        class_no: org.class_no,
        name: org.name.clone(),
        parent: org.parent.clone(),
        school_type: org.school_type.clone(),
        status: status_on(&org.status, today) as i8,
        batch: u8::try_from(org.batch).unwrap_or_default(),
        pilot: u8::from(org.pilot),
        ver: org.rev,
    }
}

/// The status in force on a day; before the first entry: that of the first; without any: normal.
fn status_on(history: &[StatusSpan], day: Day) -> SchoolStatus {
    let span = history.iter().rev().find(|span| span.from_day <= day).or(history.first());
    span.map_or(SchoolStatus::Normal, |span| span.status)
}

#[cfg(test)]
mod tests;
