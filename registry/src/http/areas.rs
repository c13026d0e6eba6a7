//! `/v1/admin/areas/…`, `/v1/admin/groups/…`

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults, GroupPath, Precondition};
use super::inbound::{Asked, Draft, IfMatch, No, Paging, read};
use super::problem::{Problem, ProblemDocument};
use super::respond::{Page, created, page, tagged, whole};
use crate::logic::forms::{AreaEdit, AreaForm, AreaProfile, GroupForm};
use crate::logic::rights::{Action, Node};
use crate::logic::views::{AreaView, GroupView, SchoolRow};
use crate::store::SchoolFilter;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::org::OrgId;
use schemas::registry::SchoolStatus;
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Who the token says that the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Account.
    account: String,
    /// Display name.
    name: String,
    /// What may be seen and done.
    grants: Vec<MyGrant>,
}

/// A role at a place.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyGrant {
    /// Role.
    role: &'static str,
    /// `440106`, `s1024` or `c77`.
    scope: String,
}

/// Who am I?
#[utoipa::path(get, path = "/v1/admin/me", tag = "areas", security(("user" = [])),
    responses((status = 200, body = Me), (status = 401, body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn me(caller: Caller) -> Json<Me> {
    let grant = |grant: &schemas::token::Grant| MyGrant {
        role: crate::logic::grant::role_name(grant.role),
        scope: grant.scope.clone(),
    };
    let principal = &caller.principal;
    let (account, name) = (principal.account().to_owned(), principal.name().to_owned());
    Json(Me { account, name, grants: principal.grants().iter().map(grant).collect() })
}

/// An area
#[utoipa::path(get, path = "/v1/admin/areas/{code}", tag = "areas", params(AreaPath), security(("user" = [])),
    responses((status = 200, body = AreaView), Faults))]
pub async fn show(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Area(code)).await?;
    Ok(tagged(&api.store.area(code).await?))
}

/// Rename an area, set its batch, close it
#[utoipa::path(patch, path = "/v1/admin/areas/{code}", tag = "areas", params(AreaPath, Precondition),
    request_body = AreaEdit, security(("user" = [])), responses((status = 200, body = AreaView), Faults))]
pub async fn edit(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    draft: Draft,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditArea, OrgId::Area(code)).await?;
    let (expected, edit) = draft.read::<AreaEdit>()?;
    Ok(tagged(&api.store.edit_area(&caller.actor(), code, &expected, &edit).await?))
}

/// Tell of an area's platform and network: its first profile opens the area
#[utoipa::path(put, path = "/v1/admin/areas/{code}/profile", tag = "areas", params(AreaPath, Precondition),
    request_body = AreaProfile, security(("user" = [])), responses((status = 200, body = AreaView), Faults))]
pub async fn set_profile(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    draft: Draft,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditProfile, OrgId::Area(code)).await?;
    let (expected, profile) = draft.read::<AreaProfile>()?;
    Ok(tagged(&api.store.set_area_profile(&caller.actor(), code, &expected, &profile).await?))
}

/// The areas right below
#[utoipa::path(get, path = "/v1/admin/areas/{code}/areas", tag = "areas", params(AreaPath), security(("user" = [])),
    responses((status = 200, body = Page<AreaView>), Faults))]
pub async fn below(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Area(code)).await?;
    Ok(whole(api.store.areas_below(code).await?))
}

/// Add an area right below
#[utoipa::path(post, path = "/v1/admin/areas/{code}/areas", tag = "areas", params(AreaPath), request_body = AreaForm,
    security(("user" = [])), responses((status = 201, body = AreaView), Faults))]
pub async fn add(State(api): State<Arc<Api>>, caller: Caller, No(code): No, body: Bytes) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditArea, OrgId::Area(code)).await?;
    let form: AreaForm = read(&body)?;
    Ok(created(&api.store.add_area(&caller.actor(), code, &form).await?))
}

/// Groups of areas that the area keeps
#[utoipa::path(get, path = "/v1/admin/areas/{code}/groups", tag = "areas", params(AreaPath), security(("user" = [])),
    responses((status = 200, body = Page<GroupView>), Faults))]
pub async fn groups(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Area(code)).await?;
    Ok(whole(api.store.groups_of(code).await?))
}

/// Add a group of areas
#[utoipa::path(post, path = "/v1/admin/areas/{code}/groups", tag = "areas", params(AreaPath), request_body = GroupForm,
    security(("user" = [])), responses((status = 201, body = GroupView), Faults))]
pub async fn add_group(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditGroups, OrgId::Area(code)).await?;
    let form: GroupForm = read(&body)?;
    Ok(created(&api.store.add_group(&caller.actor(), code, &form).await?))
}

