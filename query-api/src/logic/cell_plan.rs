//! Statements that fill what is kept in memory (see [`super::cells`]). They have no scope on purpose: what they read
//! belongs to nobody's question, and answers take from it what the caller's scope allows.

use super::cells::{Reread, Table};
use super::sql::{ROSTER_SUMS, Statement, activity_sums, in_days, network_sums, not_off, numbers};
use schemas::sets::SHOWN_SCHOOLS;
use schemas::time::Day;

/// A place (see [`super::cells::Place`]): codes of cities and of the province end in 00 (GB/T 2260).
const PLACE: &str = "division AS k_area, if(division % 100 = 0, school_no, toUInt32(0)) AS k_school";

/// The active parts of tables, by their names as they stand in the database. Empty parts hold no rows, and stay for a while where rows were dropped.
#[must_use]
pub fn parts(tables: &[String]) -> Statement {
    let tables = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(", ");
    Statement(format!(
        "SELECT table, name, cityHash64(substring(path, 1, length(path) - length(name))) AS home, partition_id, \
         toInt64(min_block_number) AS first_block, toInt64(max_block_number) AS last_block, \
         toUInt8(data_version != min_block_number) AS is_mutated \
         FROM system.parts WHERE active AND rows > 0 AND database = currentDatabase() AND table IN ({tables})"
    ))
}

/// The areas and days that parts of a table have rows of, by part: a part that has gone meanwhile gives none. None where
/// a name is no part's name.
#[must_use]
pub fn touched(table: Table, parts: &[String]) -> Option<Statement> {
    let is_name = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !parts.iter().all(is_name) {
        return None;
    }
    let names = parts.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let table = table.name();
    Some(Statement(format!(
        "SELECT CAST(_part AS String) AS part, division AS k_area, day AS k_day FROM {table} WHERE _part IN ({names}) \
         GROUP BY part, k_area, k_day"
    )))
}

/// The cells of a table.
#[must_use]
pub fn cells(table: Table, reread: &Reread) -> Statement {
    let areas = reread.areas.as_ref().map(|areas| format!(" AND division IN {}", numbers(areas)));
    let rows = in_days(&reread.days) + &areas.unwrap_or_default();
    let keys = format!("{PLACE}, day AS k_day");
    let group = "GROUP BY k_area, k_school, k_day";
    Statement(match table {
        Table::Roster => {
            format!("SELECT {keys}, toUInt8(1) AS k_by_day, {ROSTER_SUMS} FROM roster_day FINAL WHERE {rows} {group}")
        }
        Table::Activity => {
            let sums = activity_sums(true);
            let shown = format!("{rows} AND {SHOWN_SCHOOLS} AND {}", not_off(&rows));
            format!("SELECT {keys}, {sums} FROM school_day FINAL WHERE {shown} {group}")
        }
        Table::Network => {
            let sums = network_sums(true);
            let shown = format!("{rows} AND {SHOWN_SCHOOLS} AND {}", not_off(&rows));
            format!("SELECT {keys}, {sums} FROM school_network_day FINAL WHERE {shown} {group}")
        }
    })
}

/// Devices in service on a day, by place; a county may stand more than once.
#[must_use]
pub fn in_service(day: Day) -> Statement {
    Statement(format!(
        "SELECT {PLACE}, day AS k_day, bitmapToArray(in_service_devices) AS devices \
         FROM roster_day FINAL WHERE {}",
        in_days(&[day]),
    ))
}

/// Devices with a session on these days, everywhere: where a device had its session does not matter for `active7_rate`
/// (METRICS 10.20), and only counts of devices inside a scope leave.
#[must_use]
pub fn session_devices(days: &[Day]) -> Statement {
    Statement(format!(
        "SELECT day AS k_day, bitmapToArray(session_devices) AS devices FROM school_day FINAL WHERE {}",
        in_days(days)
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_of_their_days_and_areas_only() {
        let few = Reread { days: vec![Day(20_770), Day(20_772)], areas: Some(vec![440_103, 440_104]) };
        let text = cells(Table::Activity, &few).text().to_owned();
        let rows = "day BETWEEN toDate('2026-11-13') AND toDate('2026-11-15') AND \
                    day IN (toDate('2026-11-13'), toDate('2026-11-15')) AND division IN [440103, 440104]";
        assert_eq!(text.matches(rows).count(), 2, "in the ledger and in the roster: {text}");
        let all = Reread { days: vec![Day(20_770)], areas: None };
        assert!(!cells(Table::Roster, &all).text().contains("division IN"));
    }

    #[test]
    fn only_names_of_parts_become_text() {
        let text = touched(Table::Network, &["20261116_26_30_2".into(), "20261116_31_31_0".into()]).unwrap();
        assert!(
            text.text().contains("FROM school_network_day WHERE _part IN ('20261116_26_30_2', '20261116_31_31_0')")
        );
        assert_eq!(touched(Table::Roster, &["x') OR ('1".into()]), None);
    }
}
