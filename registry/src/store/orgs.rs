//! Divisions, schools, classes and calendars.

use super::batch::one_of;
use super::bells::Book;
use super::{Store, StoreError, absent, corrupt, number};
use crate::logic::belonging::Schools;
use crate::logic::model::{Change, Class, Division, School, SchoolHistory};
use crate::store::Connection;
use schemas::org::OrgId;
use schemas::registry::{CalendarSpan, Level, SchoolStatus};
use schemas::time::Day;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

type DivisionRow = (i64, String, String, Option<i64>, i64, Option<i32>, Option<i32>, bool);

pub(super) async fn divisions(tx: &mut Connection) -> Result<Vec<Division>, StoreError> {
    let sql =
        "SELECT code, name, level, parent, batch, batch_start_day, batch_end_day, pilot FROM divisions ORDER BY code";
    let rows: Vec<DivisionRow> = sqlx::query_as(sql).fetch_all(tx).await?;
    rows.into_iter().map(division).collect()
}

fn division((code, name, level, parent, batch, start, end, pilot): DivisionRow) -> Result<Division, StoreError> {
    Ok(Division {
        code: number("divisions.code", code)?,
        name,
        level: Level::parse(&level).ok_or_else(|| corrupt("divisions.level", level))?,
        parent: parent.map(|parent| number("divisions.parent", parent)).transpose()?,
        batch: number("divisions.batch", batch)?,
        window: start.zip(end).map(|(start, end)| (Day(start), Day(end))),
        pilot,
    })
}

/// Calendars by organisation.
pub(super) type Calendars = BTreeMap<String, Vec<CalendarSpan>>;

pub(super) async fn calendars(tx: &mut Connection) -> Result<Calendars, StoreError> {
    let sql = "SELECT org_id, from_day, until_day, school_day, name, provisional FROM calendar_spans ORDER BY from_day, until_day";
    Ok(by_org(sqlx::query_as(sql).fetch_all(tx).await?))
}

type SpanRow = (String, i32, i32, bool, String, bool);

fn by_org(rows: Vec<SpanRow>) -> Calendars {
    let mut calendars = Calendars::new();
    for (org_id, from, until, school_day, name, provisional) in rows {
        let span = CalendarSpan { from_day: Day(from), until_day: Day(until), school_day, name, provisional };
        calendars.entry(org_id).or_default().push(span);
    }
    calendars
}

/// The calendar of one organisation.
pub(super) async fn calendar_of(tx: &mut Connection, org_id: &str) -> Result<Calendars, StoreError> {
    let sql = "SELECT org_id, from_day, until_day, school_day, name, provisional FROM calendar_spans WHERE org_id = $1 ORDER BY from_day, until_day";
    let rows: Vec<SpanRow> = sqlx::query_as(sql).bind(org_id).fetch_all(tx).await?;
    Ok(by_org(rows))
}

/// Histories of the schools in a range of numbers.
pub(super) async fn histories(tx: &mut Connection, numbers: &RangeInclusive<u32>) -> Result<Schools, StoreError> {
    let sql = "SELECT school_no, from_day, division FROM school_divisions WHERE school_no BETWEEN $1 AND $2 ORDER BY from_day";
    let divisions = sqlx::query_as(sql).bind(numbers.start()).bind(numbers.end()).fetch_all(&mut *tx).await?;
    let sql =
        "SELECT school_no, from_day, status FROM school_statuses WHERE school_no BETWEEN $1 AND $2 ORDER BY from_day";
    let statuses = sqlx::query_as(sql).bind(numbers.start()).bind(numbers.end()).fetch_all(tx).await?;
    by_school(divisions, statuses)
}

/// Histories of the schools of a page.
pub(super) async fn histories_of(tx: &mut Connection, numbers: &[u32]) -> Result<Schools, StoreError> {
    let head = "SELECT school_no, from_day, division FROM school_divisions WHERE school_no IN ";
    let divisions =
        one_of(head, numbers.iter().copied(), " ORDER BY from_day").build_query_as().fetch_all(&mut *tx).await?;
    let head = "SELECT school_no, from_day, status FROM school_statuses WHERE school_no IN ";
    let statuses = one_of(head, numbers.iter().copied(), " ORDER BY from_day").build_query_as().fetch_all(tx).await?;
    by_school(divisions, statuses)
}

