//! The audit of one day of one set.

use super::{Rolled, Roller};
use crate::logic::audit::{Difference, LEDGERS, confirmed};
use clickhouse::Row;
use clickhouse::error::Error;
use schemas::time::Day;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks: longer than a worker takes from device rows to school rows.
const PAUSE: Duration = Duration::from_secs(3);

#[derive(Row, Deserialize)]
struct AuditRow {
    n_rows: u64,
    differing: Vec<(u32, u32, Vec<String>, Vec<String>)>,
}

impl Roller {
    /// Recomputes a day's school rows from its device rows; differences are logged, and the run is recorded.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn audit(&self, set: &Rolled, day: Day, now_ms: i64) -> Result<Vec<Difference>, Error> {
        let (mut rows, mut found) = self.look(set, day).await?;
        if !found.is_empty() {
            sleep(PAUSE).await;
            let (again, second) = self.look(set, day).await?;
            (rows, found) = (again, confirmed(&found, second));
        }
        for difference in &found {
            let Difference { table, day, division, school_no, figures } = difference;
            tracing::error!(
                set = set.name.as_str(), table, %day, division, school_no, figures = ?figures,
                "audit: a school's row differs from the sum of its device rows"
            );
        }
        let record = format!(
            "INSERT INTO audit_runs (set_name, day, at, compared, differences) VALUES \
             ('{}', {}, fromUnixTimestamp64Milli({now_ms}, 'UTC'), {rows}, {})",
            set.name,
            day.0,
            found.len()
        );
        super::execute(&self.client, &record).await?;
        Ok(found)
    }

    async fn look(&self, set: &Rolled, day: Day) -> Result<(u64, Vec<Difference>), Error> {
        let (mut rows, mut found) = (0, Vec::new());
        for ledger in LEDGERS {
            let statement = ledger.statement(&set.name, day, &set.definitions);
            let row = self.client.query_raw(&statement).fetch_one::<AuditRow>().await?;
            rows += row.n_rows;
            found.extend(row.differing.iter().map(|(division, school_no, stored, computed)| {
                ledger.difference(day, (*division, *school_no), stored, computed)
            }));
        }
        found.sort_by_key(|difference| (difference.table, difference.division, difference.school_no));
        Ok((rows, found))
    }
}
