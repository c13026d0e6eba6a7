//! Devices as they are shown, and everything that the console may do to one.

use super::change::{Change, Entry};
use super::devices::{self, require};
use super::{Actor, Store, StoreError, device_counts, flags, orgs, schools};
use crate::logic::belonging::effective_day;
use crate::logic::forms::DeviceChange;
use crate::logic::model::{Device, Place, in_force};
use crate::logic::rights::Node;
use crate::logic::state;
use crate::logic::tag::Expected;
use crate::logic::views::{DeviceView, PlaceView, place_on, to_come};
use crate::store::Connection;
use schemas::registry::DeviceState;
use schemas::time::{Day, format_rfc3339_ms};

/// A device as it is shown.
pub(super) async fn view(tx: &mut Connection, no: u32, at_ms: i64) -> Result<DeviceView, StoreError> {
    let device = require(tx, no).await?;
    shown(tx, device, at_ms).await
}

/// A device as it is shown, and where it is today.
pub(super) async fn view_and_node(tx: &mut Connection, no: u32, at_ms: i64) -> Result<(DeviceView, Node), StoreError> {
    let view = view(tx, no, at_ms).await?;
    let node = place_node(tx, view.place, at_ms).await?;
    Ok((view, node))
}

async fn shown(tx: &mut Connection, device: Device, at_ms: i64) -> Result<DeviceView, StoreError> {
    let no = device.no;
    let sql = "SELECT code, procured_on_day, note, mac FROM devices WHERE device_no = $1";
    let (code, procured_on, note, mac): (Option<String>, Option<i32>, String, Option<String>) =
        sqlx::query_as(sql).bind(no).fetch_one(&mut *tx).await?;
    let flags = flags::of_device(tx, no).await?;
    let today = Day::of_ms(at_ms);
    let shown = |place: Place| PlaceView { school_no: place.school_no, class_no: place.class_no };
    Ok(DeviceView {
        device_no: no,
        code,
        device_id: device.id,
        kind: device.kind,
        state: device.state,
        place: place_on(&device.places, today),
        places_to_come: to_come(&device.places, today, shown),
        procured_on: procured_on.map(|day| Day(day).to_string()),
        note,
        mac,
        enrolled_at: format_rfc3339_ms(device.enrolled_at_ms),
        token_gen: device.token_gen,
        revoked: device.revoked,
        flags,
    })
}

/// Where a device is today.
pub(super) async fn node(tx: &mut Connection, no: u32, at_ms: i64) -> Result<Node, StoreError> {
    let device = require(tx, no).await?;
    place_node(tx, place_on(&device.places, Day::of_ms(at_ms)), at_ms).await
}

async fn place_node(tx: &mut Connection, place: PlaceView, at_ms: i64) -> Result<Node, StoreError> {
    match schools::class_node(tx, place.school_no, place.class_no, at_ms).await {
        // What is left of a school that was purged is the province's.
        Err(StoreError::Absent { .. }) => Ok(Node::Area(orgs::province(tx).await?)),
        node => node,
    }
}

