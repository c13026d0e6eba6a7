//! `…/schools/import`, `…/schools/export`: schools as CSV files.

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults};
use super::inbound::{Asked, No};
use super::problem::Problem;
use crate::logic::import::{LineResult, Mode, Outcome, lines, table};
use crate::logic::rights::Action;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemas::org::OrgId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a file.
const FILE: usize = 8 * 1024 * 1024;

/// The routes, with a limit of their own for bodies.
pub fn router() -> OpenApiRouter<Arc<Api>> {
    let import = OpenApiRouter::new().routes(routes!(import)).layer(DefaultBodyLimit::max(FILE));
    import.routes(routes!(export))
}

/// How a file is taken.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// `dry_run`, `all_or_nothing` or `best_effort`.
    #[param(inline)]
    mode: Mode,
}

/// What became of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The changes are in force.
    done: bool,
    /// Lines by what became of them.
    added: usize,
    /// Lines by what became of them.
    changed: usize,
    /// Lines by what became of them.
    unchanged: usize,
    /// Lines by what became of them.
    refused: usize,
    /// Every line but the unchanged ones.
    lines: Vec<LineResult>,
}

impl Imported {
    fn new(results: Vec<LineResult>, mode: Mode) -> Imported {
        let count = |outcome: Outcome| results.iter().filter(|result| result.outcome == outcome).count();
        let refused = count(Outcome::Refused);
        Imported {
            done: match mode {
                Mode::DryRun => false,
                Mode::AllOrNothing => refused == 0,
                Mode::BestEffort => true,
            },
            added: count(Outcome::Added),
            changed: count(Outcome::Changed),
            unchanged: count(Outcome::Unchanged),
            refused,
            lines: results.into_iter().filter(|result| result.outcome != Outcome::Unchanged).collect(),
        }
    }
}

/// Add and change schools from a CSV file
///
/// Columns `code,name,school_type,division` and, if wanted, `ownership,weak,tags,address,post_code` (tags parted by `;`);
/// an export is such a file. A school is known by its code: the same file again changes nothing, so a file that was cut
/// off is sent again. At most 8 MiB and 50,000 lines.
#[utoipa::path(post, path = "/v1/admin/areas/{code}/schools/import", tag = "schools", params(AreaPath, ImportQuery),
    request_body(content = String, content_type = "text/csv"), security(("user" = [])),
    responses((status = 200, body = Imported), Faults))]
pub async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    query: Result<Asked<ImportQuery>, Problem>,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::Area(code)).await?;
    let Asked(ImportQuery { mode }) = query?;
    let lines = lines(&body)?;
    let results = api.store.import_schools(&caller.actor(), code, &lines, mode).await?;
    Ok(Json(Imported::new(results, mode)).into_response())
}

/// The schools that the area manages directly, with their administrators, as CSV
///
/// One area at a time; never a password. The log tells who took it.
#[utoipa::path(get, path = "/v1/admin/areas/{code}/schools/export", tag = "schools", params(AreaPath),
    security(("user" = [])),
    responses((status = 200, body = String, content_type = "text/csv"), Faults))]
pub async fn export(State(api): State<Arc<Api>>, caller: Caller, No(code): No) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAccounts, OrgId::Area(code)).await?;
    let rows = api.store.export_schools(&caller.actor(), code).await?;
    let file = table(rows.iter().map(|(school, administrators)| (school, administrators.clone())));
    let file = file.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "no file was written");
        Problem::Internal
    })?;
    let name = format!("attachment; filename=\"schools-{code}.csv\"");
    let head = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((head, file).into_response())
}
