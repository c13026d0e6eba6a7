//! Devices, and everything that may be done to one.

use super::batch::one_of;
use super::{Store, StoreError, absent, corrupt, number, orgs, outbox};
use crate::logic::belonging::Schools;
use crate::logic::model::{Change, Device, Place};
use crate::logic::records::{self, Outgoing, Stamp};
use crate::store::{Connection, Database};
use schemas::registry::{DeviceKind, DeviceRecord, DeviceState};
use schemas::time::Day;
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use uuid::Uuid;

type DeviceRow = (i64, String, String, String, i64, bool, i64);

/// Devices that are looked up together.
const TOGETHER: usize = 1_000;

/// Which devices.
pub(super) enum Numbers<'n> {
    /// Those of a range.
    Range(RangeInclusive<u32>),
    /// These.
    List(&'n [u32]),
}

impl Numbers<'_> {
    /// A query whose `head` ends with the column of the number.
    fn query(&self, head: &str, tail: &str) -> QueryBuilder<Database> {
        match self {
            Numbers::Range(range) => {
                let mut query = QueryBuilder::new(head);
                query.push(" BETWEEN ").push_bind(*range.start()).push(" AND ").push_bind(*range.end()).push(tail);
                query
            }
            Numbers::List(numbers) => one_of(&format!("{head} IN "), numbers.iter().copied(), tail),
        }
    }
}

/// Devices, by number.
pub(super) async fn devices(tx: &mut Connection, numbers: &Numbers<'_>) -> Result<Vec<Device>, StoreError> {
    let head =
        "SELECT device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms FROM devices WHERE device_no";
    let mut query = numbers.query(head, " ORDER BY device_no");
    let rows: Vec<DeviceRow> = query.build_query_as().fetch_all(&mut *tx).await?;
    let mut places = places(tx, numbers).await?;
    let mut states = states(tx, numbers).await?;
    let complete = |row| {
        let mut device = device(row)?;
        device.places = places.remove(&device.no).unwrap_or_default();
        device.states = states.remove(&device.no).unwrap_or_default();
        Ok(device)
    };
    rows.into_iter().map(complete).collect()
}

fn device((no, id, kind, state, token_gen, revoked, enrolled_at_ms): DeviceRow) -> Result<Device, StoreError> {
    Ok(Device {
        no: number("devices.device_no", no)?,
        id: Uuid::parse_str(&id).map_err(|_| corrupt("devices.device_id", &id))?,
        kind: DeviceKind::parse(&kind).ok_or_else(|| corrupt("devices.kind", &kind))?,
        state: parse_state(&state)?,
        token_gen: number("devices.token_gen", token_gen)?,
        revoked,
        enrolled_at_ms,
        places: Vec::new(),
        states: Vec::new(),
    })
}

fn parse_state(text: &str) -> Result<DeviceState, StoreError> {
    DeviceState::parse(text).ok_or_else(|| corrupt("state", text))
}

type ByDevice<T> = BTreeMap<u32, Vec<Change<T>>>;

async fn places(tx: &mut Connection, numbers: &Numbers<'_>) -> Result<ByDevice<Place>, StoreError> {
    let head = "SELECT device_no, from_day, school_no, class_no FROM belongings WHERE device_no";
    let mut query = numbers.query(head, " ORDER BY device_no, from_day");
    let rows: Vec<(i64, i32, i64, i64)> = query.build_query_as().fetch_all(tx).await?;
    let mut places = ByDevice::new();
    for (device_no, from_day, school_no, class_no) in rows {
        let school_no = number("belongings.school_no", school_no)?;
        let value = Place { school_no, class_no: number("belongings.class_no", class_no)? };
        let device_no = number("belongings.device_no", device_no)?;
        places.entry(device_no).or_default().push(Change { from_day: Day(from_day), value });
    }
    Ok(places)
}

async fn states(tx: &mut Connection, numbers: &Numbers<'_>) -> Result<ByDevice<DeviceState>, StoreError> {
    let head = "SELECT device_no, from_day, state FROM device_states WHERE device_no";
    let mut query = numbers.query(head, " ORDER BY device_no, from_day");
    let rows: Vec<(i64, i32, String)> = query.build_query_as().fetch_all(tx).await?;
    let mut states = ByDevice::new();
    for (device_no, from_day, state) in rows {
        let change = Change { from_day: Day(from_day), value: parse_state(&state)? };
        states.entry(number("device_states.device_no", device_no)?).or_default().push(change);
    }
    Ok(states)
}

pub(super) async fn require(tx: &mut Connection, no: u32) -> Result<Device, StoreError> {
    devices(tx, &Numbers::List(&[no])).await?.pop().ok_or_else(|| absent("device", no))
}

/// The histories of every school that these devices were in.
pub(super) async fn schools_of(tx: &mut Connection, devices: &[Device]) -> Result<Schools, StoreError> {
    let places = devices.iter().flat_map(|device| &device.places);
    let schools: BTreeSet<u32> = places.map(|place| place.value.school_no).collect();
    orgs::histories_of(tx, &schools.into_iter().collect::<Vec<_>>()).await
}