impl Store {
    /// Where a device is today.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn device_node(&self, no: u32, at_ms: i64) -> Result<Node, StoreError> {
        let mut connection = self.pool.acquire().await?;
        node(&mut connection, no, at_ms).await
    }

    /// A device as it is shown.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn device_view(&self, no: u32, at_ms: i64) -> Result<DeviceView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        view(&mut connection, no, at_ms).await
    }

    /// Changes a device. A place or a state counts from the next midnight on (after 23:00: the one after); what the
    /// edge refuses follows the state at once.
    ///
    /// # Errors
    /// No such device, school or class, a state that may not be entered, or a change in between.
    pub async fn edit_device(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        edit: &DeviceChange,
    ) -> Result<DeviceView, StoreError> {
        let mut change = self.change(actor).await?;
        let after = edit_within(&mut change, no, expected, edit).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Moves a device to a class (0: none) of a school, from the terminal; gives the first day on which that holds.
    ///
    /// # Errors
    /// No such device, school or class, or a class of another school.
    pub async fn move_device(&self, no: u32, place: Place, at_ms: i64) -> Result<Day, StoreError> {
        let (school_no, class_no) = (Some(place.school_no), Some(place.class_no));
        let edit = DeviceChange { school_no, class_no, ..DeviceChange::default() };
        self.edit_device(&Actor::terminal(at_ms), no, &Expected::Any, &edit).await?;
        Ok(effective_day(at_ms))
    }

    /// Brings a device into a state, from the terminal: at once for the edge's refusals, for `in_service` from the day
    /// that is given back.
    ///
    /// # Errors
    /// No such device, or the state may not be entered.
    pub async fn set_state(&self, no: u32, to: DeviceState, at_ms: i64) -> Result<Day, StoreError> {
        let edit = DeviceChange { state: Some(to), ..DeviceChange::default() };
        self.edit_device(&Actor::terminal(at_ms), no, &Expected::Any, &edit).await?;
        Ok(effective_day(at_ms))
    }

    /// Makes every token so far worthless, and later ones good, also after a revocation.
    ///
    /// # Errors
    /// No such device.
    pub async fn rotate(&self, no: u32, at_ms: i64) -> Result<(), StoreError> {
        // Above every generation that was issued: a token that the device has not used yet becomes worthless as well.
        let sql = "UPDATE devices SET token_gen = CASE WHEN tokens_issued > token_gen THEN tokens_issued ELSE token_gen END + 1, revoked = FALSE WHERE device_no = $1";
        self.change_tokens(&Actor::terminal(at_ms), no, &Expected::Any, "device.rotate", sql).await?;
        Ok(())
    }

    /// Makes every token worthless until the next rotation or enrolment, from the terminal.
    ///
    /// # Errors
    /// No such device.
    pub async fn revoke(&self, no: u32, at_ms: i64) -> Result<(), StoreError> {
        self.revoke_device(&Actor::terminal(at_ms), no, &Expected::Any).await?;
        Ok(())
    }

    /// Makes every token worthless until the next rotation or enrolment.
    ///
    /// # Errors
    /// No such device, or a change in between.
    pub async fn revoke_device(&self, actor: &Actor, no: u32, expected: &Expected) -> Result<DeviceView, StoreError> {
        let sql = "UPDATE devices SET revoked = TRUE WHERE device_no = $1";
        self.change_tokens(actor, no, expected, "device.revoke", sql).await
    }

    async fn change_tokens(
        &self,
        actor: &Actor,
        no: u32,
        expected: &Expected,
        action: &'static str,
        sql: &'static str,
    ) -> Result<DeviceView, StoreError> {
        let mut change = self.change(actor).await?;
        let before = view(change.tx(), no, actor.at_ms).await?;
        expected.check(&before)?;
        sqlx::query(sql).bind(no).execute(change.tx()).await?;
        let (after, node) = view_and_node(change.tx(), no, actor.at_ms).await?;
        let object = format!("d{no}");
        change.log(Entry { action, object, node, before: Some(&before), after: Some(&after), reason: "" }).await?;
        change.tell_devices(&[no]).await?;
        change.commit().await?;
        Ok(after)
    }
}

/// One of several changes of a transaction.
pub(super) async fn edit_within(
    change: &mut Change<'_>,
    no: u32,
    expected: &Expected,
    edit: &DeviceChange,
) -> Result<DeviceView, StoreError> {
    let at_ms = change.at_ms();
    let (before, at) = view_and_node(change.tx(), no, at_ms).await?;
    expected.check(&before)?;
    write(change.tx(), no, edit).await?;
    let device = require(change.tx(), no).await?;
    let from_day = effective_day(at_ms);
    if let Some(place) = target(&device, edit, from_day) {
        devices::require_place(change.tx(), place).await?;
        devices::write_place(change.tx(), no, place, from_day, at_ms).await?;
    }
    if let Some(to) = edit.state
        && state::change(device.state, to)?
    {
        devices::write_state(change.tx(), no, to, from_day, at_ms).await?;
    }
    let counts_now = device_counts::counted(&require(change.tx(), no).await?);
    device_counts::moved(change.tx(), device_counts::counted(&device), counts_now, at_ms).await?;
    let after = view(change.tx(), no, at_ms).await?;
    let (action, object) = ("device.edit", format!("d{no}"));
    let entry = Entry { action, object, node: at, before: Some(&before), after: Some(&after), reason: "" };
    change.log(entry).await?;
    change.tell_devices(&[no]).await?;
    Ok(after)
}

/// Where the device goes; nowhere if neither school nor class is named. Without a school: to a class of the school
/// that it is in by then.
fn target(device: &Device, edit: &DeviceChange, from_day: Day) -> Option<Place> {
    let class_no = edit.class_no?;
    let school_no = edit.school_no.or_else(|| in_force(&device.places, from_day).map(|place| place.school_no))?;
    Some(Place { school_no, class_no })
}

async fn write(tx: &mut Connection, no: u32, edit: &DeviceChange) -> Result<(), StoreError> {
    let sql = "UPDATE devices SET kind = COALESCE($2, kind), procured_on_day = COALESCE($3, procured_on_day), note = COALESCE($4, note) WHERE device_no = $1";
    let update = sqlx::query(sql).bind(no).bind(edit.kind.map(|kind| kind.as_str()));
    update.bind(edit.procured_on.map(|day| day.0)).bind(edit.note.as_deref()).execute(tx).await?;
    Ok(())
}
