//! Corrections of days that have begun (CONTRACT section 3): what may be proposed, and what an approved one does to a
//! history and to the belongings that follow from it.

use super::belonging::effective_day;
use super::conflict::{Faults, Invalid};
use super::model::{Change, Place, in_force};
use schemas::org::OrgId;
use schemas::registry::{BelongingFrom, DeviceState, SchoolStatus, Shift};
use schemas::time::Day;
use serde::{Deserialize, Serialize};

mod forms;

pub use forms::{AreaCorrectionForm, CorrectionState, CorrectionView, DeviceCorrectionForm, SchoolCorrectionForm};

/// What is to have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// A device was in a class (0: none) of a school.
    Place {
        /// Device.
        device_no: u32,
        /// School.
        school_no: u32,
        /// Class.
        class_no: u32,
    },
    /// A device was in a state: `in_service`, `suspended`, `retired`.
    State {
        /// Device.
        device_no: u32,
        /// State.
        state: String,
    },
    /// A school was in a status: `normal`, `suspended`.
    Status {
        /// School.
        school_no: u32,
        /// Status.
        status: String,
    },
    /// An area directly managed a school.
    Division {
        /// School.
        school_no: u32,
        /// Area.
        division: u32,
    },
    /// There was no school, in an area or school.
    Closure {
        /// Area or school.
        org: String,
        /// Why.
        name: String,
    },
    /// There was school after all: what the area's or school's own calendar closed.
    Reopening {
        /// Area or school.
        org: String,
    },
}

impl What {
    /// What is corrected: `d12`, `s7`, `440106`.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            What::Place { device_no, .. } | What::State { device_no, .. } => format!("d{device_no}"),
            What::Status { school_no, .. } | What::Division { school_no, .. } => format!("s{school_no}"),
            What::Closure { org, .. } | What::Reopening { org } => org.clone(),
        }
    }

    /// How the pipeline is told of it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            What::Place { .. } | What::State { .. } => "device",
            What::Status { .. } | What::Division { .. } => "school",
            What::Closure { .. } => "closure",
            What::Reopening { .. } => "reopening",
        }
    }

    /// The area or school whose calendar is corrected.
    #[must_use]
    pub fn org(&self) -> Option<OrgId> {
        match self {
            What::Closure { org, .. } | What::Reopening { org } => OrgId::parse(org),
            _ => None,
        }
    }
}

/// The days of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub from: Day,
    /// Day after the last; none: it goes on until the next entry of the history that is to come.
    pub until: Option<Day>,
}

impl Days {
    /// Reads the days: they have begun, and events of them are still accepted.
    ///
    /// # Errors
    /// They are not such days.
    pub fn read(from: &str, until: Option<&str>, now_ms: i64, accept_days: u32) -> Result<Days, Invalid> {
        let (first, last) = (Day::parse(from), until.map(Day::parse));
        let days = Days { from: first.unwrap_or(Day::OPEN), until: last.flatten().map(|day| day.plus(1)) };
        let mut faults = Faults::default();
        faults.unless(first.is_some(), "/from", "give a day as YYYY-MM-DD");
        faults.unless(last != Some(None), "/until", "give a day as YYYY-MM-DD");
        faults.done()?;
        days.check(now_ms, accept_days)?;
        Ok(days)
    }

    /// Checks them again, at another time.
    ///
    /// # Errors
    /// They are not such days any more.
    pub fn check(&self, now_ms: i64, accept_days: u32) -> Result<(), Invalid> {
        let (today, effective) = (Day::of_ms(now_ms), effective_day(now_ms));
        let oldest = today.plus(-i32::try_from(accept_days).unwrap_or(i32::MAX / 2));
        let mut faults = Faults::default();
        faults.unless(self.from >= oldest, "/from", &format!("the earliest day is {oldest}"));
        faults.unless(self.from < effective, "/from", "days to come are changed, not corrected");
        let ordered = self.until.is_none_or(|until| self.from < until);
        faults.unless(ordered, "/until", "not before `from`");
        let begun = self.until.is_none_or(|until| until <= effective);
        faults.unless(begun, "/until", "days to come are changed, not corrected; leave it out to go on");
        faults.done()
    }

