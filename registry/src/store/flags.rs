//! What an enrolment made look doubtful, until somebody judges it.

use super::change::Entry;
use super::{Actor, Store, StoreError, absent, device_changes};
use crate::logic::conflict::Conflict;
use crate::logic::forms::FlagForm;
use crate::logic::tag::Expected;
use crate::logic::views::FlagView;
use crate::store::Connection;

type FlagRow = (i64, String, String, String);

fn flag((flag_no, kind, detail, state): FlagRow) -> FlagView {
    FlagView { flag_no, kind, detail, state }
}

/// Flags of a device, oldest first.
pub(super) async fn of_device(tx: &mut Connection, device_no: u32) -> Result<Vec<FlagView>, StoreError> {
    let sql = "SELECT flag_no, kind, detail, state FROM device_flags WHERE device_no = $1 ORDER BY flag_no";
    let rows: Vec<FlagRow> = sqlx::query_as(sql).bind(device_no).fetch_all(tx).await?;
    Ok(rows.into_iter().map(flag).collect())
}

/// Raises a flag.
pub(super) async fn raise(
    tx: &mut Connection,
    device_no: u32,
    kind: &'static str,
    detail: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    let no = super::change::take_number(tx, "flag", "SELECT MAX(flag_no) FROM device_flags").await?;
    let sql = "INSERT INTO device_flags (flag_no, device_no, kind, detail, raised_at_ms, state) VALUES ($1, $2, $3, $4, $5, 'open')";
    sqlx::query(sql).bind(no).bind(device_no).bind(kind).bind(detail).bind(at_ms).execute(tx).await?;
    Ok(())
}

async fn require(tx: &mut Connection, no: u32) -> Result<(u32, FlagView), StoreError> {
    let sql = "SELECT device_no, flag_no, kind, detail, state FROM device_flags WHERE flag_no = $1";
    let row: Option<(i64, i64, String, String, String)> = sqlx::query_as(sql).bind(no).fetch_optional(tx).await?;
    let (device_no, flag_no, kind, detail, state) = row.ok_or_else(|| absent("flag", no))?;
    Ok((super::number("device_flags.device_no", device_no)?, flag((flag_no, kind, detail, state))))
}

impl Store {
    /// A flag and its device.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn flag(&self, no: u32) -> Result<(u32, FlagView), StoreError> {
        let mut connection = self.pool.acquire().await?;
        require(&mut connection, no).await
    }

    /// Judges a flag.
    ///
    /// # Errors
    /// No such flag, one that was judged, or a change in between.
    pub async fn judge_flag(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        form: &FlagForm,
    ) -> Result<FlagView, StoreError> {
        form.check()?;
        let mut change = self.change(actor).await?;
        let (device_no, before) = require(change.tx(), no).await?;
        expected.check(&before)?;
        if before.state != "open" {
            return Err(Conflict::FlagSettled.into());
        }
        let sql = "UPDATE device_flags SET state = $2 WHERE flag_no = $1";
        sqlx::query(sql).bind(no).bind(&form.state).execute(change.tx()).await?;
        let node = device_changes::node(change.tx(), device_no, actor.at_ms).await?;
        let (_, after) = require(change.tx(), no).await?;
        let (action, object) = ("flag.judge", format!("f{no}"));
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.commit().await?;
        Ok(after)
    }
}