impl Store {
    fn stamp(&self, rev: u64, at_ms: i64) -> Stamp {
        Stamp { rev, at_ms, accept_days: self.accept_days }
    }

    /// A device and the value that tells of it at `at_ms` (revision 0).
    ///
    /// # Errors
    /// There is no such device, or the store cannot be read.
    pub async fn device(&self, no: u32, at_ms: i64) -> Result<(Device, DeviceRecord), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let device = require(&mut connection, no).await?;
        let schools = schools_of(&mut connection, std::slice::from_ref(&device)).await?;
        let record = records::device(&device, &schools, self.stamp(0, at_ms));
        Ok((device, record))
    }

    /// What is on a device's label.
    ///
    /// # Errors
    /// There is no such device, or the store cannot be read.
    pub async fn device_code(&self, no: u32) -> Result<Option<String>, StoreError> {
        let sql = "SELECT code FROM devices WHERE device_no = $1";
        let row: Option<(Option<String>,)> = sqlx::query_as(sql).bind(no).fetch_optional(&self.pool).await?;
        row.map(|(code,)| code).ok_or_else(|| absent("device", no))
    }

    /// Brings what was enrolled before `today` into service, and gives the number of devices. Page by page: after an
    /// import there may be millions, and other changes get their turn in between.
    ///
    /// # Errors
    /// The store cannot be written; what was committed until then stands.
    pub async fn start_service(&self, today: Day, at_ms: i64) -> Result<usize, StoreError> {
        let mut started = 0;
        loop {
            let page = self.start_page(today, at_ms).await?;
            started += page;
            if page < TOGETHER {
                return Ok(started);
            }
        }
    }

    async fn start_page(&self, today: Day, at_ms: i64) -> Result<usize, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE devices SET state = 'in_service' WHERE device_no IN (SELECT device_no FROM devices WHERE state = 'enrolled' AND enrolled_at_ms < $1 ORDER BY enrolled_at_ms LIMIT $2) RETURNING device_no";
        let rows: Vec<(i64,)> =
            sqlx::query_as(sql).bind(today.start_ms()).bind(TOGETHER as i64).fetch_all(&mut *tx).await?;
        let numbers = rows.into_iter().map(|(no,)| number("device_no", no)).collect::<Result<Vec<_>, _>>()?;
        tell(&mut tx, &numbers, at_ms, self.accept_days).await?;
        tx.commit().await?;
        Ok(numbers.len())
    }
}

/// Puts the present values of devices into the outbox.
pub(super) async fn tell(tx: &mut Connection, numbers: &[u32], at_ms: i64, accept_days: u32) -> Result<(), StoreError> {
    for numbers in numbers.chunks(TOGETHER) {
        let devices = devices(tx, &Numbers::List(numbers)).await?;
        let schools = schools_of(tx, &devices).await?;
        let first = outbox::take_revs(tx, devices.len()).await?;
        let record = |(device, rev)| records::device(device, &schools, Stamp { rev, at_ms, accept_days });
        let values: Vec<_> = devices.iter().zip(first..).map(record).map(|record| Outgoing::device(&record)).collect();
        outbox::append(tx, at_ms, &values).await?;
    }
    Ok(())
}

/// Enters a place from a day on; an earlier entry for that day is replaced.
pub(super) async fn write_place(
    tx: &mut Connection,
    no: u32,
    place: Place,
    from_day: Day,
    at_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO belongings (device_no, from_day, school_no, class_no, entered_at_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (device_no, from_day) DO UPDATE SET school_no = excluded.school_no, class_no = excluded.class_no, entered_at_ms = excluded.entered_at_ms";
    let insert = sqlx::query(sql).bind(no).bind(from_day.0).bind(place.school_no).bind(place.class_no).bind(at_ms);
    insert.execute(tx).await?;
    Ok(())
}

/// Enters a state: now for the edge's refusals, from a day on for the history.
pub(super) async fn write_state(
    tx: &mut Connection,
    no: u32,
    to: DeviceState,
    from_day: Day,
    at_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO device_states (device_no, from_day, state, entered_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (device_no, from_day) DO UPDATE SET state = excluded.state, entered_at_ms = excluded.entered_at_ms";
    sqlx::query(sql).bind(no).bind(from_day.0).bind(to.as_str()).bind(at_ms).execute(&mut *tx).await?;
    let sql = "UPDATE devices SET state = $2 WHERE device_no = $1";
    sqlx::query(sql).bind(no).bind(to.as_str()).execute(tx).await?;
    Ok(())
}

pub(super) async fn require_place(tx: &mut Connection, place: Place) -> Result<(), StoreError> {
    let no = place.school_no;
    let sql = "SELECT COUNT(*) FROM schools WHERE school_no = $1 AND purged_at_ms IS NULL";
    let (there,): (i64,) = sqlx::query_as(sql).bind(no).fetch_one(&mut *tx).await?;
    if there == 0 {
        return Err(absent("school", no));
    }
    if place.class_no != 0 && orgs::school_of_class(tx, place.class_no).await? != no {
        return Err(StoreError::OtherSchool { class_no: place.class_no, school_no: no });
    }
    Ok(())
}
