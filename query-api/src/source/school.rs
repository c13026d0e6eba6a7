//! Reads the devices of one school with what their figures are divided from.

use super::client::{Store, StoreError, fetch_some};
use super::facts::{Now, QueryIds, Sources};
use super::rows::{DeviceActivityRow, DeviceNetworkRow, DeviceNoRow, DeviceRosterRow, DeviceRow, SchoolDayRow};
use super::sets::Wanted;
use crate::logic::device_plan::{self, DevicePlan};
use crate::logic::devices::{DeviceSets, count};
use crate::logic::etag::DataVersion;
use crate::logic::plan::Calendar;
use crate::logic::sums::Sums;
use std::collections::{HashMap, HashSet};

/// The devices of a school with their sums.
#[derive(Debug, Default)]
pub struct SchoolDevices {
    /// As they are now, wherever that is.
    pub devices: Vec<DeviceRow>,
    /// By device number.
    pub sums: HashMap<u32, Sums>,
    /// School days of the range.
    pub calendar: Calendar,
    /// Of what was read.
    pub version: DataVersion,
}

/// Reads them.
///
/// # Errors
/// A statement failed.
pub async fn read(
    sources: &Sources,
    plan: &DevicePlan<'_>,
    now: Now,
    ids: &QueryIds,
) -> Result<SchoolDevices, StoreError> {
    let store = &sources.store;
    let calendar = plan.calendar();
    let calendar_id = ids.of("calendar");
    let days = store.fetch::<SchoolDayRow>(&calendar, &calendar_id);
    let (devices, days) = tokio::try_join!(devices(store, plan, ids), days)?;
    let mut school = SchoolDevices { devices, ..SchoolDevices::default() };
    school.note_calendar(&days);
    if school.devices.is_empty() {
        return Ok(school);
    }
    let device_nos: Vec<u32> = school.devices.iter().map(|device| device.device_no).collect();
    let roster = plan.in_service(&device_nos);
    let roster_id = ids.of("in-service");
    let roster = store.fetch::<DeviceRosterRow>(&roster, &roster_id);
    let numerators = numerators(store, plan, &school.calendar, ids);
    let sets = sets(sources, plan, now, ids);
    let (roster, (activity, network), sets) = tokio::try_join!(roster, numerators, sets)?;
    school.note_rows(&roster, &activity, &network, &sets);
    Ok(school)
}

/// The devices that are there now, and those that were in the range and have left, by number.
async fn devices(store: &Store, plan: &DevicePlan<'_>, ids: &QueryIds) -> Result<Vec<DeviceRow>, StoreError> {
    let (listed, there_id) = (plan.listed(), ids.of("were-here"));
    let were_here = fetch_some::<DeviceNoRow>(store, plan.were_here(), there_id);
    let (mut devices, were_here) = tokio::try_join!(store.fetch::<DeviceRow>(&listed, &ids.0), were_here)?;
    let now: HashSet<u32> = devices.iter().map(|device| device.device_no).collect();
    let left: Vec<u32> = were_here.iter().map(|row| row.k_device).filter(|no| !now.contains(no)).collect();
    if !left.is_empty() {
        devices.extend(store.fetch::<DeviceRow>(&device_plan::devices(&left), &ids.of("left")).await?);
        devices.sort_unstable_by_key(|device| device.device_no);
    }
    Ok(devices)
}

async fn numerators(
    store: &Store,
    plan: &DevicePlan<'_>,
    calendar: &Calendar,
    ids: &QueryIds,
) -> Result<(Vec<DeviceActivityRow>, Vec<DeviceNetworkRow>), StoreError> {
    let days = calendar.school_days();
    let activity = fetch_some(store, plan.activity(&days), ids.of("activity"));
    let network = fetch_some(store, plan.network(&days), ids.of("network"));
    tokio::try_join!(activity, network)
}

async fn sets(sources: &Sources, plan: &DevicePlan<'_>, now: Now, ids: &QueryIds) -> Result<DeviceSets, StoreError> {
    let Some(wanted) = Wanted::of(plan.figures) else { return Ok(DeviceSets::default()) };
    let mut sets = sources.memory.sets(&sources.store, wanted, &[plan.to], ids).await?;
    let mut sets = sets.remove(&plan.to.0).unwrap_or_default();
    if plan.asks_who_is_online(now.today) {
        sets.online = Some(sources.heard.devices(&sources.store, now, ids).await?);
    }
    Ok(sets)
}

impl SchoolDevices {
    fn note_calendar(&mut self, days: &[SchoolDayRow]) {
        self.calendar.days = days.iter().map(SchoolDayRow::day_count).collect();
        days.iter().for_each(|row| self.version.add(1, row.n_ver));
        self.devices.iter().for_each(|device| self.version.add(1, device.ver));
    }

    fn note_rows(
        &mut self,
        roster: &[DeviceRosterRow],
        activity: &[DeviceActivityRow],
        network: &[DeviceNetworkRow],
        sets: &DeviceSets,
    ) {
        for row in roster {
            let sums = self.sums.entry(row.k_device).or_default();
            (sums.roster.rows, sums.roster.school_day_rows) = (row.n_days, row.n_days);
            (sums.roster.in_service, sums.roster.lesson_slots) = (row.n_days, row.n_lessons);
            if row.n_on_to == 1 {
                sums.devices = count(&[row.k_device], sets);
                self.version.other += sums.devices.active7 + 2 * sums.devices.online_now.unwrap_or(0);
            }
        }
        for row in activity {
            self.version.add(row.n_rows, row.n_ver);
            self.sums.entry(row.k_device).or_default().activity = row.sums();
        }
        for row in network {
            self.version.add(row.n_rows, row.n_ver);
            self.sums.entry(row.k_device).or_default().network = row.sums();
        }
    }
}
