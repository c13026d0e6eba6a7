//! Lists of devices, and of what looks doubtful about them.

use super::school_lists::place_condition;
use super::{Store, StoreError, device_changes, number};
use crate::logic::views::{DeviceView, FlagRow, FlagView};
use crate::store::Database;
use schemas::registry::{DeviceKind, DeviceState};
use schemas::time::Day;
use sqlx::QueryBuilder;

/// Which devices of a school.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// In this class, 0: in none.
    pub class_no: Option<u32>,
    /// Of this kind.
    pub kind: Option<DeviceKind>,
    /// In this state.
    pub state: Option<DeviceState>,
    /// With a flag that nobody has judged, or without.
    pub flagged: Option<bool>,
    /// Its machine has joined, or never has (it was imported).
    pub joined: Option<bool>,
    /// After this number.
    pub after: u32,
}

/// The condition that a place is in force on a day; a device's first place holds for the days before it as well.
pub(super) fn in_force(query: &mut QueryBuilder<Database>, day: Day) {
    query.push(" AND b.from_day = COALESCE((SELECT MAX(n.from_day) FROM belongings n WHERE n.device_no = b.device_no AND n.from_day <= ");
    query.push_bind(day.0);
    query.push("), (SELECT MIN(n.from_day) FROM belongings n WHERE n.device_no = b.device_no))");
}

impl Store {
    /// Devices that are in a school today, by number, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn devices_of(
        &self,
        school_no: u32,
        filter: &DeviceFilter,
        limit: u32,
        at_ms: i64,
    ) -> Result<Vec<DeviceView>, StoreError> {
        let mut query = QueryBuilder::<Database>::new(
            "SELECT d.device_no FROM belongings b JOIN devices d ON d.device_no = b.device_no WHERE b.school_no = ",
        );
        query.push_bind(school_no).push(" AND b.device_no > ").push_bind(filter.after);
        in_force(&mut query, Day::of_ms(at_ms));
        conditions(&mut query, filter);
        query.push(" ORDER BY d.device_no LIMIT ").push_bind(i64::from(limit));
        let mut connection = self.pool.acquire().await?;
        let numbers: Vec<(i64,)> = query.build_query_as().fetch_all(&mut *connection).await?;
        let mut page = Vec::with_capacity(numbers.len());
        for (no,) in numbers {
            page.push(device_changes::view(&mut connection, number("devices.device_no", no)?, at_ms).await?);
        }
        Ok(page)
    }

    /// Flags of devices that are in an area today, by number after `after`, at most `limit`; `open`: only those that nobody
    /// has judged, or only the others.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn flags_of(
        &self,
        area: u32,
        open: Option<bool>,
        after: u32,
        limit: u32,
        at_ms: i64,
    ) -> Result<Vec<FlagRow>, StoreError> {
        let today = Day::of_ms(at_ms);
        let mut query = QueryBuilder::<Database>::new(
            "SELECT f.flag_no, f.kind, f.detail, f.state, f.device_no, b.school_no, b.class_no FROM device_flags f JOIN belongings b ON b.device_no = f.device_no WHERE f.flag_no > ",
        );
        query.push_bind(after);
        if let Some(open) = open {
            query.push(if open { " AND f.state = 'open'" } else { " AND f.state <> 'open'" });
        }
        in_force(&mut query, today);
        place_condition(&mut query, "b.school_no", area, false, today);
        query.push(" ORDER BY f.flag_no LIMIT ").push_bind(i64::from(limit));
        let mut connection = self.pool.acquire().await?;
        let rows: Vec<(i64, String, String, String, i64, i64, i64)> =
            query.build_query_as().fetch_all(&mut *connection).await?;
        let row = |(flag_no, kind, detail, state, device_no, school_no, class_no)| {
            Ok(FlagRow {
                flag: FlagView { flag_no, kind, detail, state },
                device_no: number("device_flags.device_no", device_no)?,
                school_no: number("belongings.school_no", school_no)?,
                class_no: number("belongings.class_no", class_no)?,
            })
        };
        rows.into_iter().map(row).collect()
    }
}

fn conditions(query: &mut QueryBuilder<Database>, filter: &DeviceFilter) {
    if let Some(class_no) = filter.class_no {
        query.push(" AND b.class_no = ").push_bind(class_no);
    }
    if let Some(kind) = filter.kind {
        query.push(" AND d.kind = ").push_bind(kind.as_str());
    }
    if let Some(state) = filter.state {
        query.push(" AND d.state = ").push_bind(state.as_str());
    }
    if let Some(joined) = filter.joined {
        query.push(if joined { " AND d.hardware_id IS NOT NULL" } else { " AND d.hardware_id IS NULL" });
    }
    if let Some(flagged) = filter.flagged {
        query.push(if flagged { " AND EXISTS" } else { " AND NOT EXISTS" });
        query.push(" (SELECT 1 FROM device_flags f WHERE f.device_no = d.device_no AND f.state = 'open')");
    }
}