async fn group_for(api: &Api, caller: &Caller, action: Action, no: u32) -> Result<GroupView, Problem> {
    let group = api.store.group(no).await?;
    caller.require(action, Node::Area(group.division))?;
    Ok(group)
}

/// A group of areas
#[utoipa::path(get, path = "/v1/admin/groups/{group_no}", tag = "areas", params(GroupPath), security(("user" = [])),
    responses((status = 200, body = GroupView), Faults))]
pub async fn group(State(api): State<Arc<Api>>, caller: Caller, No(no): No) -> Result<Response, Problem> {
    Ok(tagged(&group_for(&api, &caller, Action::Read, no).await?))
}

/// Replace a group's name and members
#[utoipa::path(put, path = "/v1/admin/groups/{group_no}", tag = "areas", params(GroupPath, Precondition),
    request_body = GroupForm, security(("user" = [])), responses((status = 200, body = GroupView), Faults))]
pub async fn edit_group(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    draft: Draft,
) -> Result<Response, Problem> {
    group_for(&api, &caller, Action::EditGroups, no).await?;
    let (expected, form) = draft.read::<GroupForm>()?;
    Ok(tagged(&api.store.edit_group(&caller.actor(), no, &expected, &form).await?))
}

/// Delete a group
#[utoipa::path(delete, path = "/v1/admin/groups/{group_no}", tag = "areas", params(GroupPath, Precondition),
    security(("user" = [])), responses((status = 204), Faults))]
pub async fn delete_group(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    group_for(&api, &caller, Action::EditGroups, no).await?;
    api.store.delete_group(&caller.actor(), no, &if_match.required()?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Which schools.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SchoolQuery {
    /// Only those that the area manages directly.
    #[serde(default)]
    direct: bool,
    /// Part of the name, or the begin of the code.
    name: Option<String>,
    /// One of the nine types.
    school_type: Option<String>,
    /// 办别
    ownership: Option<String>,
    /// `normal`, `suspended`, `merged` or `dissolved`, today.
    status: Option<String>,
    /// Initialised or not.
    initialised: Option<bool>,
    /// Has devices that are not retired, or has none.
    has_devices: Option<bool>,
    /// A tag.
    tag: Option<String>,
    /// 薄弱学校, or not.
    weak: Option<bool>,
    /// Right below an area of the pilot, or not.
    pilot: Option<bool>,
    /// Right below an area of this group (片区).
    group: Option<u32>,
    /// Something about a device of it looks doubtful and waits to be judged, or there is nothing of the kind.
    flagged: Option<bool>,
    /// Changed on this day or later.
    updated_since: Option<String>,
    /// Changed on this day or before.
    updated_until: Option<String>,
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    cursor: Option<String>,
}

impl SchoolQuery {
    fn filter(self) -> Result<(SchoolFilter, u32), Problem> {
        let paging = Paging { page_size: self.page_size, cursor: self.cursor };
        let unknown = || Problem::Parameter("status: normal, suspended, merged or dissolved".to_owned());
        let status = self.status.as_deref().map(|text| SchoolStatus::parse(text).ok_or_else(unknown)).transpose()?;
        let day = |name: &str, text: Option<&str>| {
            let fault = || Problem::Parameter(format!("{name}: a day as YYYY-MM-DD"));
            text.map(|text| Day::parse(text).ok_or_else(fault)).transpose()
        };
        let filter = SchoolFilter {
            direct: self.direct,
            name: self.name.filter(|name| !name.is_empty()),
            school_type: self.school_type,
            ownership: self.ownership,
            status,
            initialised: self.initialised,
            has_devices: self.has_devices,
            tag: self.tag,
            weak: self.weak,
            pilot: self.pilot,
            group_no: self.group,
            flagged: self.flagged,
            updated_since: day("updated_since", self.updated_since.as_deref())?,
            updated_until: day("updated_until", self.updated_until.as_deref())?,
            after: paging.after()?,
        };
        Ok((filter, paging.limit()?))
    }
}

/// Schools of an area, by number
#[utoipa::path(get, path = "/v1/admin/areas/{code}/schools", tag = "schools", params(AreaPath, SchoolQuery),
    security(("user" = [])), responses((status = 200, body = Page<SchoolRow>), Faults))]
pub async fn schools(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    Asked(query): Asked<SchoolQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::Read, OrgId::Area(code)).await?;
    let (filter, limit) = query.filter()?;
    let rows = api.store.schools_of(code, &filter, limit, caller.now_ms()).await?;
    Ok(page(rows, limit, |row| i64::from(row.school.school_no)))
}
