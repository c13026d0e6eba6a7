//! `/v1/admin/…/corrections`: days that have begun, corrected by two people.

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, CorrectionPath, DevicePath, Faults, Precondition, SchoolPath};
use super::inbound::{Asked, IfMatch, No, Paging, read};
use super::problem::Problem;
use super::respond::{Page, created, page, tagged};
use crate::logic::correction::{
    AreaCorrectionForm, CorrectionView, Days, DeviceCorrectionForm, SchoolCorrectionForm, What,
};
use crate::logic::rights::Action;
use crate::store::Decision;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes.
pub(super) fn router() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(of_area, propose_for_area))
        .routes(routes!(of_school, propose_for_school))
        .routes(routes!(propose_for_device))
        .routes(routes!(show))
        .routes(routes!(approve))
        .routes(routes!(refuse))
        .routes(routes!(withdraw))
}

/// Propose that a device was elsewhere, or in another state, on days that have begun
///
/// Counts nothing until somebody else approves it. Whoever proposes or approves has to have the right at the old and the new
/// place. Events of those days are counted anew at the right place, within a minute or so; no other day changes.
#[utoipa::path(post, path = "/v1/admin/devices/{device_no}/corrections", tag = "corrections", params(DevicePath),
    request_body = DeviceCorrectionForm, security(("user" = [])),
    responses((status = 201, body = CorrectionView), Faults))]
pub async fn propose_for_device(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require(Action::EditDevices, api.store.device_node(no, caller.now_ms()).await?)?;
    let form: DeviceCorrectionForm = read(&body)?;
    let days = days(&api, &caller, &form.from, form.until.as_deref())?;
    let what = form.check(no, api.store.school_of_device_on(no, days.from).await?)?;
    propose(&api, &caller, &what, days, &form.reason).await
}

/// Propose that a school was in another status, under another area, or closed, on days that have begun
///
/// Status and area are decided about by administrators of areas.
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/corrections", tag = "corrections", params(SchoolPath),
    request_body = SchoolCorrectionForm, security(("user" = [])),
    responses((status = 201, body = CorrectionView), Faults))]
pub async fn propose_for_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditCalendar, OrgId::School(no)).await?;
    let form: SchoolCorrectionForm = read(&body)?;
    let (what, days) = (form.check(no)?, days(&api, &caller, &form.from, form.until())?);
    propose(&api, &caller, &what, days, &form.reason).await
}

/// Propose that there was no school in an area on days that have begun
#[utoipa::path(post, path = "/v1/admin/areas/{code}/corrections", tag = "corrections", params(AreaPath),
    request_body = AreaCorrectionForm, security(("user" = [])),
    responses((status = 201, body = CorrectionView), Faults))]
pub async fn propose_for_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditCalendar, OrgId::Area(code)).await?;
    let form: AreaCorrectionForm = read(&body)?;
    let (what, days) = (form.check(code)?, days(&api, &caller, &form.from, Some(form.until()))?);
    propose(&api, &caller, &what, days, &form.reason).await
}

fn days(api: &Api, caller: &Caller, from: &str, until: Option<&str>) -> Result<Days, Problem> {
    Ok(Days::read(from, until, caller.now_ms(), api.store.accept_days())?)
}

async fn propose(api: &Api, caller: &Caller, what: &What, days: Days, reason: &str) -> Result<Response, Problem> {
    require_everywhere(api, caller, what, days).await?;
    Ok(created(&api.store.propose_correction(&caller.actor(), what, days, reason).await?))
}

/// The right at every place that the correction touches.
async fn require_everywhere(api: &Api, caller: &Caller, what: &What, days: Days) -> Result<(), Problem> {
    let (action, nodes) = api.store.correction_rights(what, days, caller.now_ms()).await?;
    nodes.into_iter().try_for_each(|node| caller.require(action, node))
}

/// Corrections of an area and everything below it, newest first
#[utoipa::path(get, path = "/v1/admin/areas/{code}/corrections", tag = "corrections", params(AreaPath, Paging),
    security(("user" = [])), responses((status = 200, body = Page<CorrectionView>), Faults))]
pub async fn of_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    list(&api, &caller, OrgId::Area(code), &paging).await
}

/// Corrections of a school and its devices, newest first
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/corrections", tag = "corrections",
    params(SchoolPath, Paging), security(("user" = [])),
    responses((status = 200, body = Page<CorrectionView>), Faults))]
pub async fn of_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    list(&api, &caller, OrgId::School(no), &paging).await
}

async fn list(api: &Api, caller: &Caller, org: OrgId, paging: &Paging) -> Result<Response, Problem> {
    caller.require_at(api, Action::ReadAudit, org).await?;
    let limit = paging.limit()?;
    let rows = api.store.corrections(org, paging.last()?, limit).await?;
    Ok(page(rows, limit, |correction| i64::from(correction.correction_no)))
}

/// A correction
#[utoipa::path(get, path = "/v1/admin/corrections/{correction_no}", tag = "corrections", params(CorrectionPath),
    security(("user" = [])), responses((status = 200, body = CorrectionView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    let kept = api.store.correction(no).await?;
    let (_, nodes) = api.store.correction_rights(&kept.what, kept.days, caller.now_ms()).await?;
    // Where the thing is today decides who sees it.
    nodes.first().map_or(Err(Problem::NotFound), |node| caller.require(Action::ReadAudit, *node))?;
    Ok(tagged(&kept.view))
}

/// Approve a correction: the history is corrected, published, and the days are counted anew
///
/// By somebody else than who proposed it (`two-people`).
#[utoipa::path(post, path = "/v1/admin/corrections/{correction_no}/approve", tag = "corrections",
    params(CorrectionPath, Precondition), security(("user" = [])),
    responses((status = 200, body = CorrectionView), Faults))]
pub async fn approve(state: State<Arc<Api>>, caller: Caller, no: No, if_match: IfMatch) -> Result<Response, Problem> {
    decide(&state.0, &caller, no.0, if_match, Decision::Approve).await
}

/// Refuse a correction
#[utoipa::path(post, path = "/v1/admin/corrections/{correction_no}/refuse", tag = "corrections",
    params(CorrectionPath, Precondition), security(("user" = [])),
    responses((status = 200, body = CorrectionView), Faults))]
pub async fn refuse(state: State<Arc<Api>>, caller: Caller, no: No, if_match: IfMatch) -> Result<Response, Problem> {
    decide(&state.0, &caller, no.0, if_match, Decision::Refuse).await
}

/// Take back a correction that one has proposed
#[utoipa::path(post, path = "/v1/admin/corrections/{correction_no}/withdraw", tag = "corrections",
    params(CorrectionPath, Precondition), security(("user" = [])),
    responses((status = 200, body = CorrectionView), Faults))]
pub async fn withdraw(state: State<Arc<Api>>, caller: Caller, no: No, if_match: IfMatch) -> Result<Response, Problem> {
    decide(&state.0, &caller, no.0, if_match, Decision::Withdraw).await
}

async fn decide(
    api: &Api,
    caller: &Caller,
    no: u32,
    if_match: IfMatch,
    decision: Decision,
) -> Result<Response, Problem> {
    let kept = api.store.correction(no).await?;
    require_everywhere(api, caller, &kept.what, kept.days).await?;
    let expected = if_match.required()?;
    Ok(tagged(&api.store.decide_correction(&caller.actor(), no, &expected, decision).await?))
}
