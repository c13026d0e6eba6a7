//! `/v1/admin/…/calendar`: which days are school days.

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults, Precondition, SchoolPath};
use super::inbound::{Draft, No};
use super::problem::Problem;
use super::respond::tagged;
use crate::logic::calendar::CalendarForm;
use crate::logic::rights::Action;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use std::sync::Arc;

/// An area's calendar, without those above it
#[utoipa::path(get, path = "/v1/admin/areas/{code}/calendar", tag = "areas", params(AreaPath),
    security(("user" = [])), responses((status = 200, body = CalendarForm), Faults))]
pub async fn of_area(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    show(&api, &caller, OrgId::Area(code)).await
}

/// A school's calendar, without those above it
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/calendar", tag = "schools", params(SchoolPath),
    security(("user" = [])), responses((status = 200, body = CalendarForm), Faults))]
pub async fn of_school(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    show(&api, &caller, OrgId::School(no)).await
}

async fn show(api: &Api, caller: &Caller, org: OrgId) -> Result<Response, Problem> {
    caller.require_at(api, Action::Read, org).await?;
    Ok(tagged(&api.store.calendar(org).await?))
}

/// Replace an area's calendar
///
/// Days that have begun stay as they were; a change counts from the next midnight on. Only the province makes workdays
/// of holidays; the others close.
#[utoipa::path(put, path = "/v1/admin/areas/{code}/calendar", tag = "areas", params(AreaPath, Precondition),
    request_body = CalendarForm, security(("user" = [])), responses((status = 200, body = CalendarForm), Faults))]
pub async fn set_for_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    draft: Draft,
) -> Result<Response, Problem> {
    set(&api, &caller, OrgId::Area(code), draft).await
}

/// Replace a school's calendar
#[utoipa::path(put, path = "/v1/admin/schools/{school_no}/calendar", tag = "schools",
    params(SchoolPath, Precondition), request_body = CalendarForm, security(("user" = [])),
    responses((status = 200, body = CalendarForm), Faults))]
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
    let (expected, form) = draft.read::<CalendarForm>()?;
    Ok(tagged(&api.store.set_calendar(&caller.actor(), org, &expected, &form).await?))
}
