//! The rows of a school: profile, type, area and status, each history by its first days; and who is there.

use super::device_lists::in_force;
use super::{Actor, StoreError, absent, number};
use crate::logic::belonging::effective_day;
use crate::logic::conflict::Conflict;
use crate::logic::forms::SchoolForm;
use crate::store::{Connection, Database};
use schemas::registry::SchoolStatus;
use schemas::time::Day;
use sqlx::QueryBuilder;

/// Devices that are in a school on a day.
pub(super) async fn devices_of(tx: &mut Connection, school_no: u32, day: Day) -> Result<Vec<u32>, StoreError> {
    let mut query = QueryBuilder::<Database>::new("SELECT b.device_no FROM belongings b WHERE b.school_no = ");
    query.push_bind(school_no);
    in_force(&mut query, day);
    query.push(" ORDER BY b.device_no");
    let rows: Vec<(i64,)> = query.build_query_as().fetch_all(tx).await?;
    rows.into_iter().map(|(no,)| number("device_no", no)).collect()
}

pub(super) async fn write_profile(
    tx: &mut Connection,
    no: u32,
    form: &SchoolForm,
    actor: &Actor,
) -> Result<(), StoreError> {
    write_type(tx, no, &form.school_type, effective_day(actor.at_ms)).await?;
    let sql = "UPDATE schools SET name = $2, school_type = $3, code = $4, ownership = $5, weak = $6, tags = $7, address = $8, post_code = $9, updated_at_ms = $10, updated_by = $11, school_system = $12 WHERE school_no = $1";
    // Texts always serialize.
    let tags = serde_json::to_string(&form.tags).unwrap_or_default();
    let update = sqlx::query(sql).bind(no).bind(&form.name).bind(&form.school_type).bind(&form.code);
    let update = update.bind(&form.ownership).bind(form.weak).bind(tags).bind(&form.address).bind(&form.post_code);
    update.bind(actor.at_ms).bind(&actor.name).bind(&form.school_system).execute(tx).await?;
    Ok(())
}

/// Remembers since when a school is of another type, if that changes.
async fn write_type(tx: &mut Connection, no: u32, school_type: &str, from_day: Day) -> Result<(), StoreError> {
    let sql = "SELECT school_type FROM schools WHERE school_no = $1";
    let (before,): (String,) = sqlx::query_as(sql).bind(no).fetch_one(&mut *tx).await?;
    if before == school_type {
        return Ok(());
    }
    let sql = "INSERT INTO school_types (school_no, from_day, school_type) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(no).bind(Day::FIRST.0).bind(before).execute(&mut *tx).await?;
    let sql = "INSERT INTO school_types (school_no, from_day, school_type) VALUES ($1, $2, $3) ON CONFLICT (school_no, from_day) DO UPDATE SET school_type = excluded.school_type";
    sqlx::query(sql).bind(no).bind(from_day.0).bind(school_type).execute(tx).await?;
    Ok(())
}

pub(super) async fn write_division(
    tx: &mut Connection,
    no: u32,
    from_day: Day,
    division: u32,
    at_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO school_divisions (school_no, from_day, division, entered_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (school_no, from_day) DO UPDATE SET division = excluded.division, entered_at_ms = excluded.entered_at_ms";
    sqlx::query(sql).bind(no).bind(from_day.0).bind(division).bind(at_ms).execute(tx).await?;
    Ok(())
}

pub(super) async fn write_status(
    tx: &mut Connection,
    no: u32,
    from_day: Day,
    status: SchoolStatus,
    at_ms: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO school_statuses (school_no, from_day, status, entered_at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (school_no, from_day) DO UPDATE SET status = excluded.status, entered_at_ms = excluded.entered_at_ms";
    sqlx::query(sql).bind(no).bind(from_day.0).bind(status.as_str()).bind(at_ms).execute(tx).await?;
    Ok(())
}

/// Refuses a code of another school.
pub(super) async fn free_code(tx: &mut Connection, code: Option<&str>, own: u32) -> Result<(), StoreError> {
    let Some(code) = code else { return Ok(()) };
    let sql = "SELECT COUNT(*) FROM schools WHERE code = $1 AND school_no <> $2";
    let (others,): (i64,) = sqlx::query_as(sql).bind(code).bind(own).fetch_one(tx).await?;
    if others == 0 { Ok(()) } else { Err(Conflict::Taken("code").into()) }
}

/// Refuses an area that is not there on a day.
pub(super) async fn require_open_area(tx: &mut Connection, code: u32, day: Day) -> Result<(), StoreError> {
    let sql = "SELECT valid_until_day FROM divisions WHERE code = $1";
    let row: Option<(Option<i32>,)> = sqlx::query_as(sql).bind(code).fetch_optional(tx).await?;
    match row.ok_or_else(|| absent("area", code))? {
        (Some(until),) if until <= day.0 => Err(Conflict::AreaClosed(code, Day(until)).into()),
        _ => Ok(()),
    }
}
