//! What an approved correction does to the history, and what it tells.

use super::super::change::Change;
use super::super::{StoreError, absent, calendars, device_counts, devices, number, outbox, school_rows, schools};
use super::{CorrectionView, Days, What};
use crate::logic::belonging::{Schools, belongings, effective_day, horizon};
use crate::logic::calendar::reopened;
use crate::logic::conflict::{Conflict, Invalid};
use crate::logic::correction::{device_state, overwrite, place_words, school_status, shifts, told};
use crate::logic::model::{Change as Turn, Device, Place};
use crate::logic::records::Outgoing;
use crate::logic::state::StateError;
use crate::store::Connection;
use schemas::org::OrgId;
use schemas::registry::{BelongingFrom, CalendarSpan, CorrectionRecord, DeviceState, Shift};
use schemas::time::Day;

/// Shifts of one correction: what one value of the topic holds.
const SHIFTS: usize = 10_000;

/// What was done.
pub(super) struct Applied {
    /// The history before, in words.
    pub(super) before: Vec<String>,
    /// The same after.
    pub(super) after: Vec<String>,
    /// Devices that may belong elsewhere now.
    devices: Vec<u32>,
    /// The days on which they do.
    shifts: Vec<Shift>,
}

/// Corrects the history. Everything is checked again: between proposal and approval things may have changed.
pub(super) async fn apply(
    change: &mut Change<'_>,
    accept_days: u32,
    what: &What,
    days: Days,
) -> Result<Applied, StoreError> {
    let at_ms = change.at_ms();
    days.check(at_ms, accept_days)?;
    let numbers = devices_of(change.tx(), what).await?;
    let before = accounts(change.tx(), &numbers, at_ms, accept_days).await?;
    let (old, new) = rewrite(change.tx(), what, days, at_ms).await?;
    let after = accounts(change.tx(), &numbers, at_ms, accept_days).await?;
    let end = days.end(at_ms);
    let found = before.iter().zip(&after).flat_map(|((no, old), (_, new))| shifts(*no, old, new, days.from, end));
    let shifts: Vec<Shift> = found.collect();
    if shifts.len() > SHIFTS {
        return Err(Invalid::one("/until", "more device-days than one correction holds: give fewer days").into());
    }
    if old == new || (shifts.is_empty() && what.org().is_none()) {
        return Err(Conflict::NothingToCorrect.into());
    }
    Ok(Applied { before: old, after: new, devices: numbers, shifts })
}

/// Devices whose days depend on the history.
async fn devices_of(tx: &mut Connection, what: &What) -> Result<Vec<u32>, StoreError> {
    match what {
        What::Place { device_no, .. } | What::State { device_no, .. } => Ok(vec![*device_no]),
        What::Status { school_no, .. } | What::Division { school_no, .. } => {
            let sql = "SELECT DISTINCT device_no FROM belongings WHERE school_no = $1 ORDER BY device_no";
            let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(*school_no).fetch_all(tx).await?;
            rows.into_iter().map(|(no,)| number("device_no", no)).collect()
        }
        What::Closure { .. } | What::Reopening { .. } => Ok(Vec::new()),
    }
}

type Accounts = Vec<(u32, Vec<BelongingFrom>)>;

/// What is said of devices now.
async fn accounts(tx: &mut Connection, numbers: &[u32], at_ms: i64, accept_days: u32) -> Result<Accounts, StoreError> {
    let mut accounts = Accounts::new();
    for numbers in numbers.chunks(1_000) {
        let found = devices::devices(tx, &devices::Numbers::List(numbers)).await?;
        let schools: Schools = devices::schools_of(tx, &found).await?;
        let horizon = horizon(Day::of_ms(at_ms), accept_days);
        accounts.extend(found.iter().map(|device| (device.no, belongings(device, &schools, horizon))));
    }
    Ok(accounts)
}

type Words = (Vec<String>, Vec<String>);

async fn rewrite(tx: &mut Connection, what: &What, days: Days, at_ms: i64) -> Result<Words, StoreError> {
    match what {
        What::Place { device_no, school_no, class_no } => {
            let place = Place { school_no: *school_no, class_no: *class_no };
            rewrite_place(tx, *device_no, place, days, at_ms).await
        }
        What::State { device_no, state } => {
            let state = device_state(state).ok_or_else(|| Invalid::one("/state", "not a state to correct to"))?;
            rewrite_state(tx, *device_no, state, days, at_ms).await
        }
        What::Status { school_no, status } => rewrite_status(tx, *school_no, status, days, at_ms).await,
        What::Division { school_no, division } => rewrite_division(tx, *school_no, *division, days, at_ms).await,
        What::Closure { org, name } => {
            let org = OrgId::parse(org).ok_or_else(|| Invalid::one("/closure", "no area or school"))?;
            close(tx, org, name, days).await
        }
        What::Reopening { org } => {
            let org = OrgId::parse(org).ok_or_else(|| Invalid::one("/reopened", "no area or school"))?;
            reopen(tx, org, days).await
        }
    }
}

