//! `/v1/admin/schools/…`

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults, Precondition, SchoolPath};
use super::inbound::{Draft, IfMatch, No, read};
use super::problem::Problem;
use super::respond::{created, tagged};
use crate::logic::forms::{MergeForm, ReasonForm, SchoolEdit, SchoolForm, StatusForm, TransferForm, from_day};
use crate::logic::rights::Action;
use crate::logic::views::SchoolView;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::org::OrgId;
use std::sync::Arc;

/// Add a school that the area manages directly
#[utoipa::path(post, path = "/v1/admin/areas/{code}/schools", tag = "schools", params(AreaPath),
    request_body = SchoolForm, security(("user" = [])), responses((status = 201, body = SchoolView), Faults))]
pub async fn add(State(api): State<Arc<Api>>, caller: Caller, No(code): No, body: Bytes) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::Area(code)).await?;
    let form: SchoolForm = read(&body)?;
    Ok(created(&api.store.add_school(&caller.actor(), code, &form).await?))
}

/// A school
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}", tag = "schools", params(SchoolPath),
    security(("user" = [])), responses((status = 200, body = SchoolView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::School(no)).await?;
    Ok(tagged(&api.store.school(no, caller.now_ms()).await?))
}

/// Change a school's profile
#[utoipa::path(patch, path = "/v1/admin/schools/{school_no}", tag = "schools", params(SchoolPath, Precondition),
    request_body = SchoolEdit, security(("user" = [])), responses((status = 200, body = SchoolView), Faults))]
pub async fn edit(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::School(no)).await?;
    let (expected, edit) = draft.read::<SchoolEdit>()?;
    Ok(tagged(&api.store.edit_school(&caller.actor(), no, &expected, edit).await?))
}

/// Delete a school that is still new
///
/// A school that was in use is refused (`school-not-new`).
#[utoipa::path(delete, path = "/v1/admin/schools/{school_no}", tag = "schools", params(SchoolPath, Precondition),
    security(("user" = [])), responses((status = 204), Faults))]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::School(no)).await?;
    api.store.delete_school(&caller.actor(), no, &if_match.required()?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Confirm that a school's profile is complete
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/initialise", tag = "schools",
    params(SchoolPath, Precondition), security(("user" = [])), responses((status = 200, body = SchoolView), Faults))]
pub async fn initialise(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditClasses, OrgId::School(no)).await?;
    Ok(tagged(&api.store.initialise_school(&caller.actor(), no, &if_match.required()?).await?))
}

/// Bring a school into a status from a day on
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/status", tag = "schools",
    params(SchoolPath, Precondition), request_body = StatusForm, security(("user" = [])),
    responses((status = 200, body = SchoolView), Faults))]
pub async fn status(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    draft: Draft,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::School(no)).await?;
    let (expected, form) = draft.read::<StatusForm>()?;
    let (status, from_day) = (form.status()?, from_day(form.from_day.as_deref(), caller.now_ms())?);
    let after = api.store.set_school_status(&caller.actor(), no, &expected, status, from_day).await?;
    Ok(tagged(&after))
}

/// Put a school under another area from a day on
///
/// Both the school and the area have to be in the caller's scope.
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/transfer", tag = "schools",
    params(SchoolPath, Precondition), request_body = TransferForm, security(("user" = [])),
    responses((status = 200, body = SchoolView), Faults))]
pub async fn transfer(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    draft: Draft,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::School(no)).await?;
    let (expected, form) = draft.read::<TransferForm>()?;
    caller.require_at(&api, Action::EditSchools, OrgId::Area(form.division)).await?;
    let from_day = from_day(form.from_day.as_deref(), caller.now_ms())?;
    Ok(tagged(&api.store.transfer_school(&caller.actor(), no, &expected, form.division, from_day).await?))
}

/// Merge a school into another from a day on
///
/// Both schools have to be in the caller's scope. Devices go over; they are in no class until the console says so.
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/merge", tag = "schools", params(SchoolPath, Precondition),
    request_body = MergeForm, security(("user" = [])), responses((status = 200, body = SchoolView), Faults))]
pub async fn merge(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::School(no)).await?;
    let (expected, form) = draft.read::<MergeForm>()?;
    caller.require_at(&api, Action::EditSchools, OrgId::School(form.into)).await?;
    let from_day = from_day(form.from_day.as_deref(), caller.now_ms())?;
    Ok(tagged(&api.store.merge_school(&caller.actor(), no, &expected, form.into, from_day).await?))
}

/// Remove a school that was in use, with a reason: the province alone
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/purge", tag = "schools", params(SchoolPath, Precondition),
    request_body = ReasonForm, security(("user" = [])), responses((status = 204), Faults))]
pub async fn purge(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    caller.require_at(&api, Action::PurgeSchools, OrgId::School(no)).await?;
    let (expected, form) = draft.read::<ReasonForm>()?;
    form.check()?;
    api.store.purge_school(&caller.actor(), no, &expected, &form.reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
