//! Row by row: the tables that a rebuild made against those that readers read.

use super::{Reading, Workshop};
use crate::console;
use crate::logic::cli::grouped;
use crate::logic::rebuild::areas::{Usage, by_area};
use crate::logic::rebuild::columns::{Column, Comparison};
use crate::logic::rebuild::motion::{Moving, RowKey, Versions};
use crate::logic::sets::MadeSet;
use crate::tables;
use anyhow::Context;
use clickhouse::{Client, Row};
use schemas::definitions::Definitions;
use schemas::sets::SetName;
use schemas::time::Day;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// What is compared: the tables that workers write.
const COMPARED: [&str; 4] = ["device_day", "network_day", "school_day", "school_network_day"];
/// Moving rows that are followed, per table and day.
const MOVING_ROWS: usize = 200_000;
/// Looks at moving rows at most, and the pause between two: longer than both sides' flushes.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(2_500);
/// Examples of differences that are shown.
const EXAMPLES: usize = 5;

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The set that readers read, and its definitions' version.
    pub(super) against: (String, String),
    /// The two sets go by different parameters.
    pub(super) other_definitions: bool,
    pub(super) days: Vec<Day>,
    /// Rows compared, by table.
    pub(super) rows: Vec<(&'static str, u64)>,
    /// Rows of equal `ver` that differ.
    pub(super) different: u64,
    /// Of these: by table and column.
    pub(super) by_column: BTreeMap<(&'static str, String), u64>,
    /// Rows that lack events, or have more than those they are compared with: they do not move, and stay unequal.
    pub(super) missing: Vec<(RowKey, Versions)>,
    /// Rows that moved at every look.
    pub(super) restless: usize,
    /// Table, division, school, device, and columns: name, before, now.
    pub(super) examples: Vec<Example>,
    /// Usage by area, where the definitions differ.
    pub(super) areas: BTreeMap<u32, Usage>,
    pub(super) names: BTreeMap<u32, String>,
}

/// One row that differs.
#[derive(Clone, Debug)]
pub(super) struct Example {
    pub(super) table: &'static str,
    pub(super) day: Day,
    pub(super) row: (u32, u32, u32),
    pub(super) cells: Vec<(String, String, String)>,
}

#[derive(Row, Deserialize)]
struct DayOnly {
    day: u16,
}

#[derive(Row, Deserialize)]
struct ColumnRow {
    name: String,
    kind: String,
}

#[derive(Row, Deserialize)]
struct RowsRow {
    n_rows: u64,
    n_different: u64,
    n_moving: u64,
    moving: Vec<(u32, u32, u32, u64, u64)>,
}

#[derive(Row, Deserialize)]
struct ByColumnRow {
    division: u32,
    n_rows: u64,
    counts: Vec<u64>,
}

#[derive(Row, Deserialize)]
struct ExampleRow {
    division: u32,
    school_no: u32,
    device_no: u32,
    cells: Vec<(String, String, String)>,
}

#[derive(Row, Deserialize)]
struct UsageRow {
    division: u32,
    n_in_service: u64,
    n_old: u64,
    n_new: u64,
}

#[derive(Row, Deserialize)]
struct NameRow {
    code: u32,
    name: String,
}

struct Comparer {
    client: Client,
    comparisons: Vec<Comparison>,
    compared: Compared,
}

/// Compares all rows of the set's days.
pub(super) async fn compare(workshop: &Workshop, set: &MadeSet) -> anyhow::Result<Compared> {
    let reading = workshop.reading().await?;
    let client = tables::client(&workshop.config.clickhouse);
    let mut comparisons = Vec::new();
    for table in COMPARED {
        let columns = columns(&client, table).await?;
        comparisons.push(Comparison::new(table, reading.name.table(table), set.name.table(table), columns));
    }
    let compared = begin(&reading, set)?;
    let mut comparer = Comparer { client, comparisons, compared };
    comparer.compared.days = comparer.days(set).await?;
    let moving = comparer.look_at_all().await?;
    comparer.look_again(moving).await?;
    if comparer.compared.other_definitions {
        comparer.areas(&reading.name, &set.name).await?;
    }
    Ok(comparer.compared)
}

fn begin(reading: &Reading, set: &MadeSet) -> anyhow::Result<Compared> {
    let theirs = Definitions::parse(&reading.text).context("read the definitions that readers read by")?;
    Ok(Compared {
        other_definitions: theirs != set.definitions,
        against: (reading.name.to_string(), theirs.version),
        ..Compared::default()
    })
}

async fn columns(client: &Client, table: &str) -> anyhow::Result<Vec<Column>> {
    let query = "SELECT name, type AS kind FROM system.columns WHERE database = currentDatabase() AND table = ? \
                 AND default_kind != 'EPHEMERAL' ORDER BY position";
    let rows = client.query(query).bind(table).fetch_all::<ColumnRow>().await.context("read the columns")?;
    Ok(rows.into_iter().map(|row| Column { name: row.name, kind: row.kind }).collect())
}

impl Comparer {
    /// Days of the set that either side has rows of.
    async fn days(&self, set: &MadeSet) -> anyhow::Result<Vec<Day>> {
        let sides = self.comparisons.iter().flat_map(|tables| [&tables.live, &tables.made]);
        let sides: Vec<String> = sides.map(|table| format!("SELECT DISTINCT day FROM {table}")).collect();
        let query = format!("SELECT DISTINCT day FROM ({}) ORDER BY day", sides.join(" UNION ALL "));
        let days = self.client.query(&query).fetch_all::<DayOnly>().await.context("read the days")?;
        let days = days.iter().map(|row| Day(i32::from(row.day)));
        Ok(days.filter(|day| set.days.0 <= *day && *day < set.days.1).collect())
    }

    /// Every day of every table once; returns the rows that were on their way.
    async fn look_at_all(&mut self) -> anyhow::Result<Moving> {
        let (mut moving, mut unfollowed) = (Vec::new(), 0);
        for comparison in &self.comparisons.clone() {
            let mut rows = 0;
            for day in self.compared.days.clone() {
                let found = self.rows(comparison, day).await?;
                rows += found.n_rows;
                unfollowed += found.n_moving - found.moving.len() as u64;
                moving.extend(found.moving.iter().map(|row| key(comparison.table, day, row)));
                if found.n_different > 0 {
                    self.differences(comparison, day).await?;
                }
            }
            console::tell(&format!("{}: {} rows compared", comparison.table, grouped(rows)));
            self.compared.rows.push((comparison.table, rows));
        }
        anyhow::ensure!(
            unfollowed == 0,
            "{unfollowed} more rows than can be followed have another `ver`: is the set caught up?"
        );
        Ok(Moving::begin(moving))
    }

    /// Looks again at what was on its way, until everything was seen equal or does not move.
    async fn look_again(&mut self, mut moving: Moving) -> anyhow::Result<()> {
        for _ in 0..LOOKS {
            if moving.is_over() {
                break;
            }
            console::tell(&format!("{} rows are on their way; looking again", grouped(moving.restless() as u64)));
            sleep(PAUSE).await;
            let mut rows = Vec::new();
            for (table, day) in moving.days() {
                let Some(comparison) = self.comparisons.iter().find(|comparison| comparison.table == table) else {
                    continue;
                };
                let found = self.rows(&comparison.clone(), Day(day)).await?;
                rows.extend(found.moving.iter().map(|row| key(table, Day(day), row)));
            }
            moving.look(rows);
        }
        self.compared.missing = moving.stuck().map(|(key, versions)| (*key, versions)).collect();
        self.compared.restless = moving.restless();
        Ok(())
    }

    async fn rows(&self, comparison: &Comparison, day: Day) -> anyhow::Result<RowsRow> {
        let query = comparison.rows(day, MOVING_ROWS);
        let row = self.client.query_raw(&query).fetch_one::<RowsRow>().await;
        row.with_context(|| format!("compare {} of {day}", comparison.table))
    }

    async fn differences(&mut self, comparison: &Comparison, day: Day) -> anyhow::Result<()> {
        let rows = self.client.query_raw(&comparison.by_column(day)).fetch_all::<ByColumnRow>().await;
        for row in rows.with_context(|| format!("count the differences of {} on {day}", comparison.table))? {
            tracing::debug!(row.division, row.n_rows, table = comparison.table, "rows differ");
            self.compared.different += row.n_rows;
            for (name, count) in comparison.names().zip(&row.counts).filter(|(_, count)| **count > 0) {
                *self.compared.by_column.entry((comparison.table, name.to_owned())).or_default() += count;
            }
        }
        let shown = self.compared.examples.iter().filter(|example| example.table == comparison.table).count();
        if shown < EXAMPLES {
            let query = comparison.examples(day, EXAMPLES - shown);
            let rows = self.client.query_raw(&query).fetch_all::<ExampleRow>().await.context("read examples")?;
            self.compared.examples.extend(rows.into_iter().map(|row| Example {
                table: comparison.table,
                day,
                row: (row.division, row.school_no, row.device_no),
                cells: row.cells,
            }));
        }
        Ok(())
    }

    /// The daily usage rate of both sets, as the API computes it: over school days of each school.
    async fn areas(&mut self, live: &SetName, made: &SetName) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (self.compared.days.first(), self.compared.days.last()) else { return Ok(()) };
        let days = format!("day BETWEEN toDate({}) AND toDate({})", first.0, last.0);
        let used = |set: &SetName| {
            let table = set.table("school_day");
            format!("(SELECT division, school_no, day, used FROM {table} FINAL WHERE {days})")
        };
        let query = format!(
            "SELECT r.division AS division, sum(toUInt64(r.in_service)) AS n_in_service, sum(toUInt64(l.used)) AS n_old, \
             sum(toUInt64(m.used)) AS n_new FROM (SELECT * FROM roster_day FINAL WHERE {days} AND school_day = 1) AS r \
             LEFT JOIN {} AS l USING (division, school_no, day) LEFT JOIN {} AS m USING (division, school_no, day) \
             GROUP BY r.division ORDER BY division",
            used(live),
            used(made),
        );
        let rows = self.client.query_raw(&query).fetch_all::<UsageRow>().await.context("read usage by area")?;
        let usage =
            |row: UsageRow| (row.division, Usage { in_service: row.n_in_service, old: row.n_old, new: row.n_new });
        self.compared.areas = by_area(&rows.into_iter().map(usage).collect::<Vec<_>>());
        let names = "SELECT division AS code, name FROM orgs FINAL WHERE level IN ('province', 'city', 'county')";
        let names = self.client.query(names).fetch_all::<NameRow>().await.context("read names")?;
        self.compared.names = names.into_iter().map(|row| (row.code, row.name)).collect();
        Ok(())
    }
}