/// A device's days begin with its enrolment.
fn enrolled_by(device: &Device, day: Day) -> Result<(), StoreError> {
    let enrolled = Day::of_ms(device.enrolled_at_ms);
    let told = || Invalid::one("/from", format!("the device was enrolled on {enrolled}"));
    if day < enrolled { Err(told().into()) } else { Ok(()) }
}

async fn rewrite_place(
    tx: &mut Connection,
    no: u32,
    place: Place,
    days: Days,
    at_ms: i64,
) -> Result<Words, StoreError> {
    let device = devices::require(tx, no).await?;
    enrolled_by(&device, days.from)?;
    devices::require_place(tx, place).await?;
    let places = overwrite(&device.places, days, effective_day(at_ms), place, None);
    clear(tx, "DELETE FROM belongings WHERE device_no = $1 AND from_day = $2", no, removed(&device.places, &places))
        .await?;
    for change in added(&device.places, &places) {
        devices::write_place(tx, no, change.value, change.from_day, at_ms).await?;
    }
    let counts = device_counts::counted(&Device { places: places.clone(), ..device.clone() });
    device_counts::moved(tx, device_counts::counted(&device), counts, at_ms).await?;
    Ok((told(&device.places, place_words), told(&places, place_words)))
}

async fn rewrite_state(
    tx: &mut Connection,
    no: u32,
    state: DeviceState,
    days: Days,
    at_ms: i64,
) -> Result<Words, StoreError> {
    let device = devices::require(tx, no).await?;
    enrolled_by(&device, days.from)?;
    match device.state {
        DeviceState::Retired => return Err(StateError::Retired.into()),
        DeviceState::Enrolled => return Err(StateError::Enrolled.into()),
        DeviceState::InService | DeviceState::Suspended => {}
    }
    let states = overwrite(&device.states, days, effective_day(at_ms), state, Some(DeviceState::InService));
    clear(tx, "DELETE FROM device_states WHERE device_no = $1 AND from_day = $2", no, removed(&device.states, &states))
        .await?;
    for change in added(&device.states, &states) {
        devices::write_state(tx, no, change.value, change.from_day, at_ms).await?;
    }
    // The last of them is the state of now.
    let last = states.last().map_or(device.state, |change| change.value);
    let sql = "UPDATE devices SET state = $2 WHERE device_no = $1";
    sqlx::query(sql).bind(no).bind(last.as_str()).execute(&mut *tx).await?;
    let counts = device_counts::counted(&Device { state: last, ..device.clone() });
    device_counts::moved(tx, device_counts::counted(&device), counts, at_ms).await?;
    let words = |state: &DeviceState| state.as_str().to_owned();
    Ok((told(&device.states, words), told(&states, words)))
}

async fn rewrite_status(
    tx: &mut Connection,
    no: u32,
    status: &str,
    days: Days,
    at_ms: i64,
) -> Result<Words, StoreError> {
    let status = school_status(status).ok_or_else(|| Invalid::one("/status", "not a status to correct to"))?;
    let before = schools::require(tx, no).await?.history.statuses;
    if let Some(end) = before.iter().find(|change| school_status(change.value.as_str()).is_none()) {
        return Err(Conflict::SchoolClosed { status: end.value, from_day: end.from_day }.into());
    }
    let after = overwrite(&before, days, effective_day(at_ms), status, None);
    clear(tx, "DELETE FROM school_statuses WHERE school_no = $1 AND from_day = $2", no, removed(&before, &after))
        .await?;
    for Turn { from_day, value } in added(&before, &after) {
        school_rows::write_status(tx, no, *from_day, *value, at_ms).await?;
    }
    let words = |status: &schemas::registry::SchoolStatus| status.as_str().to_owned();
    Ok((told(&before, words), told(&after, words)))
}

