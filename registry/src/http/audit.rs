//! `/v1/admin/…/audit`

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults, SchoolPath};
use super::inbound::{Asked, No, Paging};
use super::problem::Problem;
use super::respond::{Page, page};
use crate::logic::rights::Action;
use crate::store::{AuditView, Extent, Filter};
use axum::extract::State;
use axum::response::Response;
use schemas::org::{OrgId, area_range};
use schemas::time::Day;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which rows of the log.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Account.
    account: Option<String>,
    /// Action, or its begin, e.g. `school.`
    action: Option<String>,
    /// Object, e.g. `s1` or `d12`.
    object: Option<String>,
    /// From this day on.
    since: Option<String>,
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    cursor: Option<String>,
}

/// Changes in an area and its schools, newest first
#[utoipa::path(get, path = "/v1/admin/areas/{code}/audit", tag = "audit", params(AreaPath, AuditQuery),
    security(("user" = [])), responses((status = 200, body = Page<AuditView>), Faults))]
pub async fn of_area(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    Asked(query): Asked<AuditQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAudit, OrgId::Area(code)).await?;
    list(&api, &Extent::Areas(area_range(code)), query).await
}

/// Changes in a school, newest first
#[utoipa::path(get, path = "/v1/admin/schools/{school_no}/audit", tag = "audit", params(SchoolPath, AuditQuery),
    security(("user" = [])), responses((status = 200, body = Page<AuditView>), Faults))]
pub async fn of_school(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(no): No,
    Asked(query): Asked<AuditQuery>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAudit, OrgId::School(no)).await?;
    list(&api, &Extent::School(no), query).await
}

async fn list(api: &Api, extent: &Extent, query: AuditQuery) -> Result<Response, Problem> {
    let paging = Paging { page_size: query.page_size, cursor: query.cursor };
    let day = query
        .since
        .as_deref()
        .map(|text| Day::parse(text).ok_or_else(|| Problem::Parameter("since: a day as YYYY-MM-DD".to_owned())));
    let filter = Filter {
        account: query.account,
        action: query.action,
        object: query.object,
        since_ms: day.transpose()?.map(Day::start_ms),
        before_seq: paging.last()?,
    };
    let limit = paging.limit()?;
    let rows = api.store.audit(extent, &filter, limit).await?;
    Ok(page(rows, limit, |row| row.seq))
}
