//! Filling the store with a generated province.

use super::batch::insert;
use super::{Store, StoreError, device_counts, outbox, snapshot};
use crate::logic::generator::{GeneratedSchool, Generator, Province};
use crate::logic::model::{Campus, Change, Class, Device, Division};
use crate::logic::records::{DEVICES_TOPIC, ORGS_TOPIC, Outgoing};
use crate::store::Connection;
use schemas::org::OrgId;
use schemas::registry::{CalendarSpan, Level};

/// Schools that are written together.
const CHUNK: usize = 100;

/// What a store was seeded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedStamp {
    /// Seed.
    pub seed: u64,
    /// Schools.
    pub schools: u32,
}

/// What a seeding did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeded {
    /// The store was seeded before, and is as it was.
    Before(SeedStamp),
    /// The province was written, and so many values wait to be published.
    Now {
        /// Values in the outbox.
        values: usize,
    },
}

/// Highest numbers of an earlier province.
#[derive(Clone, Copy)]
struct Last {
    schools: u32,
    classes: u32,
    devices: u32,
}

impl Store {
    /// Writes a province and a value of everything in it, in one transaction. A store that was seeded is left alone,
    /// unless `force`: then everything in it is replaced, and the keys that are gone are removed from the topics.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn seed(
        &self,
        province: &Province<'_>,
        calendar: &[CalendarSpan],
        force: bool,
        at_ms: i64,
    ) -> Result<Seeded, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(stamp) = seeded(&mut tx).await?.filter(|_| !force) {
            return Ok(Seeded::Before(stamp));
        }
        let before = last(&mut tx).await?;
        clear(&mut tx).await?;
        write(&mut tx, province, calendar, at_ms).await?;
        let values = snapshot::append_all(&mut tx, at_ms, self.accept_days).await?;
        let removed = remove_keys(&mut tx, before, at_ms).await?;
        tx.commit().await?;
        Ok(Seeded::Now { values: values + removed })
    }
}

async fn seeded(tx: &mut Connection) -> Result<Option<SeedStamp>, StoreError> {
    let row: Option<(i64, i64)> = sqlx::query_as("SELECT seed, schools FROM seeding").fetch_optional(tx).await?;
    let stamp = |(seed, schools): (i64, i64)| {
        Ok(SeedStamp { seed: seed.cast_unsigned(), schools: super::number("seeding.schools", schools)? })
    };
    row.map(stamp).transpose()
}

async fn last(tx: &mut Connection) -> Result<Last, StoreError> {
    Ok(Last {
        schools: snapshot::last(tx, "SELECT MAX(school_no) FROM schools").await?,
        classes: snapshot::last(tx, "SELECT MAX(class_no) FROM classes").await?,
        devices: snapshot::last(tx, "SELECT MAX(device_no) FROM devices").await?,
    })
}

