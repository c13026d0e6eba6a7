//! How many devices a school has: those whose last place it is, retired ones left out. Kept with the school, because a
//! list of schools cannot count three million devices.

use super::StoreError;
use crate::logic::model::Device;
use crate::store::Connection;
use schemas::registry::DeviceState;

/// The school that a device counts for.
pub(super) fn counted(device: &Device) -> Option<u32> {
    let last = device.places.last().map(|change| change.value.school_no);
    last.filter(|_| device.state != DeviceState::Retired)
}

/// Devices are new in a school, whose profile counts as confirmed from then on.
pub(super) async fn joined(tx: &mut Connection, school_no: u32, devices: usize, at_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE schools SET device_count = device_count + $3, initialised_at_ms = COALESCE(initialised_at_ms, $2) WHERE school_no = $1";
    sqlx::query(sql).bind(school_no).bind(at_ms).bind(devices as i64).execute(tx).await?;
    Ok(())
}

/// A device that counted for one school counts for another from now on, or for none.
pub(super) async fn moved(
    tx: &mut Connection,
    from: Option<u32>,
    to: Option<u32>,
    at_ms: i64,
) -> Result<(), StoreError> {
    if from == to {
        return Ok(());
    }
    if let Some(school_no) = from {
        let sql = "UPDATE schools SET device_count = device_count - 1 WHERE school_no = $1";
        sqlx::query(sql).bind(school_no).execute(&mut *tx).await?;
    }
    match to {
        Some(school_no) => joined(tx, school_no, 1, at_ms).await,
        None => Ok(()),
    }
}

/// Counts again, for schools whose devices changed by the dozen.
pub(super) async fn recount(tx: &mut Connection, schools: &[u32], at_ms: i64) -> Result<(), StoreError> {
    for school_no in schools {
        let sql = "UPDATE schools SET device_count = (SELECT COUNT(*) FROM belongings b JOIN devices d ON d.device_no = b.device_no WHERE b.school_no = schools.school_no AND d.state <> 'retired' AND NOT EXISTS (SELECT 1 FROM belongings n WHERE n.device_no = b.device_no AND n.from_day > b.from_day)), initialised_at_ms = COALESCE(initialised_at_ms, CASE WHEN EXISTS (SELECT 1 FROM belongings b WHERE b.school_no = schools.school_no) THEN $2 END) WHERE school_no = $1";
        sqlx::query(sql).bind(school_no).bind(at_ms).execute(&mut *tx).await?;
    }
    Ok(())
}
