//! `processors audit`: the nightly run on demand.

use super::{Rolled, Roller, execute};
use crate::config::Config;
use crate::console;
use crate::logic::audit::Difference;
use crate::logic::cli::{DayRange, table};
use crate::logic::roll as statements;
use anyhow::Context;
use clap::Args;
use runtime::clock::Clock;
use schemas::time::Day;
use serde_json::json;

/// What `audit` is given.
#[derive(Debug, Args)]
pub struct Audit {
    /// These local days, both inclusive; without it, all days that can still change, up to yesterday
    #[arg(long, value_name = "A..B")]
    days: Option<DayRange>,
    /// The result as one JSON object
    #[arg(long)]
    json: bool,
}

impl Audit {
    /// Sums areas, writes restatements, audits; false if rows differ.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn run(self, config: Config) -> anyhow::Result<bool> {
        let (clock, roller) = (Clock::from_config(&config.clock)?, Roller::new(&config.clickhouse)?);
        let now_ms = clock.now_ms();
        let today = Day::of_ms(now_ms);
        let oldest = today.plus(-(roller.live.accept_days as i32) - 1);
        let days = self.days.map_or((oldest, today), DayRange::half_open);
        let mut results = Vec::new();
        for set in roller.sets().await.context("read the ledger sets")? {
            execute(&roller.client, &statements::county_days(&set.name, days)).await.context("sum the areas")?;
            let ended = (days.0, days.1.min(today));
            let restated = roller.restate(&set.name, ended, now_ms).await.context("write the restatements")?;
            let (audited, found) = audit(&roller, &set, days, now_ms).await?;
            results.push((set, audited, restated, found));
        }
        let is_clean = results.iter().all(|(.., found)| found.is_empty());
        if self.json {
            print_json(&results)
        } else {
            print_text(&results)
        }
        Ok(is_clean)
    }
}

type Results = [(Rolled, usize, Vec<Day>, Vec<Difference>)];

/// Audits the days of a range that there are rows of.
async fn audit(
    roller: &Roller,
    set: &Rolled,
    days: statements::Days,
    now_ms: i64,
) -> anyhow::Result<(usize, Vec<Difference>)> {
    let days_of = |table: &str| {
        let (from, until) = (days.0.0.max(0), days.1.0);
        format!(
            "SELECT DISTINCT day FROM {} WHERE day >= toDate({from}) AND day < toDate({until})",
            set.name.table(table)
        )
    };
    let tables = ["device_day", "network_day", "school_day", "school_network_day"].map(days_of).join(" UNION ALL ");
    let query = format!("SELECT DISTINCT toUInt16(day) FROM ({tables}) ORDER BY day");
    let present = roller.client.query_raw(&query).fetch_all::<u16>().await.context("read the days")?;
    let mut found = Vec::new();
    for day in &present {
        found.extend(roller.audit(set, Day(i32::from(*day)), now_ms).await.context("audit")?);
    }
    Ok((present.len(), found))
}

fn print_text(results: &Results) {
    let mut rows = vec![
        ["table", "day", "division", "school", "column", "in the table", "from device rows"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (set, audited, restated, found) in results {
        console::print(&format!(
            "set {}: {audited} days audited, {} school rows differ; late events changed {} days",
            set.name,
            found.len(),
            restated.len()
        ));
        for difference in found {
            rows.extend(difference.figures.iter().map(|(column, stored, computed)| {
                let (table, day) = (set.name.table(difference.table), difference.day.to_string());
                let (division, school) = (difference.division.to_string(), difference.school_no.to_string());
                vec![table, day, division, school, (*column).to_owned(), short(stored), short(computed)]
            }));
        }
    }
    if rows.len() > 1 {
        console::print(&table(&rows));
    }
}

/// Curves are long.
fn short(text: &str) -> String {
    if text.len() <= 60 { text.to_owned() } else { format!("{}…", text.chars().take(59).collect::<String>()) }
}

fn print_json(results: &Results) {
    let figure = |(column, stored, computed): &(&str, String, String)| json!({"column": column, "stored": stored, "computed": computed});
    let difference = |difference: &Difference| {
        json!({
            "table": difference.table, "day": difference.day.to_string(), "division": difference.division,
            "school_no": difference.school_no,
            "figures": difference.figures.iter().map(figure).collect::<Vec<_>>(),
        })
    };
    let sets: Vec<_> = results
        .iter()
        .map(|(set, audited, restated, found)| {
            json!({
                "set": set.name.as_str(), "days": audited,
                "restated_days": restated.iter().map(Day::to_string).collect::<Vec<_>>(),
                "differences": found.iter().map(difference).collect::<Vec<_>>(),
            })
        })
        .collect();
    console::print(&json!({"sets": sets}).to_string());
}
