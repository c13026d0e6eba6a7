//! Devices that join, and what a device may ask about itself.

use super::change::{Change, Entry, take_number};
use super::codes::{self, require_class};
use super::devices::{self, require};
use super::school_changes::require_open;
use super::{Actor, Store, StoreError, classes, device_changes, device_counts, flags, number, schools};
use crate::logic::belonging::effective_day;
use crate::logic::enrolment::{CodeFault, Enrolment, Identity, Known, identity, redeemable, state};
use crate::logic::model::{Device, Place};
use crate::logic::views::{CampusView, ClassView, DeviceView, SchoolView};
use crate::store::Connection;
use schemas::registry::DeviceState;
use schemas::time::Day;
use schemas::token::DeviceClaims;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a client has to choose from before it joins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EnrolOptions {
    /// Number of the code's school.
    pub school_no: u32,
    /// Its name.
    pub school_name: String,
    /// The class that the code is meant for; 0: any.
    pub class_no: u32,
    /// Campuses.
    pub campuses: Vec<CampusView>,
    /// Classes.
    pub classes: Vec<ClassView>,
}

/// A device that has joined.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// As it is shown.
    pub view: DeviceView,
    /// The generation that its token is made for.
    pub generation: u32,
    /// It had joined before and keeps its number.
    pub again: bool,
}

/// A code that may be redeemed.
struct Open {
    code_no: i64,
    school_no: u32,
    /// The class that it is meant for; 0: any.
    class_no: u32,
}

async fn open(tx: &mut Connection, code: &str, now_ms: i64) -> Result<Open, StoreError> {
    let sql = "SELECT code_no, code, school_no, class_no, state, created_at_ms, expires_at_ms, creator, creator_name, used_at_ms, device_no, mac FROM enrol_codes WHERE code = $1";
    let row: Option<codes::Row> = sqlx::query_as(sql).bind(code).fetch_optional(tx).await?;
    let row = row.ok_or(CodeFault::Unknown)?;
    redeemable(state(&row.state, row.expires_at_ms, now_ms))?;
    Ok(Open {
        code_no: row.code_no,
        school_no: number("enrol_codes.school_no", row.school_no)?,
        class_no: number("enrol_codes.class_no", row.class_no)?,
    })
}

/// Everything that shares the hardware's identity or the address, and is not retired.
async fn known(tx: &mut Connection, wanted: &Enrolment) -> Result<Vec<Known>, StoreError> {
    // Two looks, each with an index of its own.
    let sql = "SELECT device_no, hardware_id, mac FROM devices WHERE hardware_id = $1 AND state <> 'retired' UNION SELECT device_no, hardware_id, mac FROM devices WHERE mac = $2 AND state <> 'retired' ORDER BY device_no";
    let rows: Vec<(i64, Option<String>, Option<String>)> =
        sqlx::query_as(sql).bind(&wanted.hardware_id).bind(&wanted.mac).fetch_all(&mut *tx).await?;
    let mut known = Vec::with_capacity(rows.len());
    for (no, hardware_id, mac) in rows {
        let device_no = number("devices.device_no", no)?;
        let school_no = last_place(&require(tx, device_no).await?).school_no;
        known.push(Known { device_no, school_no, hardware_id, mac });
    }
    Ok(known)
}

/// The place that was entered last, also if it is not in force yet.
fn last_place(device: &Device) -> Place {
    device.places.last().map_or(Place { school_no: 0, class_no: 0 }, |change| change.value)
}

