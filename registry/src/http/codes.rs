//! `/v1/admin/…/enrol-codes`

use super::Api;
use super::caller::Caller;
use super::docs::{ClassPath, CodePath, Faults, Precondition, SchoolPath};
use super::inbound::{Asked, IfMatch, No, Paging};
use super::problem::Problem;
use super::respond::{Page, created, page, tagged};
use crate::logic::enrolment::code;
use crate::logic::rights::Action;
use crate::logic::views::CodeView;
use crate::store::CodeFilter;
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which codes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CodeQuery {
    /// `issued`, `used`, `expired` or `revoked`.
    state: Option<String>,
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    cursor: Option<String>,
}

/// Enrolment codes of a school, newest first
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/enrol-codes", tag = "codes",
    params(SchoolPath, CodeQuery), security(("user" = [])), responses((status = 200, body = Page<CodeView>), Faults))]
pub async fn of_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(query): Asked<CodeQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::IssueCodes, OrgId::School(no)).await?;
    list(&api, &caller, no, None, query).await
}

/// Enrolment codes that are meant for a class, newest first
#[utoipa::path(get, path = "/v1/admin/classes/{class_no}/enrol-codes", tag = "codes", params(ClassPath, CodeQuery),
    security(("user" = [])), responses((status = 200, body = Page<CodeView>), Faults))]
pub async fn of_class(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(query): Asked<CodeQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::IssueCodes, OrgId::Class(no)).await?;
    let school_no = api.store.class(no).await?.school_no;
    list(&api, &caller, school_no, Some(no), query).await
}

async fn list(
    api: &Api,
    caller: &Caller,
    school_no: u32,
    class_no: Option<u32>,
    query: CodeQuery,
) -> Result<Response, Problem> {
    let known = ["issued", "used", "expired", "revoked"];
    if query.state.as_deref().is_some_and(|state| !known.contains(&state)) {
        return Err(Problem::Parameter("state: issued, used, expired or revoked".to_owned()));
    }
    let paging = Paging { page_size: query.page_size, cursor: query.cursor };
    let before = paging.last()?.map(|last| u32::try_from(last).unwrap_or(u32::MAX));
    let filter = CodeFilter { class_no, state: query.state, before };
    let limit = paging.limit()?;
    let rows = api.store.codes_of(school_no, &filter, limit, caller.now_ms()).await?;
    Ok(page(rows, limit, |code| code.code_no))
}

/// Issue an enrolment code for any class of a school; good for 24 hours and one device
#[utoipa::path(post, path = "/v1/admin/schools/{school_no}/enrol-codes", tag = "codes", params(SchoolPath),
    security(("user" = [])), responses((status = 201, body = CodeView), Faults))]
pub async fn issue(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::IssueCodes, OrgId::School(no)).await?;
    let code = code(rand::random());
    Ok(created(&api.store.issue_code(&caller.actor(), no, 0, &code).await?))
}

/// Issue an enrolment code that is meant for a class
///
/// A device that says another class joins all the same, and is flagged.
#[utoipa::path(post, path = "/v1/admin/classes/{class_no}/enrol-codes", tag = "codes", params(ClassPath),
    security(("user" = [])), responses((status = 201, body = CodeView), Faults))]
pub async fn issue_for_class(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::IssueCodes, OrgId::Class(no)).await?;
    let school_no = api.store.class(no).await?.school_no;
    let code = code(rand::random());
    Ok(created(&api.store.issue_code(&caller.actor(), school_no, no, &code).await?))
}

async fn code_for(api: &Api, caller: &Caller, no: u32) -> Result<CodeView, Problem> {
    let (code, node) = api.store.code(no, caller.now_ms()).await?;
    caller.require(Action::IssueCodes, node)?;
    Ok(code)
}

/// An enrolment code
#[utoipa::path(get, path = "/v1/admin/enrol-codes/{code_no}", tag = "codes", params(CodePath),
    security(("user" = [])), responses((status = 200, body = CodeView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    Ok(tagged(&code_for(&api, &caller, no).await?))
}

/// Take an enrolment code back
#[utoipa::path(post, path = "/v1/admin/enrol-codes/{code_no}/revoke", tag = "codes", params(CodePath, Precondition),
    security(("user" = [])), responses((status = 200, body = CodeView), Faults))]
pub async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    code_for(&api, &caller, no).await?;
    Ok(tagged(&api.store.revoke_code(&caller.actor(), no, &if_match.required()?).await?))
}
