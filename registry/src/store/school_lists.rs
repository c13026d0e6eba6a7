//! The list of an area's schools, with its filters (FEATURES N18).

use super::batch::one_of;
use super::{Store, StoreError, device_lists, schools};
use crate::logic::views::SchoolRow;
use crate::store::{Connection, Database};
use schemas::org::area_range;
use schemas::registry::SchoolStatus;
use schemas::time::Day;
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

/// Which schools of an area.
#[derive(Clone, Debug, Default)]
pub struct SchoolFilter {
    /// Only those that the area manages directly.
    pub direct: bool,
    /// Part of the name, or the begin of the code.
    pub name: Option<String>,
    /// Type.
    pub school_type: Option<String>,
    /// 办别
    pub ownership: Option<String>,
    /// Status, today.
    pub status: Option<SchoolStatus>,
    /// Initialised or not.
    pub initialised: Option<bool>,
    /// Has devices that are not retired, or has none.
    pub has_devices: Option<bool>,
    /// A tag.
    pub tag: Option<String>,
    /// 薄弱学校, or not.
    pub weak: Option<bool>,
    /// In an area of the pilot, or in none.
    pub pilot: Option<bool>,
    /// In an area of this group (片区).
    pub group_no: Option<u32>,
    /// Something about a device of it looks doubtful and nobody has judged it, or there is nothing of the kind.
    pub flagged: Option<bool>,
    /// Changed from this day on.
    pub updated_since: Option<Day>,
    /// Changed up to this day.
    pub updated_until: Option<Day>,
    /// After this number.
    pub after: u32,
}

impl Store {
    /// Schools of an area by number, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn schools_of(
        &self,
        area: u32,
        filter: &SchoolFilter,
        limit: u32,
        at_ms: i64,
    ) -> Result<Vec<SchoolRow>, StoreError> {
        let today = Day::of_ms(at_ms);
        let mut query = QueryBuilder::<Database>::new(schools::SELECT);
        query.push(" AND s.school_no > ").push_bind(filter.after);
        profile_conditions(&mut query, filter);
        place_condition(&mut query, "s.school_no", area, filter.direct, today);
        area_conditions(&mut query, filter, today);
        status_condition(&mut query, filter.status, today);
        device_conditions(&mut query, filter, today);
        query.push(" ORDER BY s.school_no LIMIT ").push_bind(i64::from(limit));
        let mut connection = self.pool.acquire().await?;
        let page = schools::load(&mut connection, query).await?;
        let mut counts = device_counts_of(&mut connection, page.iter().map(|school| school.no)).await?;
        let row = |school: &schools::Kept| {
            let devices = counts.remove(&i64::from(school.no)).unwrap_or(0).unsigned_abs();
            SchoolRow { school: school.view(today), devices }
        };
        Ok(page.iter().map(row).collect())
    }
}

async fn device_counts_of(
    tx: &mut Connection,
    schools: impl Iterator<Item = u32>,
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let head = "SELECT school_no, device_count FROM schools WHERE school_no IN ";
    let rows: Vec<(i64, i64)> = one_of(head, schools, "").build_query_as().fetch_all(tx).await?;
    Ok(rows.into_iter().collect())
}

fn profile_conditions(query: &mut QueryBuilder<Database>, filter: &SchoolFilter) {
    for (column, value) in [("school_type", &filter.school_type), ("ownership", &filter.ownership)] {
        if let Some(value) = value {
            query.push(format!(" AND s.{column} = ")).push_bind(value.clone());
        }
    }
    if let Some(name) = &filter.name {
        let code = format!("{}%", literal(name));
        query
            .push(" AND (LOWER(s.name) LIKE ")
            .push_bind(format!("%{code}"))
            .push(" ESCAPE '!' OR LOWER(s.code) LIKE ");
        query.push_bind(code).push(" ESCAPE '!')");
    }
    if let Some(tag) = &filter.tag {
        // Tags are kept as a JSON array of texts: with its quotes, a tag is found whole.
        let quoted = serde_json::to_string(tag).unwrap_or_default();
        query.push(" AND LOWER(s.tags) LIKE ").push_bind(format!("%{}%", literal(&quoted))).push(" ESCAPE '!'");
    }
    if let Some(weak) = filter.weak {
        query.push(" AND s.weak = ").push_bind(weak);
    }
    if let Some(day) = filter.updated_since {
        query.push(" AND s.updated_at_ms >= ").push_bind(day.start_ms());
    }
    if let Some(day) = filter.updated_until {
        query.push(" AND s.updated_at_ms < ").push_bind(day.plus(1).start_ms());
    }
}