/// Rows of divisions and of statuses, both in the order of days.
fn by_school(divisions: Vec<(i64, i32, i64)>, statuses: Vec<(i64, i32, String)>) -> Result<Schools, StoreError> {
    let mut schools = Schools::new();
    for (no, from_day, division) in divisions {
        let change = Change { from_day: Day(from_day), value: number("school_divisions.division", division)? };
        history(&mut schools, no)?.divisions.push(change);
    }
    for (no, from_day, status) in statuses {
        let value = SchoolStatus::parse(&status).ok_or_else(|| corrupt("school_statuses.status", status))?;
        history(&mut schools, no)?.statuses.push(Change { from_day: Day(from_day), value });
    }
    Ok(schools)
}

fn history(schools: &mut Schools, no: i64) -> Result<&mut SchoolHistory, StoreError> {
    Ok(schools.entry(number("school_no", no)?).or_default())
}

/// Schools of a range of numbers, by number.
pub(super) async fn schools(
    tx: &mut Connection,
    numbers: &RangeInclusive<u32>,
    calendars: &Calendars,
) -> Result<Vec<School>, StoreError> {
    let mut histories = histories(tx, numbers).await?;
    let sql = "SELECT school_no, name, school_type FROM schools WHERE school_no BETWEEN $1 AND $2 AND purged_at_ms IS NULL ORDER BY school_no";
    let rows: Vec<(i64, String, String)> =
        sqlx::query_as(sql).bind(numbers.start()).bind(numbers.end()).fetch_all(&mut *tx).await?;
    let book = Book::of(tx, &histories.keys().copied().collect::<Vec<_>>()).await?;
    let school = |(no, name, school_type): (i64, String, String)| {
        let no = number("schools.school_no", no)?;
        let closures = calendars.get(&OrgId::School(no).to_string()).cloned().unwrap_or_default();
        let history = histories.remove(&no).unwrap_or_default();
        let bells = book.bells(no, &school_type, &history.divisions);
        Ok(School { no, name, school_type, history, closures, bells })
    };
    rows.into_iter().map(school).collect()
}

/// Classes of a range of schools, by number.
pub(super) async fn classes(tx: &mut Connection, schools: &RangeInclusive<u32>) -> Result<Vec<Class>, StoreError> {
    let sql = "SELECT c.class_no, c.school_no, c.campus_no, c.grade, c.name, c.size FROM classes c JOIN schools s ON s.school_no = c.school_no WHERE c.school_no BETWEEN $1 AND $2 AND s.purged_at_ms IS NULL ORDER BY c.class_no";
    let rows: Vec<(i64, i64, i64, i64, String, i64)> =
        sqlx::query_as(sql).bind(schools.start()).bind(schools.end()).fetch_all(tx).await?;
    let class = |(no, school_no, campus_no, grade, name, size)| {
        Ok(Class {
            no: number("classes.class_no", no)?,
            school_no: number("classes.school_no", school_no)?,
            campus_no: number("classes.campus_no", campus_no)?,
            grade: number("classes.grade", grade)?,
            name,
            size: number("classes.size", size)?,
        })
    };
    rows.into_iter().map(class).collect()
}

/// The province's code.
pub(super) async fn province(tx: &mut Connection) -> Result<u32, StoreError> {
    let sql = "SELECT code FROM divisions WHERE level = 'province'";
    let row: Option<(i64,)> = sqlx::query_as(sql).fetch_optional(tx).await?;
    number("divisions.code", row.ok_or_else(|| absent("province", 0))?.0)
}

/// The school of a class.
pub(super) async fn school_of_class(tx: &mut Connection, class_no: u32) -> Result<u32, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT school_no FROM classes WHERE class_no = $1").bind(class_no).fetch_optional(tx).await?;
    number("classes.school_no", row.ok_or_else(|| absent("class", class_no))?.0)
}

impl Store {
    /// The province's code.
    ///
    /// # Errors
    /// The store is empty, or cannot be read.
    pub async fn province(&self) -> Result<u32, StoreError> {
        let mut connection = self.pool.acquire().await?;
        province(&mut connection).await
    }

    /// Refuses an organisation that does not exist.
    ///
    /// # Errors
    /// It does not, or the store cannot be read.
    pub async fn require(&self, org: OrgId) -> Result<(), StoreError> {
        let (sql, kind, no) = match org {
            OrgId::Area(code) => ("SELECT COUNT(*) FROM divisions WHERE code = $1", "area", code),
            OrgId::School(no) => {
                ("SELECT COUNT(*) FROM schools WHERE school_no = $1 AND purged_at_ms IS NULL", "school", no)
            }
            OrgId::Class(no) => ("SELECT COUNT(*) FROM classes WHERE class_no = $1", "class", no),
        };
        let (count,): (i64,) = sqlx::query_as(sql).bind(no).fetch_one(&self.pool).await?;
        if count == 0 { Err(absent(kind, no)) } else { Ok(()) }
    }
}
