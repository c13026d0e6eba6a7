//! The tables in ClickHouse.
//!
//! A load must see every acknowledged row (precondition P2): whatever would cut a result must throw instead, and what
//! the table holds of each ledger is asked for first, so that a result that was cut all the same is recognised.

use crate::logic::rows::{self, RowFault};
use crate::logic::school::LedgerKey;
use crate::logic::worker::{Load, Wanted, Worker};
use crate::tables;
use crate::worker::ports::{LedgerStore, Level, PortFault, RowWriter};
use clickhouse::error::Error;
use clickhouse::{Client, Row, RowOwned, RowRead};
use runtime::config::ClickHouseConfig;
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};
use schemas::sets::SetName;
use schemas::time::Day;
use serde::Deserialize;
use std::fmt::Write;
use tokio::runtime::Handle;

/// Settings of a load, each against a way in which ClickHouse would leave something out without an error.
const COMPLETE: &[(&str, &str)] = &[
    ("read_overflow_mode", "throw"),
    ("read_overflow_mode_leaf", "throw"),
    ("group_by_overflow_mode", "throw"),
    ("sort_overflow_mode", "throw"),
    ("result_overflow_mode", "throw"),
    ("set_overflow_mode", "throw"),
    ("join_overflow_mode", "throw"),
    ("transfer_overflow_mode", "throw"),
    ("distinct_overflow_mode", "throw"),
    ("timeout_overflow_mode", "throw"),
    ("timeout_overflow_mode_leaf", "throw"),
    ("skip_unavailable_shards", "0"),
    ("fallback_to_stale_replicas_for_distributed_queries", "0"),
];

/// Ledgers asked for in one query.
const KEYS_PER_QUERY: usize = 1000;

/// The tables, for one worker thread.
pub struct Tables {
    reader: Client,
    writer: Client,
    set: SetName,
    runtime: Handle,
}

/// What a table holds of a ledger, at least.
#[derive(Row, Deserialize)]
struct Announcement {
    division: u32,
    school_no: u32,
    day: u16,
    devices: u64,
    ver: u64,
}

impl Announcement {
    fn key(&self) -> LedgerKey {
        LedgerKey { division: self.division, school_no: self.school_no, day: Day(i32::from(self.day)) }
    }
}

/// A row that a ledger is loaded from.
trait LedgerRow: RowOwned + RowRead + Sized {
    const TABLE: &'static str;
    fn key(&self) -> LedgerKey;
    fn announce(load: &mut Load, found: &Announcement);
    fn take(&self, worker: &mut Worker, load: &mut Load) -> Result<(), RowFault>;
}

impl LedgerRow for DeviceDayRow {
    const TABLE: &'static str = "device_day";

    fn key(&self) -> LedgerKey {
        rows::key_of_device_day(self).0
    }

    fn announce(load: &mut Load, found: &Announcement) {
        load.activity.announce(found.key(), found.devices as usize, found.ver);
    }

    fn take(&self, worker: &mut Worker, load: &mut Load) -> Result<(), RowFault> {
        worker.read_device_day(load, self)
    }
}

impl LedgerRow for NetworkDayRow {
    const TABLE: &'static str = "network_day";

    fn key(&self) -> LedgerKey {
        rows::key_of_network_day(self).0
    }

    fn announce(load: &mut Load, found: &Announcement) {
        load.network.announce(found.key(), found.devices as usize, found.ver);
    }

    fn take(&self, worker: &mut Worker, load: &mut Load) -> Result<(), RowFault> {
        worker.read_network_day(load, self)
    }
}

impl Tables {
    /// Tables of a set; effects run on `runtime` while the worker's thread waits.
    #[must_use]
    pub fn new(config: &ClickHouseConfig, set: &SetName, runtime: Handle) -> Tables {
        let writer = tables::client(config);
        let reader = COMPLETE.iter().fold(writer.clone(), |client, (name, value)| client.with_setting(*name, *value));
        Tables { reader, writer, set: set.clone(), runtime }
    }

