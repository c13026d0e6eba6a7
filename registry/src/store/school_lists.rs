//! The list of an area's schools, with its filters (FEATURES N18).

use super::{Store, StoreError, schools};
use crate::logic::views::SchoolView;
use crate::store::Database;
use schemas::org::area_range;
use schemas::registry::SchoolStatus;
use schemas::time::Day;
use sqlx::QueryBuilder;

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
    /// Profile changed from this day on.
    pub updated_since: Option<Day>,
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
    ) -> Result<Vec<SchoolView>, StoreError> {
        let today = Day::of_ms(at_ms);
        let mut query = QueryBuilder::<Database>::new(schools::SELECT);
        query.push(" AND s.school_no > ").push_bind(filter.after);
        profile_conditions(&mut query, filter);
        place_condition(&mut query, area, filter.direct, today);
        status_condition(&mut query, filter.status, today);
        device_conditions(&mut query, filter);
        query.push(" ORDER BY s.school_no LIMIT ").push_bind(i64::from(limit));
        let mut connection = self.pool.acquire().await?;
        let page = schools::load(&mut connection, query).await?;
        Ok(page.iter().map(|school| school.view(today)).collect())
    }
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
    if let Some(day) = filter.updated_since {
        query.push(" AND s.updated_at_ms >= ").push_bind(day.start_ms());
    }
}

/// A text in which no character has a meaning for LIKE. In small letters: SQLite's LIKE does not tell them from capital
/// ones, PostgreSQL's does.
fn literal(text: &str) -> String {
    text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn place_condition(query: &mut QueryBuilder<Database>, area: u32, direct: bool, today: Day) {
    let codes = if direct { area..=area } else { area_range(area) };
    // The province's own list needs no look at every school's history.
    if !direct && area.is_multiple_of(10_000) {
        return;
    }
    query.push(" AND s.school_no IN (SELECT d.school_no FROM school_divisions d WHERE d.division BETWEEN ");
    query.push_bind(*codes.start()).push(" AND ").push_bind(*codes.end());
    query.push(" AND d.from_day = COALESCE((SELECT MAX(n.from_day) FROM school_divisions n WHERE n.school_no = d.school_no AND n.from_day <= ");
    query.push_bind(today.0);
    query.push("), (SELECT MIN(n.from_day) FROM school_divisions n WHERE n.school_no = d.school_no)))");
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

fn device_conditions(query: &mut QueryBuilder<Database>, filter: &SchoolFilter) {
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
