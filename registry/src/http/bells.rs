//! `/v1/admin/…/bells`: when lessons are.

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults, Precondition, SchoolPath};
use super::inbound::{Draft, No};
use super::problem::Problem;
use super::respond::tagged;
use crate::logic::bells::{BellsForm, BellsView};
use crate::logic::rights::Action;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use std::sync::Arc;

/// An area's bell times, without those above it
#[utoipa::path(get, path = "/v1/admin/areas/{code}/bells", tag = "areas", params(AreaPath),
    security(("user" = [])), responses((status = 200, body = BellsView), Faults))]
pub async fn of_area(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    show(&api, &caller, OrgId::Area(code)).await
}

/// A school's bell times: its own, and those that count
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/bells", tag = "schools", params(SchoolPath),
    security(("user" = [])), responses((status = 200, body = BellsView), Faults))]
pub async fn of_school(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    show(&api, &caller, OrgId::School(no)).await
}

async fn show(api: &Api, caller: &Caller, org: OrgId) -> Result<Response, Problem> {
    caller.require_at(api, Action::Read, org).await?;
    Ok(tagged(&api.store.bells(org).await?))
}

/// Replace an area's bell times
///
/// They count from the next midnight on, in every school below whose own, or whose nearer area, says nothing for its
/// type. An empty list: those of the area above count.
#[utoipa::path(put, path = "/v1/admin/areas/{code}/bells", tag = "areas", params(AreaPath, Precondition),
    request_body = BellsForm, security(("user" = [])), responses((status = 200, body = BellsView), Faults))]
pub async fn set_for_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    draft: Draft,
) -> Result<Response, Problem> {
    set(&api, &caller, OrgId::Area(code), draft).await
}

/// Replace a school's bell times
#[utoipa::path(put, path = "/v1/admin/schools/{school_no}/bells", tag = "schools", params(SchoolPath, Precondition),
    request_body = BellsForm, security(("user" = [])), responses((status = 200, body = BellsView), Faults))]
pub async fn set_for_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    draft: Draft,
) -> Result<Response, Problem> {
    set(&api, &caller, OrgId::School(no), draft).await
}

async fn set(api: &Api, caller: &Caller, org: OrgId, draft: Draft) -> Result<Response, Problem> {
    caller.require_at(api, Action::EditCalendar, org).await?;
    let (expected, form) = draft.read::<BellsForm>()?;
    Ok(tagged(&api.store.set_bells(&caller.actor(), org, &expected, &form).await?))
}