impl Store {
    /// What the holder of a code may choose from. The code stays good.
    ///
    /// # Errors
    /// The code opens nothing.
    pub async fn enrol_options(&self, code: &str, now_ms: i64) -> Result<EnrolOptions, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let open = open(&mut connection, code, now_ms).await?;
        let SchoolView { school_no, name, .. } =
            schools::require(&mut connection, open.school_no).await?.view(Day::of_ms(now_ms));
        drop(connection);
        Ok(EnrolOptions {
            school_no,
            school_name: name,
            class_no: open.class_no,
            campuses: self.campuses_of(school_no).await?,
            classes: self.classes_of(school_no, 0, u32::MAX).await?,
        })
    }

    /// What a device may know about itself. A token of a generation that was not used before makes all older ones
    /// worthless: until then both are good, so that an answer that got lost locks nobody out.
    ///
    /// # Errors
    /// The token was revoked, or the device is gone.
    pub async fn device_self(&self, actor: &Actor, claims: &DeviceClaims) -> Result<DeviceView, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let device = standing(&mut connection, claims).await?;
        if claims.generation <= device.token_gen {
            return device_changes::view(&mut connection, claims.dno, actor.at_ms).await;
        }
        drop(connection);
        let mut change = self.change(actor).await?;
        standing(change.tx(), claims).await?;
        let sql = "UPDATE devices SET token_gen = $2 WHERE device_no = $1 AND token_gen < $2";
        sqlx::query(sql).bind(claims.dno).bind(claims.generation).execute(change.tx()).await?;
        let view = device_changes::view(change.tx(), claims.dno, actor.at_ms).await?;
        let node = device_changes::node(change.tx(), claims.dno, actor.at_ms).await?;
        let (action, object) = ("device.token", format!("d{}", claims.dno));
        change.log(Entry { action, object, node, before: None, after: Some(&view), reason: "" }).await?;
        change.tell_devices(&[claims.dno]).await?;
        change.commit().await?;
        Ok(view)
    }

    /// The generation of a new token for the holder of a good one.
    ///
    /// # Errors
    /// The token was revoked, or the device is gone.
    pub async fn renew(&self, actor: &Actor, claims: &DeviceClaims) -> Result<u32, StoreError> {
        let mut change = self.change(actor).await?;
        standing(change.tx(), claims).await?;
        let sql = "UPDATE devices SET tokens_issued = CASE WHEN tokens_issued > token_gen THEN tokens_issued ELSE token_gen END + 1 WHERE device_no = $1 RETURNING tokens_issued";
        let (issued,): (i64,) = sqlx::query_as(sql).bind(claims.dno).fetch_one(change.tx()).await?;
        change.commit().await?;
        number("devices.tokens_issued", issued)
    }
}

/// Redeems a code: of several that try, the first wins. `fresh`: the identity of a device that is new.
///
/// # Errors
/// The code opens nothing, or the class is not of its school.
pub(super) async fn redeem(change: &mut Change<'_>, wanted: &Enrolment, fresh: Uuid) -> Result<Enrolled, StoreError> {
    let at_ms = change.at_ms();
    let open = open(change.tx(), &wanted.code, at_ms).await?;
    require_class(change.tx(), open.school_no, wanted.class_no).await?;
    if wanted.class_no == 0 {
        wanted.check_class(None)?;
    } else {
        wanted.check_class(Some(&classes::require_class(change.tx(), wanted.class_no).await?))?;
    }
    require_open(change.tx(), open.school_no, Day::of_ms(at_ms)).await?;
    let known = known(change.tx(), wanted).await?;
    let identity = identity(wanted, open.school_no, &known);
    let place = Place { school_no: open.school_no, class_no: wanted.class_no };
    let (no, before) = match &identity {
        Identity::Again(no) => (*no, Some(device_changes::view(change.tx(), *no, at_ms).await?)),
        Identity::New | Identity::Doubtful(_) => {
            (take_number(change.tx(), "device", "SELECT MAX(device_no) FROM devices").await?, None)
        }
    };
    match before {
        Some(_) => join_again(change, no, wanted, place).await?,
        None => join(change, no, fresh, wanted, place).await?,
    }
    consume(change, &open, no, wanted).await?;
    raise_flags(change, no, &open, wanted, &identity).await?;
    let (view, generation) = finish(change, no, &open, before.as_ref()).await?;
    Ok(Enrolled { view, generation, again: before.is_some() })
}

/// The device of a token that is still good.
async fn standing(tx: &mut Connection, claims: &DeviceClaims) -> Result<Device, StoreError> {
    let device = match require(tx, claims.dno).await {
        Err(StoreError::Absent { .. }) => return Err(StoreError::Revoked),
        device => device?,
    };
    let good = device.id == claims.sub
        && !device.revoked
        && claims.generation >= device.token_gen
        && device.state != DeviceState::Retired;
    if good { Ok(device) } else { Err(StoreError::Revoked) }
}

