//! `processors corrections`: what was corrected, and what still waits.

use crate::config::Config;
use crate::console;
use crate::logic::cli::table;
use crate::tables;
use anyhow::Context;
use clap::Args;
use clickhouse::Client;
use schemas::rows::CorrectionRow;
use schemas::time::{Day, format_rfc3339_ms};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What `corrections` is given.
#[derive(Debug, Args)]
pub struct List {
    /// Wait until the days of this correction are rebuilt
    #[arg(long, value_name = "NO")]
    wait: Option<u32>,
    /// How long to wait, seconds
    #[arg(long, value_name = "S", default_value_t = 300)]
    seconds: u64,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

impl List {
    /// Prints the corrections; false if the one to wait for is not carried out in time.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn run(self, config: Config) -> anyhow::Result<bool> {
        let client = tables::client(&config.clickhouse);
        let deadline = Instant::now() + Duration::from_secs(self.seconds);
        let mut rows = read(&client).await?;
        let applied = |rows: &[CorrectionRow], no| rows.iter().any(|row| row.correction_no == no && row.ver > 0);
        while let Some(no) = self.wait.filter(|no| !applied(&rows, *no)) {
            if Instant::now() > deadline {
                console::tell(&format!("correction {no} is not carried out"));
                break;
            }
            sleep(Duration::from_millis(500)).await;
            rows = read(&client).await?;
        }
        let done = self.wait.is_none_or(|no| applied(&rows, no));
        rows.retain(|row| self.wait.is_none_or(|no| row.correction_no == no));
        console::print(&if self.json { as_json(&rows) } else { as_table(&rows) });
        Ok(done)
    }
}

async fn read(client: &Client) -> anyhow::Result<Vec<CorrectionRow>> {
    let rows = client.query("SELECT ?fields FROM corrections FINAL ORDER BY seq").fetch_all();
    rows.await.context("read the corrections")
}

/// First and last day.
fn days(row: &CorrectionRow) -> [String; 2] {
    [Day(i32::from(row.from_day)).to_string(), Day(i32::from(row.until_day) - 1).to_string()]
}

fn applied_at(row: &CorrectionRow) -> Option<String> {
    (row.ver > 0).then(|| format_rfc3339_ms(row.applied_at))
}

fn as_json(rows: &[CorrectionRow]) -> String {
    let object = |row: &CorrectionRow| {
        let [from, until] = days(row);
        json!({
            "correction_no": row.correction_no, "kind": row.kind, "object": row.object, "from": from, "until": until,
            "reason": row.reason, "proposed_by": row.proposed_by, "approved_by": row.approved_by,
            "device_days": row.device_days, "applied_at": applied_at(row),
        })
    };
    serde_json::Value::Array(rows.iter().map(object).collect()).to_string()
}

fn as_table(rows: &[CorrectionRow]) -> String {
    let heading =
        ["no", "kind", "object", "from", "until", "device-days", "proposed by", "approved by", "rebuilt at", "reason"];
    let line = |row: &CorrectionRow| {
        let ([from, until], rebuilt) = (days(row), applied_at(row).unwrap_or_else(|| "not yet".to_owned()));
        let who = [row.proposed_by.clone(), row.approved_by.clone()];
        let what = [row.correction_no.to_string(), row.kind.clone(), row.object.clone(), from, until];
        let all = what.into_iter().chain([row.device_days.to_string()]).chain(who).chain([rebuilt, row.reason.clone()]);
        all.collect::<Vec<_>>()
    };
    let lines = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows.iter().map(line));
    table(&lines.collect::<Vec<_>>())
}
