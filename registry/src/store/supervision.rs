//! How far the areas and schools below an area have come.

use super::batch::one_of;
use super::{Store, StoreError, number, orgs};
use crate::logic::model::Division;
use crate::logic::views::{Progress, SupervisionView};
use crate::store::{Connection, Database};
use schemas::org::{OrgId, area_range};
use schemas::registry::Level;
use schemas::time::Day;
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

/// A key, then the counts of [`Progress`].
type Row = (i64, i64, i64, i64, i64, i64);

/// The counts of an aggregate over open schools `s` that are in `d.division` today.
const COUNTS: &str = ", COUNT(*), COUNT(s.initialised_at_ms), CAST(SUM(CASE WHEN EXISTS (SELECT 1 FROM grants g JOIN accounts a ON a.account_no = g.account_no WHERE g.scope = 's' || s.school_no AND g.role = 'school_admin' AND g.revoked_at_ms IS NULL AND a.state = 'active') THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN s.device_count > 0 THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(s.device_count) AS BIGINT) FROM schools s JOIN school_divisions d ON d.school_no = s.school_no WHERE s.purged_at_ms IS NULL AND d.from_day = COALESCE((SELECT MAX(n.from_day) FROM school_divisions n WHERE n.school_no = s.school_no AND n.from_day <= ";

impl Store {
    /// The lower areas and the directly managed schools of an area.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn supervision(&self, code: u32, at_ms: i64) -> Result<Vec<SupervisionView>, StoreError> {
        let today = Day::of_ms(at_ms);
        let mut connection = self.pool.acquire().await?;
        let divisions = orgs::divisions(&mut connection).await?;
        let range = area_range(code);
        let rows = counts(&mut connection, "d.division", (*range.start(), *range.end()), today).await?;
        let below = divisions.into_iter().filter(|division| division.parent == Some(code));
        let mut views: Vec<_> = below.map(|division| of_area(&division, &rows)).collect();
        let schools = counts(&mut connection, "s.school_no", (code, code), today).await?;
        let mut names = names(&mut connection, schools.iter().map(|(no, _)| *no)).await?;
        for (no, progress) in schools {
            let name = names.remove(&i64::from(no)).unwrap_or_default();
            let (id, level) = (OrgId::School(no).to_string(), Level::School.as_str().to_owned());
            views.push(SupervisionView { id, name, level, window_from: None, window_until: None, progress });
        }
        Ok(views)
    }
}

/// Names of schools by number.
async fn names(tx: &mut Connection, numbers: impl Iterator<Item = u32>) -> Result<BTreeMap<i64, String>, StoreError> {
    let head = "SELECT school_no, name FROM schools WHERE school_no IN ";
    let rows: Vec<(i64, String)> = one_of(head, numbers, "").build_query_as().fetch_all(tx).await?;
    Ok(rows.into_iter().collect())
}

fn of_area(division: &Division, rows: &[(u32, Progress)]) -> SupervisionView {
    let range = area_range(division.code);
    let mut progress = Progress::default();
    rows.iter().filter(|(code, _)| range.contains(code)).for_each(|(_, part)| progress += *part);
    SupervisionView {
        id: division.code.to_string(),
        name: division.name.clone(),
        level: division.level.as_str().to_owned(),
        window_from: division.window.map(|(from, _)| from.to_string()),
        window_until: division.window.map(|(_, until)| until.to_string()),
        progress,
    }
}

/// Counts by `key`, of the open schools that areas from one code to another manage directly today.
async fn counts(
    tx: &mut Connection,
    key: &'static str,
    (first, last): (u32, u32),
    today: Day,
) -> Result<Vec<(u32, Progress)>, StoreError> {
    let mut query = QueryBuilder::<Database>::new("SELECT ");
    query.push(key).push(COUNTS).push_bind(today.0);
    query.push(
        "), (SELECT MIN(n.from_day) FROM school_divisions n WHERE n.school_no = s.school_no)) AND d.division BETWEEN ",
    );
    query.push_bind(first).push(" AND ").push_bind(last);
    query.push(" AND NOT EXISTS (SELECT 1 FROM school_statuses t WHERE t.school_no = s.school_no AND t.status IN ('merged', 'dissolved') AND t.from_day <= ");
    query.push_bind(today.0).push(") GROUP BY ").push(key).push(" ORDER BY ").push(key);
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx).await?;
    rows.into_iter().map(read).collect()
}

fn read(
    (key, schools, initialised, with_administrator, with_devices, devices): Row,
) -> Result<(u32, Progress), StoreError> {
    let progress = Progress {
        schools: number("schools", schools)?,
        initialised: number("schools.initialised_at_ms", initialised)?,
        with_administrator: number("grants", with_administrator)?,
        with_devices: number("schools.device_count", with_devices)?,
        devices: number("schools.device_count", devices)?,
    };
    Ok((number("key", key)?, progress))
}