async fn join(change: &mut Change<'_>, no: u32, id: Uuid, wanted: &Enrolment, place: Place) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let sql = "INSERT INTO devices (device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms, note, hardware_id, mac) VALUES ($1, $2, $3, 'enrolled', 0, FALSE, $4, $5, $6, $7)";
    let insert = sqlx::query(sql).bind(no).bind(id.to_string()).bind(wanted.kind.as_str()).bind(at_ms);
    insert.bind(&wanted.note).bind(&wanted.hardware_id).bind(&wanted.mac).execute(change.tx()).await?;
    devices::write_place(change.tx(), no, place, Day::of_ms(at_ms), at_ms).await?;
    device_counts::joined(change.tx(), place.school_no, 1, at_ms).await
}

/// The same machine again: its number, its history, a new generation of tokens. The new code is the console's word for
/// the class, which counts from the next midnight.
async fn join_again(change: &mut Change<'_>, no: u32, wanted: &Enrolment, place: Place) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let sql = "UPDATE devices SET token_gen = CASE WHEN tokens_issued > token_gen THEN tokens_issued ELSE token_gen END + 1, revoked = FALSE, kind = $2, note = $3, hardware_id = COALESCE(hardware_id, $4) WHERE device_no = $1";
    let update = sqlx::query(sql).bind(no).bind(wanted.kind.as_str()).bind(&wanted.note).bind(&wanted.hardware_id);
    update.execute(change.tx()).await?;
    if last_place(&require(change.tx(), no).await?) != place {
        devices::write_place(change.tx(), no, place, effective_day(at_ms), at_ms).await?;
    }
    Ok(())
}

/// Takes the code, if nobody else has.
async fn consume(change: &mut Change<'_>, open: &Open, no: u32, wanted: &Enrolment) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    let sql = "UPDATE enrol_codes SET state = 'used', used_at_ms = $2, device_no = $3, mac = $4 WHERE code_no = $1 AND state = 'issued'";
    let update = sqlx::query(sql).bind(open.code_no).bind(at_ms).bind(no).bind(&wanted.mac);
    match update.execute(change.tx()).await?.rows_affected() {
        1 => Ok(()),
        _ => Err(CodeFault::Used.into()),
    }
}

async fn raise_flags(
    change: &mut Change<'_>,
    no: u32,
    open: &Open,
    wanted: &Enrolment,
    identity: &Identity,
) -> Result<(), StoreError> {
    let at_ms = change.at_ms();
    if let Identity::Doubtful(others) = identity {
        // Numbers only: the other device may be in a school that the reader may not see.
        let others: Vec<String> = others.iter().map(u32::to_string).collect();
        let detail = format!("shares its hardware's identity or its address with device {}", others.join(", "));
        flags::raise(change.tx(), no, "duplicate_identity", &detail, at_ms).await?;
    }
    if open.class_no != 0 && open.class_no != wanted.class_no {
        let detail = format!("the code was for class {}, the form says {}", open.class_no, wanted.class_no);
        flags::raise(change.tx(), no, "code_used_for_other_class", &detail, at_ms).await?;
    }
    Ok(())
}

async fn finish(
    change: &mut Change<'_>,
    no: u32,
    open: &Open,
    before: Option<&DeviceView>,
) -> Result<(DeviceView, u32), StoreError> {
    let at_ms = change.at_ms();
    let (view, node) = device_changes::view_and_node(change.tx(), no, at_ms).await?;
    let reason = format!("code e{}", open.code_no);
    let shown = before.map(|view| view as &dyn super::change::erased::Shown);
    let (action, object) = ("device.enrol", format!("d{no}"));
    change.log(Entry { action, object, node, before: shown, after: Some(&view), reason: &reason }).await?;
    change.tell_devices(&[no]).await?;
    let generation = view.token_gen;
    Ok((view, generation))
}