fn key(table: &'static str, day: Day, row: &(u32, u32, u32, u64, u64)) -> (RowKey, Versions) {
    ((table, day.0, row.0, row.1, row.2), (row.3, row.4))
}

/// Days of the archive in which an event of the set's days may be: a span reaches at most a day back.
pub(super) async fn archive_days(workshop: &Workshop, set: &MadeSet) -> anyhow::Result<Vec<Day>> {
    let client = tables::client(&workshop.config.clickhouse);
    let query = "SELECT DISTINCT toDate(at, 'Asia/Shanghai') AS day FROM events_raw ORDER BY day";
    let days = client.query(query).fetch_all::<DayOnly>().await.context("read the days of events_raw")?;
    let days = days.iter().map(|row| Day(i32::from(row.day)));
    Ok(days.filter(|day| set.days.0 <= *day && *day <= set.days.1).collect())
}

/// Days of a set's `device_day`.
pub(super) async fn days_of(workshop: &Workshop, name: &SetName) -> anyhow::Result<Vec<i32>> {
    let client = tables::client(&workshop.config.clickhouse);
    let query = format!("SELECT DISTINCT day FROM {} ORDER BY day", name.table("device_day"));
    let days = client.query(&query).fetch_all::<DayOnly>().await.context("read the days of a set")?;
    Ok(days.iter().map(|row| i32::from(row.day)).collect())
}