    async fn read<R: LedgerRow>(
        &self,
        filter: &str,
        wanted: &Wanted,
        worker: &mut Worker,
        load: &mut Load,
    ) -> Result<(), PortFault> {
        let table = self.set.table(R::TABLE);
        for found in self.announcements(&table, filter).await?.iter().filter(|a| wanted.covers(&a.key())) {
            R::announce(load, found);
        }
        let query = format!("SELECT ?fields FROM {table} WHERE {filter}");
        let mut rows = self.reader.query(&query).fetch::<R>().map_err(read_fault)?;
        while let Some(row) = rows.next().await.map_err(read_fault)? {
            if wanted.covers(&row.key()) {
                row.take(worker, load).map_err(|fault| PortFault::new("read a ledger's row", fault))?;
            }
        }
        Ok(())
    }

    async fn announcements(&self, table: &str, filter: &str) -> Result<Vec<Announcement>, PortFault> {
        let query = format!(
            "SELECT division, school_no, day, count() AS devices, sum(newest) AS ver FROM \
             (SELECT division, school_no, day, device_no, max({table}.ver) AS newest FROM {table} WHERE {filter} \
             GROUP BY division, school_no, day, device_no) GROUP BY division, school_no, day"
        );
        self.reader.query(&query).fetch_all().await.map_err(read_fault)
    }

    async fn write_devices(&self, worker: &Worker) -> Result<(), Error> {
        let client = &self.writer;
        let (activity, network) = (self.set.table("device_day"), self.set.table("network_day"));
        let days = tables::insert_each::<DeviceDayRow, _>(client, &activity, worker.device_days());
        let networks = tables::insert_each::<NetworkDayRow, _>(client, &network, worker.network_days());
        futures::try_join!(days, networks).map(drop)
    }

    async fn write_schools(&self, worker: &Worker) -> Result<(), Error> {
        let (client, networks) = (&self.writer, worker.school_network_days());
        let (activity, network) = (self.set.table("school_day"), self.set.table("school_network_day"));
        let days = tables::insert_each::<SchoolDayRow, _>(client, &activity, worker.school_days());
        let networks = tables::insert_each::<SchoolNetworkDayRow, _>(client, &network, networks);
        futures::try_join!(days, networks).map(drop)
    }
}

fn read_fault(error: Error) -> PortFault {
    PortFault::new("read ledgers", error)
}

fn of_days(days: &[Day]) -> String {
    let days: Vec<_> = days.iter().map(|day| format!("toDate({})", day.0.max(0))).collect();
    format!("day IN ({})", days.join(", "))
}

fn of_ledgers(keys: &[LedgerKey]) -> String {
    let mut filter = String::from("(division, school_no, day) IN (");
    for (n, key) in keys.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        write!(filter, "{comma}({}, {}, toDate({}))", key.division, key.school_no, key.date()).unwrap_or_default();
    }
    filter + ")"
}

impl LedgerStore for Tables {
    fn load(&mut self, wanted: &Wanted, worker: &mut Worker, load: &mut Load) -> Result<(), PortFault> {
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            match wanted {
                Wanted::Days { days, .. } => {
                    self.read::<DeviceDayRow>(&of_days(days), wanted, worker, load).await?;
                    self.read::<NetworkDayRow>(&of_days(days), wanted, worker, load).await?;
                }
                Wanted::Ledgers { activity, network } => {
                    for keys in activity.chunks(KEYS_PER_QUERY) {
                        self.read::<DeviceDayRow>(&of_ledgers(keys), wanted, worker, load).await?;
                    }
                    for keys in network.chunks(KEYS_PER_QUERY) {
                        self.read::<NetworkDayRow>(&of_ledgers(keys), wanted, worker, load).await?;
                    }
                }
            }
            Ok(())
        })
    }
}

impl RowWriter for Tables {
    fn write(&mut self, worker: &Worker, level: Level) -> Result<(), PortFault> {
        let runtime = self.runtime.clone();
        let written = runtime.block_on(async {
            match level {
                Level::Devices => self.write_devices(worker).await,
                Level::Schools => self.write_schools(worker).await,
            }
        });
        written.map_err(|error| PortFault::new("write rows", error))
    }
}
