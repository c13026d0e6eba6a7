//! `/v1/admin/campuses/…`, `/v1/admin/classes/…`

use super::Api;
use super::caller::Caller;
use super::docs::{CampusPath, ClassPath, Faults, Precondition, SchoolPath};
use super::inbound::{Asked, Draft, IfMatch, No, Paging, read};
use super::problem::Problem;
use super::respond::{Page, created, page, tagged, whole};
use crate::logic::forms::{CampusForm, ClassEdit, ClassForm};
use crate::logic::rights::Action;
use crate::logic::views::{CampusView, ClassView};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::org::OrgId;
use std::sync::Arc;

/// Campuses of a school
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/campuses", tag = "classes", params(SchoolPath),
    security(("user" = [])), responses((status = 200, body = Page<CampusView>), Faults))]
pub async fn campuses(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::School(no)).await?;
    Ok(whole(api.store.campuses_of(no).await?))
}

/// Add a campus
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/campuses", tag = "classes", params(SchoolPath),
    request_body = CampusForm, security(("user" = [])), responses((status = 201, body = CampusView), Faults))]
pub async fn add_campus(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditClasses, OrgId::School(no)).await?;
    let form: CampusForm = read(&body)?;
    Ok(created(&api.store.add_campus(&caller.actor(), no, &form).await?))
}

async fn campus_for(api: &Api, caller: &Caller, action: Action, no: u32) -> Result<CampusView, Problem> {
    let campus = api.store.campus(no).await?;
    caller.require_at(api, action, OrgId::School(campus.school_no)).await?;
    Ok(campus)
}

/// A campus
#[utoipa::path(get, path = "/v1/admin/campuses/{campus_no}", tag = "classes", params(CampusPath),
    security(("user" = [])), responses((status = 200, body = CampusView), Faults))]
pub async fn campus(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    Ok(tagged(&campus_for(&api, &caller, Action::Read, no).await?))
}

/// Rename a campus
#[utoipa::path(patch, path = "/v1/admin/campuses/{campus_no}", tag = "classes", params(CampusPath, Precondition),
    request_body = CampusForm, security(("user" = [])), responses((status = 200, body = CampusView), Faults))]
pub async fn edit_campus(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    draft: Draft,
) -> Result<Response, Problem> {
    campus_for(&api, &caller, Action::EditClasses, no).await?;
    let (expected, form) = draft.read::<CampusForm>()?;
    Ok(tagged(&api.store.edit_campus(&caller.actor(), no, &expected, &form).await?))
}

/// Delete a campus without classes
#[utoipa::path(delete, path = "/v1/admin/campuses/{campus_no}", tag = "classes", params(CampusPath, Precondition),
    security(("user" = [])), responses((status = 204), Faults))]
pub async fn delete_campus(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    campus_for(&api, &caller, Action::EditClasses, no).await?;
    api.store.delete_campus(&caller.actor(), no, &if_match.required()?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Classes of a school
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/classes", tag = "classes", params(SchoolPath, Paging),
    security(("user" = [])), responses((status = 200, body = Page<ClassView>), Faults))]
pub async fn classes(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(paging): Asked<Paging>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::School(no)).await?;
    let limit = paging.limit()?;
    let rows = api.store.classes_of(no, paging.after()?, limit).await?;
    Ok(page(rows, limit, |class| i64::from(class.class_no)))
}

/// Add a class
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/classes", tag = "classes", params(SchoolPath),
    request_body = ClassForm, security(("user" = [])), responses((status = 201, body = ClassView), Faults))]
pub async fn add(State(api): State<Arc<Api>>, caller: Caller, No(no): No, body: Bytes) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditClasses, OrgId::School(no)).await?;
    let form: ClassForm = read(&body)?;
    Ok(created(&api.store.add_class(&caller.actor(), no, &form).await?))
}

/// A class
#[utoipa::path(get, path = "/v1/admin/classes/{class_no}", tag = "classes", params(ClassPath),
    security(("user" = [])), responses((status = 200, body = ClassView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Class(no)).await?;
    Ok(tagged(&api.store.class(no).await?))
}

/// Change a class
#[utoipa::path(patch, path = "/v1/admin/classes/{class_no}", tag = "classes", params(ClassPath, Precondition),
    request_body = ClassEdit, security(("user" = [])), responses((status = 200, body = ClassView), Faults))]
pub async fn edit(State(api): State<Arc<Api>>, caller: Caller, No(no): No, draft: Draft) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditClasses, OrgId::Class(no)).await?;
    let (expected, edit) = draft.read::<ClassEdit>()?;
    Ok(tagged(&api.store.edit_class(&caller.actor(), no, &expected, edit).await?))
}

/// Delete a class that no device was ever in
#[utoipa::path(delete, path = "/v1/admin/classes/{class_no}", tag = "classes", params(ClassPath, Precondition),
    security(("user" = [])), responses((status = 204), Faults))]
pub async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditClasses, OrgId::Class(no)).await?;
    api.store.delete_class(&caller.actor(), no, &if_match.required()?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
