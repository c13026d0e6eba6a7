//! `/v1/admin/devices/…`, `/v1/admin/flags/…`

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, ClassPath, DevicePath, Faults, FlagPath, Precondition, SchoolPath};
use super::inbound::{Asked, Draft, IfMatch, No, Paging};
use super::problem::Problem;
use super::respond::{Page, page, tagged};
use crate::logic::forms::{DeviceEdit, FlagForm};
use crate::logic::rights::Action;
use crate::logic::views::{DeviceView, FlagRow, FlagView};
use crate::store::DeviceFilter;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use schemas::registry::{DeviceKind, DeviceState};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which devices of a school or class; parameters narrow together.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeviceQuery {
    /// `all_in_one`, `whiteboard`, `projector_pc` or `other`.
    kind: Option<String>,
    /// `enrolled`, `in_service`, `suspended` or `retired`.
    state: Option<String>,
    /// With a flag that waits to be judged, or without.
    flagged: Option<bool>,
    /// Its machine has joined, or never has (it was imported).
    joined: Option<bool>,
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    cursor: Option<String>,
}

impl DeviceQuery {
    fn filter(self, class_no: Option<u32>) -> Result<(DeviceFilter, u32), Problem> {
        let paging = Paging { page_size: self.page_size, cursor: self.cursor };
        let kinds = || Problem::Parameter("kind: all_in_one, whiteboard, projector_pc or other".to_owned());
        let states = || Problem::Parameter("state: enrolled, in_service, suspended or retired".to_owned());
        let filter = DeviceFilter {
            class_no,
            kind: self.kind.as_deref().map(|text| DeviceKind::parse(text).ok_or_else(kinds)).transpose()?,
            state: self.state.as_deref().map(|text| DeviceState::parse(text).ok_or_else(states)).transpose()?,
            flagged: self.flagged,
            joined: self.joined,
            after: paging.after()?,
        };
        Ok((filter, paging.limit()?))
    }
}

/// Devices that are in a school today
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/devices", tag = "devices", params(SchoolPath, DeviceQuery),
    security(("user" = [])), responses((status = 200, body = Page<DeviceView>), Faults))]
pub async fn of_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(query): Asked<DeviceQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::School(no)).await?;
    list(&api, &caller, no, query.filter(None)?).await
}

/// Devices that are in a class today
#[utoipa::path(get, path = "/v1/admin/classes/{class_no}/devices", tag = "devices", params(ClassPath, DeviceQuery),
    security(("user" = [])), responses((status = 200, body = Page<DeviceView>), Faults))]
pub async fn of_class(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(query): Asked<DeviceQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Class(no)).await?;
    let school_no = api.store.class(no).await?.school_no;
    list(&api, &caller, school_no, query.filter(Some(no))?).await
}

async fn list(
    api: &Api,
    caller: &Caller,
    school_no: u32,
    (filter, limit): (DeviceFilter, u32),
) -> Result<Response, Problem> {
    let rows = api.store.devices_of(school_no, &filter, limit, caller.now_ms()).await?;
    Ok(page(rows, limit, |device| i64::from(device.device_no)))
}

/// Which flags of an area.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FlagQuery {
    /// Those that wait to be judged, or the others.
    open: Option<bool>,
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    cursor: Option<String>,
}

/// What looks doubtful about devices of an area and everything below it, oldest first
#[utoipa::path(get, path = "/v1/admin/areas/{code}/flags", tag = "devices", params(AreaPath, FlagQuery),
    security(("user" = [])), responses((status = 200, body = Page<FlagRow>), Faults))]
pub async fn flags_of_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    Asked(FlagQuery { open, page_size, cursor }): Asked<FlagQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Area(code)).await?;
    let paging = Paging { page_size, cursor };
    let limit = paging.limit()?;
    let rows = api.store.flags_of(code, open, paging.after()?, limit, caller.now_ms()).await?;
    Ok(page(rows, limit, |row| row.flag.flag_no))
}

async fn require(api: &Api, caller: &Caller, action: Action, no: u32) -> Result<(), Problem> {
    caller.require(action, api.store.device_node(no, caller.now_ms()).await?)
}

/// A device
#[utoipa::path(get, path = "/v1/admin/devices/{device_no}", tag = "devices", params(DevicePath),
    security(("user" = [])), responses((status = 200, body = DeviceView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    require(&api, &caller, Action::Read, no).await?;
    Ok(tagged(&api.store.device_view(no, caller.now_ms()).await?))
}

/// Change a device: kind, purchase, note, state, class or school
///
/// Class, school and the counting of a state follow at the next midnight; until then both places are shown. Another
/// school has to be in the caller's scope as well.
#[utoipa::path(patch, path = "/v1/admin/devices/{device_no}", tag = "devices", params(DevicePath, Precondition),
    request_body = DeviceEdit, security(("user" = [])), responses((status = 200, body = DeviceView), Faults))]
pub async fn edit(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    require(&api, &caller, Action::EditDevices, no).await?;
    let (expected, edit) = draft.read::<DeviceEdit>()?;
    let edit = edit.check(caller.now_ms())?;
    if let Some(school_no) = edit.school_no {
        caller.require_at(&api, Action::EditDevices, OrgId::School(school_no)).await?;
    }
    Ok(tagged(&api.store.edit_device(&caller.actor(), no, &expected, &edit).await?))
}

/// Make all tokens of a device worthless
///
/// The device joins again with a new enrolment code, and keeps its number.
#[utoipa::path(post, path = "/v1/admin/devices/{device_no}/revoke", tag = "devices",
    params(DevicePath, Precondition), security(("user" = [])), responses((status = 200, body = DeviceView), Faults))]
pub async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    require(&api, &caller, Action::EditDevices, no).await?;
    Ok(tagged(&api.store.revoke_device(&caller.actor(), no, &if_match.required()?).await?))
}

async fn flag_for(api: &Api, caller: &Caller, action: Action, no: u32) -> Result<FlagView, Problem> {
    let (device_no, flag) = api.store.flag(no).await?;
    require(api, caller, action, device_no).await?;
    Ok(flag)
}

/// Something doubtful about an enrolment
#[utoipa::path(get, path = "/v1/admin/flags/{flag_no}", tag = "devices", params(FlagPath), security(("user" = [])),
    responses((status = 200, body = FlagView), Faults))]
pub async fn flag(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    Ok(tagged(&flag_for(&api, &caller, Action::Read, no).await?))
}

/// Judge it
#[utoipa::path(post, path = "/v1/admin/flags/{flag_no}", tag = "devices", params(FlagPath, Precondition),
    request_body = FlagForm, security(("user" = [])), responses((status = 200, body = FlagView), Faults))]
pub async fn judge(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    flag_for(&api, &caller, Action::EditDevices, no).await?;
    let (expected, form) = draft.read::<FlagForm>()?;
    Ok(tagged(&api.store.judge_flag(&caller.actor(), no, &expected, &form).await?))
}
