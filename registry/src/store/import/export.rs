//! Files that go out; the log tells who took them.

use crate::logic::import::{Kind, devices, schools};
use crate::logic::model::in_force;
use crate::logic::rights::Node;
use crate::logic::views::SchoolView;
use crate::store::Connection;
use crate::store::change::{Change, Entry};
use crate::store::{Actor, SchoolFilter, Store, StoreError, devices as kept, grants, number, school_rows};
use schemas::time::Day;
use serde::Serialize;

/// What the log tells of an export.
#[derive(Serialize)]
struct ExportView {
    rows: usize,
}

type DeviceRow = (i64, Option<String>, String, String, Option<i32>, String, Option<String>, Option<String>, i64);

impl Store {
    /// The rows of a file of what the schools that an area manages directly are, or have; written to the log.
    ///
    /// # Errors
    /// The store cannot be read, or the log not written.
    pub async fn export(&self, actor: &Actor, area: u32, kind: Kind) -> Result<Vec<Vec<String>>, StoreError> {
        let filter = SchoolFilter { direct: true, ..SchoolFilter::default() };
        let schools = self.schools_of(area, &filter, u32::MAX, actor.at_ms).await?;
        let mut change = self.change(actor).await?;
        let mut rows = Vec::new();
        for row in &schools {
            rows.append(&mut rows_of(change.tx(), &row.school, kind, actor.at_ms).await?);
        }
        log(&mut change, area, kind, rows.len()).await?;
        change.commit().await?;
        Ok(rows)
    }
}

async fn rows_of(
    tx: &mut Connection,
    school: &SchoolView,
    kind: Kind,
    at_ms: i64,
) -> Result<Vec<Vec<String>>, StoreError> {
    match kind {
        Kind::Schools => {
            let administrators = grants::administrators(tx, school.school_no).await?;
            Ok(vec![schools::cells(school, &administrators)])
        }
        Kind::Devices => devices_of(tx, school, Day::of_ms(at_ms)).await,
    }
}

async fn log(change: &mut Change<'_>, area: u32, kind: Kind, rows: usize) -> Result<(), StoreError> {
    let action = match kind {
        Kind::Schools => "schools.export",
        Kind::Devices => "devices.export",
    };
    let (object, node) = (area.to_string(), Node::Area(area));
    let told = ExportView { rows };
    change.log(Entry { action, object, node, before: None, after: Some(&told), reason: "" }).await
}

/// The devices that are in a school today, by number.
async fn devices_of(tx: &mut Connection, school: &SchoolView, today: Day) -> Result<Vec<Vec<String>>, StoreError> {
    let here = school_rows::devices_of(tx, school.school_no, today).await?;
    let mut rows = Vec::with_capacity(here.len());
    for no in here {
        let device = kept::require(tx, no).await?;
        let class_no = in_force(&device.places, today).map_or(0, |place| place.class_no);
        let sql = "SELECT d.device_no, d.code, d.kind, d.state, d.procured_on_day, d.note, d.mac, c.name, (SELECT COUNT(*) FROM classes o WHERE o.school_no = c.school_no AND o.name = c.name) FROM devices d LEFT JOIN classes c ON c.class_no = $2 WHERE d.device_no = $1";
        let row: DeviceRow = sqlx::query_as(sql).bind(no).bind(class_no).fetch_one(&mut *tx).await?;
        rows.push(cells(school, class_no, row)?);
    }
    Ok(rows)
}

fn cells(school: &SchoolView, class_no: u32, row: DeviceRow) -> Result<Vec<String>, StoreError> {
    let (no, code, kind, state, procured_on, note, mac, class, same_name) = row;
    let no = number("devices.device_no", no)?;
    let class = match class {
        Some(name) if same_name == 1 => name,
        Some(_) => format!("c{class_no}"),
        None => String::new(),
    };
    Ok(devices::cells(devices::DeviceCells {
        code: code.unwrap_or_else(|| format!("d{no}")),
        school: school.code.clone().unwrap_or_else(|| format!("s{}", school.school_no)),
        kind,
        class,
        procured_on: procured_on.map(|day| Day(day).to_string()).unwrap_or_default(),
        note,
        mac: mac.unwrap_or_default(),
        state,
    }))
}
