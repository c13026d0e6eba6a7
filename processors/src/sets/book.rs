//! The tables `ledger_sets` and `readers`, and the tables of the sets themselves.

use crate::logic::sets::{MadeSet, SetFault};
use crate::tables;
use clickhouse::Client;
use clickhouse::error::Error;
use runtime::config::ClickHouseConfig;
use schemas::rows::{LedgerSetRow, ReadersRow};
use schemas::sets::{SHOWN, SHOWN_SCHOOLS, SetName, TABLES};

/// What could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BookFault {
    /// ClickHouse is away or refuses.
    #[error(transparent)]
    Tables(#[from] Error),
    /// A row that no rebuild wrote.
    #[error(transparent)]
    Row(#[from] SetFault),
}

/// Reads and writes which sets there are.
#[derive(Clone)]
pub struct SetBook {
    client: Client,
}

impl SetBook {
    /// The book of a database.
    #[must_use]
    pub fn new(config: &ClickHouseConfig) -> SetBook {
        SetBook { client: tables::client(config) }
    }

    /// Every set that was ever made, dropped ones too, by name.
    ///
    /// # Errors
    /// ClickHouse is away, or a row cannot be understood.
    pub async fn sets(&self) -> Result<Vec<MadeSet>, BookFault> {
        let rows = self.client.query("SELECT ?fields FROM ledger_sets FINAL ORDER BY name");
        let rows = rows.fetch_all::<LedgerSetRow>().await?;
        Ok(rows.into_iter().map(MadeSet::from_row).collect::<Result<_, _>>()?)
    }

    /// Writes a set's state.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn save(&self, set: &MadeSet, now_ms: i64) -> Result<(), Error> {
        tables::insert(&self.client, "ledger_sets", &[set.row(now_ms)]).await
    }

    /// What readers read; none: the live set with the embedded definitions.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn readers(&self) -> Result<Option<ReadersRow>, Error> {
        self.client.query("SELECT ?fields FROM readers FINAL WHERE what = 'ledgers'").fetch_optional().await
    }

    /// Swaps what readers read. Who reads the views and who asks this table may differ for a moment.
    ///
    /// # Errors
    /// ClickHouse is away; repeating is harmless.
    pub async fn swap(&self, name: &SetName, row: &ReadersRow) -> Result<(), Error> {
        tables::insert(&self.client, "readers", std::slice::from_ref(row)).await?;
        self.point_views(name).await
    }

    /// Makes the views anew over the set that readers read: a view has only the columns that were there when it was made.
    ///
    /// # Errors
    /// ClickHouse is away; repeating is harmless.
    pub async fn renew_views(&self) -> Result<(), Error> {
        let row = self.readers().await?;
        let name = row.and_then(|row| SetName::parse(&row.set_name)).unwrap_or_else(SetName::live);
        self.point_views(&name).await
    }

    async fn point_views(&self, name: &SetName) -> Result<(), Error> {
        for table in TABLES {
            self.execute(&view(table, name)).await?;
        }
        Ok(())
    }

    /// Makes a set's tables, like the live ones; those that are there stay.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn create_tables(&self, name: &SetName) -> Result<(), Error> {
        for table in TABLES {
            self.execute(&format!("CREATE TABLE IF NOT EXISTS {} AS {table}", name.table(table))).await?;
        }
        Ok(())
    }

    /// Removes a set's tables; never the live ones.
    ///
    /// # Errors
    /// ClickHouse is away; repeating is harmless.
    pub async fn drop_tables(&self, name: &SetName) -> Result<(), Error> {
        for table in TABLES.iter().filter(|_| !name.is_live()) {
            self.execute(&format!("DROP TABLE IF EXISTS {} SYNC", name.table(table))).await?;
        }
        Ok(())
    }

    async fn execute(&self, statement: &str) -> Result<(), Error> {
        self.client.query_raw(statement).execute().await
    }
}

/// The view `<table>_final` over the table of a set: what readers see. Rows that a correction hid are left out, and `ver`
/// counts events alone.
fn view(table: &str, name: &SetName) -> String {
    let devices = "* EXCEPT (moved_division, moved_school_no) REPLACE (toUInt32(ver - length(corrections)) AS ver)";
    let schools = "* EXCEPT (hidden_ver) REPLACE (toUInt32(ver - hidden_ver) AS ver";
    let (columns, shown) = match table {
        "device_day" | "network_day" => (devices.to_owned(), SHOWN),
        "school_day" => (format!("{schools}, bitmapToArray(session_devices) AS session_devices)"), SHOWN_SCHOOLS),
        "school_network_day" => (format!("{schools})"), SHOWN_SCHOOLS),
        _ => ("*".to_owned(), "1"),
    };
    // Beside the new `ver`, a condition on the column would be taken for one on that.
    let rows = format!("SELECT * FROM {} FINAL WHERE {shown}", name.table(table));
    format!("CREATE OR REPLACE VIEW {table}_final AS SELECT {columns} FROM ({rows})")
}