async fn rewrite_division(
    tx: &mut Connection,
    no: u32,
    division: u32,
    days: Days,
    at_ms: i64,
) -> Result<Words, StoreError> {
    let before = schools::require(tx, no).await?.history.divisions;
    school_rows::require_open_area(tx, division, days.from).await?;
    let after = overwrite(&before, days, effective_day(at_ms), division, None);
    clear(tx, "DELETE FROM school_divisions WHERE school_no = $1 AND from_day = $2", no, removed(&before, &after))
        .await?;
    for Turn { from_day, value } in added(&before, &after) {
        school_rows::write_division(tx, no, *from_day, *value, at_ms).await?;
    }
    Ok((told(&before, u32::to_string), told(&after, u32::to_string)))
}

/// Adds a span without school to a calendar.
async fn close(tx: &mut Connection, org: OrgId, name: &str, days: Days) -> Result<Words, StoreError> {
    let before = calendars::spans(tx, org).await?;
    let until_day = days.until.unwrap_or(days.from.plus(1));
    let (name, from_day) = (name.to_owned(), days.from);
    let span = CalendarSpan { from_day, until_day, school_day: false, name, provisional: false };
    if before.iter().any(|other| (other.from_day, &other.name) == (span.from_day, &span.name)) {
        return Err(Conflict::Taken("first day and name").into());
    }
    let mut after = before.clone();
    after.push(span);
    replace(tx, org, &before, after).await
}

/// Takes days out of the closures of a calendar.
async fn reopen(tx: &mut Connection, org: OrgId, days: Days) -> Result<Words, StoreError> {
    let before = calendars::spans(tx, org).await?;
    let after = reopened(&before, days.from, days.until.unwrap_or(days.from.plus(1)));
    let after =
        after.ok_or_else(|| Invalid::one("/from", "the calendar closes none of these days; another level may"))?;
    replace(tx, org, &before, after).await
}

async fn replace(
    tx: &mut Connection,
    org: OrgId,
    before: &[CalendarSpan],
    mut after: Vec<CalendarSpan>,
) -> Result<Words, StoreError> {
    after.sort_by_key(|span| (span.from_day, span.until_day));
    calendars::write(tx, org, &after).await?;
    let words = |span: &CalendarSpan| {
        let kind = if span.school_day { "school" } else { "no school" };
        format!("{}..{} {kind} {}", span.from_day, span.until_day.plus(-1), span.name)
    };
    Ok((before.iter().map(words).collect(), after.iter().map(words).collect()))
}

/// Entries of a history that are in no other.
fn added<'h, T: PartialEq>(before: &'h [Turn<T>], after: &'h [Turn<T>]) -> impl Iterator<Item = &'h Turn<T>> {
    after.iter().filter(|turn| !before.contains(turn))
}

/// Days on which a history turned, and the corrected one does not.
fn removed<T>(before: &[Turn<T>], after: &[Turn<T>]) -> Vec<Day> {
    let days = before.iter().map(|turn| turn.from_day);
    days.filter(|day| after.iter().all(|turn| turn.from_day != *day)).collect()
}

async fn clear(tx: &mut Connection, sql: &'static str, no: u32, days: Vec<Day>) -> Result<(), StoreError> {
    for day in days {
        sqlx::query(sql).bind(no).bind(day.0).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Tells of the devices, the school, the area.
pub(super) async fn tell(change: &mut Change<'_>, applied: &Applied, what: &What) -> Result<(), StoreError> {
    match what {
        What::Place { .. } | What::State { .. } => {}
        What::Status { school_no, .. } | What::Division { school_no, .. } => change.tell_school(*school_no).await?,
        What::Closure { org, .. } | What::Reopening { org } => match OrgId::parse(org) {
            Some(OrgId::School(no)) => change.tell_school(no).await?,
            Some(OrgId::Area(code)) => change.tell_area(code).await?,
            _ => return Err(absent("area or school", 0)),
        },
    }
    change.tell_devices(&applied.devices).await
}

/// Tells of the correction itself, after everything that follows from it.
pub(super) async fn tell_correction(
    change: &mut Change<'_>,
    applied: Applied,
    (seq, what, days): (u32, &What, Days),
    view: &CorrectionView,
) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let rev = outbox::take_revs(change.tx(), 1).await?;
    let record = CorrectionRecord {
        no: view.correction_no,
        seq,
        kind: what.kind().to_owned(),
        object: what.object(),
        from_day: days.from,
        until_day: days.end(at_ms),
        reason: view.reason.clone(),
        proposed_by: view.proposed_by.clone(),
        approved_by: view.decided_by.clone().unwrap_or_default(),
        approved_at_ms: at_ms,
        shifts: applied.shifts,
        rev,
    };
    outbox::append(change.tx(), at_ms, &[Outgoing::correction(&record)]).await
}
