//! `…/schools/import`, `…/schools/export`, `…/devices/import`, `…/devices/export`: CSV and XLSX files.

use super::Api;
use super::caller::Caller;
use super::docs::{AreaPath, Faults};
use super::inbound::{Asked, No};
use super::problem::Problem;
use crate::logic::conflict::Invalid;
use crate::logic::import::devices::DeviceLine;
use crate::logic::import::schools::SchoolLine;
use crate::logic::import::sheet::{Columns, Format, table};
use crate::logic::import::{Kind, Line, LineResult, Mode, Outcome, Wanted, lines};
use crate::logic::rights::Action;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemas::org::OrgId;
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Bytes of a file.
const FILE: usize = 8 * 1024 * 1024;

/// The routes, with a limit of their own for bodies.
pub fn router() -> OpenApiRouter<Arc<Api>> {
    let imports = OpenApiRouter::new().routes(routes!(import_schools)).routes(routes!(import_devices));
    imports.layer(DefaultBodyLimit::max(FILE)).routes(routes!(export_schools)).routes(routes!(export_devices))
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
    /// What became of each line; without the unchanged ones where the changes are in force.
    lines: Vec<LineResult>,
}

impl Imported {
    fn new(results: Vec<LineResult>, mode: Mode) -> Imported {
        let count = |outcome: Outcome| results.iter().filter(|result| result.outcome == outcome).count();
        let (refused, dry) = (count(Outcome::Refused), mode == Mode::DryRun);
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
            lines: results.into_iter().filter(|line| dry || line.outcome != Outcome::Unchanged).collect(),
        }
    }
}

/// Add and change schools from a file
///
/// CSV in UTF-8 or XLSX, told apart by their begin. Columns `code,name,school_type,division` and, if wanted,
/// `school_system,ownership,weak,tags,address,post_code` (tags parted by `;`); what has no column stays as it is; an export is such a file.
/// A school is known by its code (one that has none by its number, `s12`): the same file again changes nothing, so a file that
/// was cut off is sent again. At most 8 MiB and 50,000 lines.
#[utoipa::path(post, path = "/v1/admin/areas/{code}/schools/import", tag = "schools", params(AreaPath, ImportQuery),
    request_body(content = String, content_type = "text/csv"), security(("user" = [])),
    responses((status = 200, body = Imported), Faults))]
pub async fn import_schools(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    query: Result<Asked<ImportQuery>, Problem>,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditSchools, OrgId::Area(code)).await?;
    let Asked(ImportQuery { mode }) = query?;
    let lines = read_file::<SchoolLine>(body).await?;
    let results = api.store.import_schools(&caller.actor(), code, &lines, mode).await?;
    Ok(Json(Imported::new(results, mode)).into_response())
}

/// Add and change devices from a file
///
/// CSV in UTF-8 or XLSX. Columns `code,school,kind` and, if wanted, `class,procured_on,note,mac`: the code on the label, the
/// school's code (or number, `s12`), the class's name (or number, `c12`; empty: in none). A device is known by its code (one
/// that has none by its number, `d12`): the same file again changes nothing. A new device counts from the next midnight on,
/// as if it had joined today; its machine joins with the code of its school and this `mac`, and keeps the number. What a
/// known device says otherwise is changed as in its own PATCH. At most 8 MiB and 50,000 lines.
#[utoipa::path(post, path = "/v1/admin/areas/{code}/devices/import", tag = "devices", params(AreaPath, ImportQuery),
    request_body(content = String, content_type = "text/csv"), security(("user" = [])),
    responses((status = 200, body = Imported), Faults))]
pub async fn import_devices(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    query: Result<Asked<ImportQuery>, Problem>,
    body: Bytes,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditDevices, OrgId::Area(code)).await?;
    let Asked(ImportQuery { mode }) = query?;
    let lines = read_file::<DeviceLine>(body).await?;
    let results = api.store.import_devices(&caller.actor(), code, &lines, mode).await?;
    Ok(Json(Imported::new(results, mode)).into_response())
}

/// Reads a file apart from the tasks that answer: a workbook takes its time to unpack.
async fn read_file<W: Wanted + Send + 'static>(body: Bytes) -> Result<Vec<Line<W>>, Problem> {
    let read = move || -> Result<Vec<Line<W>>, Invalid> { lines(Cursor::new(body))?.all() };
    Ok(tokio::task::spawn_blocking(read).await.map_err(|_| Problem::Internal)??)
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `csv` unless given, or `xlsx`.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// Only the header: what an import is written into.
    #[serde(default)]
    template: bool,
}

/// The schools that the area manages directly, with their administrators
///
/// One area at a time; never a password. The log tells who took it. With `template=true`: the header alone.
#[utoipa::path(get, path = "/v1/admin/areas/{code}/schools/export", tag = "schools", params(AreaPath, ExportQuery),
    security(("user" = [])),
    responses((status = 200, body = String, content_type = "text/csv"), Faults))]
pub async fn export_schools(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    query: Result<Asked<ExportQuery>, Problem>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::ReadAccounts, OrgId::Area(code)).await?;
    export(&api, &caller, code, Kind::Schools, query?.0).await
}

/// The devices of the schools that the area manages directly
///
/// One area at a time. The log tells who took it. With `template=true`: the header alone.
#[utoipa::path(get, path = "/v1/admin/areas/{code}/devices/export", tag = "devices", params(AreaPath, ExportQuery),
    security(("user" = [])),
    responses((status = 200, body = String, content_type = "text/csv"), Faults))]
pub async fn export_devices(
    State(api): State<Arc<Api>>,
    caller: Caller,
    No(code): No,
    query: Result<Asked<ExportQuery>, Problem>,
) -> Result<Response, Problem> {
    caller.require_at(&api, Action::EditDevices, OrgId::Area(code)).await?;
    export(&api, &caller, code, Kind::Devices, query?.0).await
}

async fn export(api: &Api, caller: &Caller, code: u32, kind: Kind, asked: ExportQuery) -> Result<Response, Problem> {
    let rows = if asked.template { Vec::new() } else { api.store.export(&caller.actor(), code, kind).await? };
    let (columns, name): (Columns, _) = match kind {
        Kind::Schools => (SchoolLine::COLUMNS, "schools"),
        Kind::Devices => (DeviceLine::COLUMNS, "devices"),
    };
    let written = tokio::task::spawn_blocking(move || table(&columns, rows.into_iter(), asked.format)).await;
    let file = written.map_err(|_| Problem::Internal)?.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "no file was written");
        Problem::Internal
    })?;
    let (media, ending) = match asked.format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    };
    let disposition = format!("attachment; filename=\"{name}-{code}.{ending}\"");
    let head = [(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((head, file).into_response())
}