    /// Day after the last that may have been stamped by the former history: what comes later is new to every edge.
    #[must_use]
    pub fn end(&self, now_ms: i64) -> Day {
        let effective = effective_day(now_ms);
        self.until.map_or(effective, |until| until.min(effective))
    }
}

/// A history with `value` on these days. Without a last day it holds until the next entry of a day to come. `before`: what
/// was in force before the first entry; none: the first entry holds for the days before it as well.
#[must_use]
pub fn overwrite<T: Copy>(
    history: &[Change<T>],
    days: Days,
    effective: Day,
    value: T,
    before: Option<T>,
) -> Vec<Change<T>> {
    let mut corrected: Vec<_> = history.iter().filter(|change| change.from_day < days.from).copied().collect();
    if let (true, None, Some(first)) = (corrected.is_empty(), before, history.first()) {
        corrected.push(Change { from_day: Day::FIRST, value: first.value });
    }
    corrected.push(Change { from_day: days.from, value });
    if let Some(until) = days.until
        && history.iter().all(|change| change.from_day != until)
    {
        let passed = history.iter().rfind(|change| change.from_day <= until).map(|change| change.value);
        let formerly = passed.or(before).or_else(|| in_force(history, until));
        corrected.extend(formerly.map(|value| Change { from_day: until, value }));
    }
    let rest = days.until.unwrap_or(effective);
    corrected.extend(history.iter().filter(|change| change.from_day >= rest));
    corrected
}

/// The days of a device, from `from` up to `end`, on which two accounts of its belongings differ.
#[must_use]
pub fn shifts(device_no: u32, before: &[BelongingFrom], after: &[BelongingFrom], from: Day, end: Day) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    for day in (from.0..end.0).map(Day) {
        let (Some(old), Some(new)) = (on(before, day), on(after, day)) else { continue };
        let shift = shift(device_no, day, old, new);
        if (old.school_no, old.class_no, old.division, old.in_service)
            == (new.school_no, new.class_no, new.division, new.in_service)
        {
            continue;
        }
        match shifts.last_mut().filter(|last| last.until_day == day && same(last, &shift)) {
            Some(last) => last.until_day = day.plus(1),
            None => shifts.push(shift),
        }
    }
    shifts
}

fn on(belongings: &[BelongingFrom], day: Day) -> Option<&BelongingFrom> {
    belongings.iter().rfind(|entry| entry.from_day <= day)
}

fn shift(device_no: u32, day: Day, old: &BelongingFrom, new: &BelongingFrom) -> Shift {
    Shift {
        device_no,
        from_day: day,
        until_day: day.plus(1),
        old_school_no: old.school_no,
        old_class_no: old.class_no,
        old_division: old.division,
        old_in_service: old.in_service,
        school_no: new.school_no,
        class_no: new.class_no,
        division: new.division,
        in_service: new.in_service,
    }
}

fn same(a: &Shift, b: &Shift) -> bool {
    Shift { from_day: b.from_day, until_day: b.until_day, ..*a } == *b
}

/// A state that a device may be said to have been in.
#[must_use]
pub fn device_state(text: &str) -> Option<DeviceState> {
    DeviceState::parse(text).filter(|state| *state != DeviceState::Enrolled)
}

/// A status that a school may be said to have been in: mergers and closings for good are no corrections.
#[must_use]
pub fn school_status(text: &str) -> Option<SchoolStatus> {
    SchoolStatus::parse(text).filter(|status| matches!(status, SchoolStatus::Normal | SchoolStatus::Suspended))
}

/// A history in words, for the log of changes.
#[must_use]
pub fn told<T>(history: &[Change<T>], value: impl Fn(&T) -> String) -> Vec<String> {
    history.iter().map(|change| format!("{} {}", change.from_day, value(&change.value))).collect()
}

/// A place in words.
#[must_use]
pub fn place_words(place: &Place) -> String {
    format!("s{} c{}", place.school_no, place.class_no)
}

#[cfg(test)]
mod tests;
