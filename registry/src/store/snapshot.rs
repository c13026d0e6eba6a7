//! Everything at once: values of all organisations and devices, in pages, so that memory stays bounded.

use super::devices::Numbers;
use super::orgs::Calendars;
use super::{Store, StoreError, absent, devices, number, orgs, outbox};
use crate::logic::belonging::Schools;
use crate::logic::model::{Device, Division, School};
use crate::logic::records::{self, Outgoing, Stamp};
use crate::store::Connection;
use schemas::registry::{DeviceRecord, Level, OrgRecord};
use std::ops::RangeInclusive;

/// Schools of a page.
const SCHOOLS: u32 = 500;
/// Devices of a page.
const DEVICES: u32 = 5_000;

impl Store {
    /// Puts a value of every organisation and every device into the outbox; gives their number.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn republish(&self, at_ms: i64) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let count = append_all(&mut tx, at_ms, self.accept_days).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// Tells that the registry is alive: publishes the province's value again.
    ///
    /// # Errors
    /// The store is empty, or cannot be written.
    pub async fn beat(&self, at_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut divisions = orgs::divisions(&mut tx).await?;
        divisions.retain(|division| division.level == Level::Province);
        let calendars = orgs::calendars(&mut tx).await?;
        append_areas(&mut tx, &divisions, &calendars, at_ms).await?;
        Ok(tx.commit().await?)
    }

    /// A page of devices with the values that tell of them (revision 0), from a number on; empty: there are no more.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn device_page(&self, from: u32, at_ms: i64) -> Result<Vec<(Device, DeviceRecord)>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let page = devices::devices(&mut connection, &Numbers::Range(from..=from.saturating_add(DEVICES - 1))).await?;
        let schools = histories_of(&mut connection, &page).await?;
        let stamp = Stamp { rev: 0, at_ms, accept_days: self.accept_days };
        let with_record = |device: Device| {
            let record = records::device(&device, &schools, stamp);
            (device, record)
        };
        Ok(page.into_iter().map(with_record).collect())
    }
}

pub(super) async fn append_all(tx: &mut Connection, at_ms: i64, accept_days: u32) -> Result<usize, StoreError> {
    let (divisions, calendars) = (orgs::divisions(tx).await?, orgs::calendars(tx).await?);
    let mut count = append_areas(tx, &divisions, &calendars, at_ms).await?;
    for page in pages(last(tx, "SELECT MAX(school_no) FROM schools").await?, SCHOOLS) {
        count += append_schools(tx, &page, &calendars, at_ms).await?;
    }
    for page in pages(last(tx, "SELECT MAX(device_no) FROM devices").await?, DEVICES) {
        count += append_devices(tx, &page, at_ms, accept_days).await?;
    }
    Ok(count)
}

async fn append_areas(
    tx: &mut Connection,
    divisions: &[Division],
    calendars: &Calendars,
    at_ms: i64,
) -> Result<usize, StoreError> {
    let area = |division: &Division, stamp| {
        let calendar = calendars.get(&division.code.to_string()).cloned().unwrap_or_default();
        records::area(division, calendar, stamp)
    };
    append_orgs(tx, divisions, at_ms, area).await
}

async fn append_schools(
    tx: &mut Connection,
    numbers: &RangeInclusive<u32>,
    calendars: &Calendars,
    at_ms: i64,
) -> Result<usize, StoreError> {
    let schools = orgs::schools(tx, numbers, calendars).await?;
    let mut classes = Vec::new();
    for class in orgs::classes(tx, numbers).await? {
        let index = schools.binary_search_by_key(&class.school_no, |school| school.no);
        let school = &schools[index.map_err(|_| absent("school", class.school_no))?];
        classes.push((class, school));
    }
    let count = append_school_values(tx, &schools, at_ms).await?;
    Ok(count + append_orgs(tx, &classes, at_ms, |(class, school), stamp| records::class(class, school, stamp)).await?)
}

pub(super) async fn append_school_values(
    tx: &mut Connection,
    schools: &[School],
    at_ms: i64,
) -> Result<usize, StoreError> {
    append_orgs(tx, schools, at_ms, |school: &School, stamp| records::school(school, stamp)).await
}

async fn append_orgs<T>(
    tx: &mut Connection,
    orgs: &[T],
    at_ms: i64,
    record: impl Fn(&T, Stamp) -> OrgRecord,
) -> Result<usize, StoreError> {
    let first = outbox::take_revs(tx, orgs.len()).await?;
    let stamped = orgs.iter().zip(first..).map(|(org, rev)| record(org, Stamp { rev, at_ms, accept_days: 0 }));
    let values: Vec<_> = stamped.map(Outgoing::org).collect();
    outbox::append(tx, at_ms, &values).await?;
    Ok(values.len())
}

async fn append_devices(
    tx: &mut Connection,
    numbers: &RangeInclusive<u32>,
    at_ms: i64,
    accept_days: u32,
) -> Result<usize, StoreError> {
    let devices = devices::devices(tx, &Numbers::Range(numbers.clone())).await?;
    let schools = histories_of(tx, &devices).await?;
    let first = outbox::take_revs(tx, devices.len()).await?;
    let record = |(device, rev)| records::device(device, &schools, Stamp { rev, at_ms, accept_days });
    let values: Vec<_> = devices.iter().zip(first..).map(record).map(|record| Outgoing::device(&record)).collect();
    outbox::append(tx, at_ms, &values).await?;
    Ok(values.len())
}

/// The histories of every school that these devices were in; of those between as well, because numbers of schools and
/// of their devices ascend together.
async fn histories_of(tx: &mut Connection, devices: &[Device]) -> Result<Schools, StoreError> {
    let numbers = devices.iter().flat_map(|device| &device.places).map(|change| change.value.school_no);
    match (numbers.clone().min(), numbers.max()) {
        (Some(first), Some(last)) => orgs::histories(tx, &(first..=last)).await,
        _ => Ok(Schools::new()),
    }
}

/// The highest number of a table, 0 if it is empty.
pub(super) async fn last(tx: &mut Connection, sql: &'static str) -> Result<u32, StoreError> {
    let (last,): (Option<i64>,) = sqlx::query_as(sql).fetch_one(tx).await?;
    number("number", last.unwrap_or(0))
}

/// Numbers are dense from 1, so ranges of numbers are pages.
fn pages(last: u32, size: u32) -> impl Iterator<Item = RangeInclusive<u32>> {
    (0..last.div_ceil(size)).map(move |page| page * size + 1..=((page + 1) * size).min(last))
}
