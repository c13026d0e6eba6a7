//! The roster's tables.

use crate::logic::archive::date;
use crate::logic::roster::Batch;
use crate::tables;
use clickhouse::{Client, Row};
use runtime::config::ClickHouseConfig;
use schemas::org::OrgId;
use schemas::time::Day;
use serde::Deserialize;

/// Schools with the divisions, and with the days, under which the tables have rows.
pub(super) type Known = (Vec<(u32, u32)>, Vec<(u32, Day)>);

/// Writes batches; reads what earlier runs wrote.
pub(super) struct RosterTables(Client);

#[derive(Row, Deserialize)]
struct SchoolKey {
    school_no: u32,
    division: u32,
}

#[derive(Row, Deserialize)]
struct ClosureKey {
    org: String,
    day: u16,
}

impl RosterTables {
    pub(super) fn new(config: &ClickHouseConfig) -> RosterTables {
        RosterTables(tables::client(config))
    }

    /// Writes a batch; it may be written again.
    pub(super) async fn write(&self, batch: &Batch) -> Result<(), clickhouse::error::Error> {
        tables::insert(&self.0, "orgs", &batch.orgs).await?;
        tables::insert(&self.0, "devices", &batch.devices).await?;
        tables::insert(&self.0, "calendar_day", &batch.calendar).await?;
        tables::insert(&self.0, "roster_day", &batch.roster).await
    }

    /// What the tables have from a day on.
    pub(super) async fn known(&self, from: Day) -> Result<Known, clickhouse::error::Error> {
        let schools = "SELECT DISTINCT school_no, division FROM roster_day WHERE day >= toDate(?)";
        let schools = self.0.query(schools).bind(date(from)).fetch_all::<SchoolKey>().await?;
        let closures = "SELECT DISTINCT org, day FROM calendar_day WHERE startsWith(org, 's') AND day >= toDate(?)";
        let closures = self.0.query(closures).bind(date(from)).fetch_all::<ClosureKey>().await?;
        let closures = closures.iter().filter_map(|row| match OrgId::parse(&row.org) {
            Some(OrgId::School(school_no)) => Some((school_no, Day(i32::from(row.day)))),
            _ => None,
        });
        Ok((schools.iter().map(|row| (row.school_no, row.division)).collect(), closures.collect()))
    }
}