/// A text in which no character has a meaning for LIKE. In small letters: SQLite's LIKE does not tell them from capital
/// ones, PostgreSQL's does.
fn literal(text: &str) -> String {
    text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// The schools of an area; `column`: where the query has their numbers.
pub(super) fn place_condition(query: &mut QueryBuilder<Database>, column: &str, area: u32, direct: bool, today: Day) {
    let codes = if direct { area..=area } else { area_range(area) };
    // The province's own list needs no look at every school's history.
    if !direct && area.is_multiple_of(10_000) {
        return;
    }
    query.push(format!(" AND {column} IN (SELECT d.school_no FROM school_divisions d WHERE d.division BETWEEN "));
    query.push_bind(*codes.start()).push(" AND ").push_bind(*codes.end());
    of_today(query, today);
    query.push(")");
}

/// Schools by what is said of the areas that manage them directly.
fn area_conditions(query: &mut QueryBuilder<Database>, filter: &SchoolFilter, today: Day) {
    if let Some(pilot) = filter.pilot {
        query.push(" AND s.school_no IN (SELECT d.school_no FROM school_divisions d JOIN divisions a ON a.code = d.division WHERE a.pilot = ");
        query.push_bind(pilot);
        of_today(query, today);
        query.push(")");
    }
    if let Some(group_no) = filter.group_no {
        query.push(" AND s.school_no IN (SELECT d.school_no FROM school_divisions d JOIN area_group_members m ON m.division = d.division WHERE m.group_no = ");
        query.push_bind(group_no);
        of_today(query, today);
        query.push(")");
    }
}

/// The area of a school today; its first one was its area before as well.
fn of_today(query: &mut QueryBuilder<Database>, today: Day) {
    query.push(" AND d.from_day = COALESCE((SELECT MAX(n.from_day) FROM school_divisions n WHERE n.school_no = d.school_no AND n.from_day <= ");
    query.push_bind(today.0);
    query.push("), (SELECT MIN(n.from_day) FROM school_divisions n WHERE n.school_no = d.school_no))");
}

/// Most schools are normal: there, looking at each until the page is full is fastest. The others are few, and found by
/// their status.
fn status_condition(query: &mut QueryBuilder<Database>, status: Option<SchoolStatus>, today: Day) {
    let Some(status) = status else { return };
    if status != SchoolStatus::Normal {
        query.push(" AND s.school_no IN (SELECT f.school_no FROM school_statuses f WHERE f.status = ");
        query.push_bind(status.as_str()).push(" AND f.from_day <= ").push_bind(today.0).push(")");
    }
    query.push(" AND (SELECT t.status FROM school_statuses t WHERE t.school_no = s.school_no AND t.from_day <= ");
    query.push_bind(today.0).push(" ORDER BY t.from_day DESC LIMIT 1) = ").push_bind(status.as_str());
}

fn device_conditions(query: &mut QueryBuilder<Database>, filter: &SchoolFilter, today: Day) {
    if let Some(flagged) = filter.flagged {
        query.push(if flagged { " AND s.school_no IN" } else { " AND s.school_no NOT IN" });
        query.push(" (SELECT b.school_no FROM device_flags f JOIN belongings b ON b.device_no = f.device_no WHERE f.state = 'open'");
        device_lists::in_force(query, today);
        query.push(")");
    }
    if let Some(initialised) = filter.initialised {
        query.push(if initialised {
            " AND s.initialised_at_ms IS NOT NULL"
        } else {
            " AND s.initialised_at_ms IS NULL"
        });
    }
    if let Some(has_devices) = filter.has_devices {
        query.push(if has_devices { " AND s.device_count > 0" } else { " AND s.device_count = 0" });
    }
}