/// Empties everything but the revisions, which go on, and the outbox, whose order keeps old values before new ones.
async fn clear(tx: &mut Connection) -> Result<(), StoreError> {
    let tables = [
        "DELETE FROM seeding",
        "DELETE FROM calendar_spans",
        "DELETE FROM bell_entries",
        "DELETE FROM area_group_members",
        "DELETE FROM area_groups",
        "DELETE FROM device_flags",
        "DELETE FROM enrol_codes",
        "DELETE FROM device_states",
        "DELETE FROM belongings",
        "DELETE FROM devices",
        "DELETE FROM classes",
        "DELETE FROM campuses",
        "DELETE FROM school_statuses",
        "DELETE FROM school_divisions",
        "DELETE FROM school_types",
        "DELETE FROM schools",
        "DELETE FROM divisions",
    ];
    for sql in tables {
        sqlx::query(sql).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn write(
    tx: &mut Connection,
    province: &Province<'_>,
    calendar: &[CalendarSpan],
    at_ms: i64,
) -> Result<(), StoreError> {
    write_divisions(tx, province.divisions()).await?;
    for division in province.divisions() {
        let own = if division.level == Level::Province { calendar.to_vec() } else { province.closures(division.code) };
        write_calendar(tx, OrgId::Area(division.code), &own).await?;
    }
    let mut schools = province.schools();
    loop {
        let chunk: Vec<_> = schools.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        write_schools(tx, &chunk, at_ms).await?;
        write_devices(tx, &chunk, at_ms).await?;
        let numbers: Vec<u32> = chunk.iter().map(|generated| generated.school.no).collect();
        device_counts::recount(tx, &numbers, at_ms).await?;
    }
    write_stamp(tx, province.generator(), at_ms).await
}

async fn write_stamp(tx: &mut Connection, generator: Generator, at_ms: i64) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO seeding (one, seed, schools, today, seeded_at_ms) VALUES (1, $1, $2, $3, $4)")
        .bind(generator.seed.cast_signed())
        .bind(generator.schools)
        .bind(generator.today.0)
        .bind(at_ms)
        .execute(tx)
        .await?;
    Ok(())
}

async fn write_divisions(tx: &mut Connection, divisions: &[Division]) -> Result<(), StoreError> {
    let head = "INSERT INTO divisions (code, name, level, parent, batch, batch_start_day, batch_end_day, pilot) ";
    insert(tx, head, divisions, |row, division| {
        row.push_bind(division.code).push_bind(division.name.clone()).push_bind(division.level.as_str());
        row.push_bind(division.parent).push_bind(division.batch);
        row.push_bind(division.window.map(|(start, _)| start.0)).push_bind(division.window.map(|(_, end)| end.0));
        row.push_bind(division.pilot);
    })
    .await
}

async fn write_calendar(tx: &mut Connection, org: OrgId, spans: &[CalendarSpan]) -> Result<(), StoreError> {
    let head = "INSERT INTO calendar_spans (org_id, from_day, until_day, school_day, name, provisional) ";
    insert(tx, head, spans, |row, span| {
        row.push_bind(org.to_string()).push_bind(span.from_day.0).push_bind(span.until_day.0);
        row.push_bind(span.school_day).push_bind(span.name.clone()).push_bind(span.provisional);
    })
    .await
}

async fn write_schools(tx: &mut Connection, chunk: &[GeneratedSchool], at_ms: i64) -> Result<(), StoreError> {
    insert(tx, "INSERT INTO schools (school_no, name, school_type) ", chunk, |row, generated| {
        let school = &generated.school;
        row.push_bind(school.no).push_bind(school.name.clone()).push_bind(school.school_type.clone());
    })
    .await?;
    let divisions = flat(chunk, |generated| changes(generated.school.no, &generated.school.history.divisions));
    let head = "INSERT INTO school_divisions (school_no, from_day, division, entered_at_ms) ";
    insert(tx, head, &divisions, |row, (no, change)| {
        row.push_bind(*no).push_bind(change.from_day.0).push_bind(change.value).push_bind(at_ms);
    })
    .await?;
    let statuses = flat(chunk, |generated| changes(generated.school.no, &generated.school.history.statuses));
    let head = "INSERT INTO school_statuses (school_no, from_day, status, entered_at_ms) ";
    insert(tx, head, &statuses, |row, (no, change)| {
        row.push_bind(*no).push_bind(change.from_day.0).push_bind(change.value.as_str()).push_bind(at_ms);
    })
    .await?;
    for generated in chunk {
        write_calendar(tx, OrgId::School(generated.school.no), &generated.school.closures).await?;
    }
    write_classes(tx, chunk).await
}

async fn write_classes(tx: &mut Connection, chunk: &[GeneratedSchool]) -> Result<(), StoreError> {
    let campuses: Vec<&Campus> = chunk.iter().flat_map(|generated| &generated.campuses).collect();
    insert(tx, "INSERT INTO campuses (campus_no, school_no, name) ", &campuses, |row, campus| {
        row.push_bind(campus.no).push_bind(campus.school_no).push_bind(campus.name.clone());
    })
    .await?;
    let classes: Vec<&Class> = chunk.iter().flat_map(|generated| &generated.classes).collect();
    let head = "INSERT INTO classes (class_no, school_no, campus_no, grade, name, size) ";
    insert(tx, head, &classes, |row, class| {
        row.push_bind(class.no).push_bind(class.school_no).push_bind(class.campus_no);
        row.push_bind(class.grade).push_bind(class.name.clone()).push_bind(class.size);
    })
    .await
}

async fn write_devices(tx: &mut Connection, chunk: &[GeneratedSchool], at_ms: i64) -> Result<(), StoreError> {
    let devices: Vec<&Device> = chunk.iter().flat_map(|generated| &generated.devices).collect();
    let head = "INSERT INTO devices (device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms) ";
    insert(tx, head, &devices, |row, device| {
        row.push_bind(device.no).push_bind(device.id.to_string()).push_bind(device.kind.as_str());
        row.push_bind(device.state.as_str()).push_bind(device.token_gen).push_bind(device.revoked);
        row.push_bind(device.enrolled_at_ms);
    })
    .await?;
    let places = flat(&devices, |device| changes(device.no, &device.places));
    let head = "INSERT INTO belongings (device_no, from_day, school_no, class_no, entered_at_ms) ";
    insert(tx, head, &places, |row, (no, change)| {
        row.push_bind(*no).push_bind(change.from_day.0).push_bind(change.value.school_no);
        row.push_bind(change.value.class_no).push_bind(at_ms);
    })
    .await?;
    let states = flat(&devices, |device| changes(device.no, &device.states));
    let head = "INSERT INTO device_states (device_no, from_day, state, entered_at_ms) ";
    insert(tx, head, &states, |row, (no, change)| {
        row.push_bind(*no).push_bind(change.from_day.0).push_bind(change.value.as_str()).push_bind(at_ms);
    })
    .await
}

fn flat<T, U>(rows: &[T], of: impl Fn(&T) -> Vec<U>) -> Vec<U> {
    rows.iter().flat_map(of).collect()
}

fn changes<T: Copy>(no: u32, changes: &[Change<T>]) -> Vec<(u32, Change<T>)> {
    changes.iter().map(|change| (no, *change)).collect()
}

/// Removes the keys of an earlier province that the present one does not have.
async fn remove_keys(tx: &mut Connection, before: Last, at_ms: i64) -> Result<usize, StoreError> {
    let now = last(tx).await?;
    let schools = (now.schools + 1..=before.schools).map(|no| (ORGS_TOPIC, OrgId::School(no).to_string()));
    let classes = (now.classes + 1..=before.classes).map(|no| (ORGS_TOPIC, OrgId::Class(no).to_string()));
    let devices = (now.devices + 1..=before.devices).map(|no| (DEVICES_TOPIC, no.to_string()));
    let keys: Vec<_> = schools.chain(classes).chain(devices).collect();
    let first = outbox::take_revs(tx, keys.len()).await?;
    let removal = |((topic, key), rev)| Outgoing { rev, topic, key, value: None };
    let values: Vec<_> = keys.into_iter().zip(first..).map(removal).collect();
    outbox::append(tx, at_ms, &values).await?;
    Ok(values.len())
}
