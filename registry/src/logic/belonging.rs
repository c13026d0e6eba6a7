//! Where a device-day belongs (CONTRACT section 3, METRICS section 10.12).
//!
//! A day belongs to what was in force at its 00:00. Days up to and with the day of enrolment belong to the first place
//! and are not in service. Afterwards a day is in service unless the device was suspended or retired, or its school
//! not normal, at 00:00. Whatever is changed takes effect at the next midnight; changed from 23:00 on, at the one
//! after, so that every edge knows a midnight's changes an hour before.

use super::model::{Change, Device, Place, SchoolHistory, in_force};
use schemas::registry::{BelongingFrom, DeviceState, SchoolStatus};
use schemas::time::{DAY_MS, Day};
use std::collections::BTreeMap;

/// From this local time on, a change waits for the midnight after the next.
const LAST_HOUR_MS: i64 = 23 * 3_600_000;

/// Days that a value carries beyond `accept_days`: an event at the limit has spans of the day before, and an edge may
/// still be in the day before the registry's.
const MARGIN_DAYS: i32 = 2;

/// Histories of schools by number. A school that is not there is in no division and not normal.
pub type Schools = BTreeMap<u32, SchoolHistory>;

/// The first day on which a change made at `now_ms` is in force.
#[must_use]
pub fn effective_day(now_ms: i64) -> Day {
    let today = Day::of_ms(now_ms);
    let late = now_ms - today.start_ms() >= LAST_HOUR_MS;
    today.plus(if late { 2 } else { 1 })
}

/// The first day whose belonging a value still has to tell when it is made on `today`.
#[must_use]
pub fn horizon(today: Day, accept_days: u32) -> Day {
    today.plus(-(i32::try_from(accept_days).unwrap_or(i32::MAX / 2) + MARGIN_DAYS))
}

/// What a device's value carries: entries ascend, neighbours differ, the first holds from [`Day::FIRST`], and from
/// `horizon` on every day is told right.
#[must_use]
pub fn belongings(device: &Device, schools: &Schools, horizon: Day) -> Vec<BelongingFrom> {
    let mut entries: Vec<_> =
        turning_days(device, schools).into_iter().map(|day| belonging_on(device, schools, day)).collect();
    entries.dedup_by(|next, kept| same_place(next, kept));
    let passed = entries.partition_point(|entry| entry.from_day <= horizon);
    entries.drain(..passed.saturating_sub(1));
    if let Some(first) = entries.first_mut() {
        first.from_day = Day::FIRST;
    }
    entries
}

/// The belonging of one day, in force from that day on as far as it is concerned.
#[must_use]
pub fn belonging_on(device: &Device, schools: &Schools, day: Day) -> BelongingFrom {
    let place = in_force(&device.places, day).unwrap_or(Place { school_no: 0, class_no: 0 });
    let school = schools.get(&place.school_no);
    BelongingFrom {
        from_day: day,
        school_no: place.school_no,
        class_no: place.class_no,
        division: school.and_then(|school| in_force(&school.divisions, day)).unwrap_or(0),
        in_service: device_counts(device, day) && school.is_some_and(|school| school_counts(school, day)),
    }
}

fn device_counts(device: &Device, day: Day) -> bool {
    let enrolled_before = Day::of_ms(device.enrolled_at_ms) < day;
    let state = device.states.iter().rfind(|change| change.from_day <= day).map(|change| change.value);
    enrolled_before && !matches!(state, Some(DeviceState::Suspended | DeviceState::Retired))
}

fn school_counts(school: &SchoolHistory, day: Day) -> bool {
    in_force(&school.statuses, day) == Some(SchoolStatus::Normal)
}

/// Every day on which the belonging may differ from the day before, ascending, with [`Day::FIRST`].
fn turning_days(device: &Device, schools: &Schools) -> Vec<Day> {
    let mut days = vec![Day::FIRST, Day::of_ms(device.enrolled_at_ms + DAY_MS)];
    days.extend(from_days(&device.places));
    days.extend(from_days(&device.states));
    for school in device.places.iter().filter_map(|change| schools.get(&change.value.school_no)) {
        days.extend(from_days(&school.divisions));
        days.extend(from_days(&school.statuses));
    }
    days.retain(|day| *day >= Day::FIRST);
    days.sort_unstable();
    days.dedup();
    days
}

fn from_days<T>(changes: &[Change<T>]) -> impl Iterator<Item = Day> {
    changes.iter().map(|change| change.from_day)
}

fn same_place(a: &BelongingFrom, b: &BelongingFrom) -> bool {
    BelongingFrom { from_day: b.from_day, ..*a } == *b
}

#[cfg(test)]
mod tests;
