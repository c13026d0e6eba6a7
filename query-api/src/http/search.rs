//! `/v1/search` and `/v1/catalog`: answered from memory.

use super::Api;
use super::answers::{Catalog, CatalogFigure, Dimension, Search};
use super::docs::{Faults, SearchQuery};
use super::inbound::Inbound;
use super::problem::Problem;
use super::respond::{Answer, respond};
use super::tables;
use crate::logic::etag::DataVersion;
use crate::logic::params::Route;
use crate::source::refresh::Known;
use axum::extract::State;
use axum::response::Response;
use schemas::definitions::HISTOGRAM_EDGES_MS;
use schemas::figures::FigureId;
use std::sync::Arc;

/// Areas and schools by name or code
///
/// Only what is inside the caller's scope; a code fits from its beginning, a name anywhere.
#[utoipa::path(get, path = "/v1/search", tag = "catalog", security(("token" = [])),
    params(SearchQuery), responses((status = 200, description = "areas and schools", body = Search), Faults))]
pub async fn search(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let question = inbound.question(&api, Route::Search)?;
    let known = api.known()?;
    let text = question.params.q.as_deref().unwrap_or_default();
    let rows = known.tree.search(&inbound.caller.scope, text, question.params.page_size);
    let answer = Search { rows };
    let written = Answer { json: &answer, version: DataVersion::default(), next: None };
    respond(&api, &inbound, &question, &known, &written, || tables::search(&answer))
}

/// What can be asked
///
/// Figures with names, units and formulas; dimensions; edges of the histogram buckets.
#[utoipa::path(get, path = "/v1/catalog", tag = "catalog", security(("token" = [])),
    responses((status = 200, description = "the catalogue", body = Catalog), Faults))]
pub async fn catalog(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let question = inbound.question(&api, Route::Catalog)?;
    // The catalogue follows the definitions alone, not what is known of organisations.
    let known = Known { version: (0, 0), ..api.book.known() };
    let answer = Catalog {
        definition_version: known.readers.definitions.version.clone(),
        figures: FigureId::ALL.iter().map(|id| entry(*id)).collect(),
        dimensions: DIMENSIONS.to_vec(),
        histogram_edges_ms: HISTOGRAM_EDGES_MS.to_vec(),
    };
    let written = Answer { json: &answer, version: DataVersion::default(), next: None };
    respond(&api, &inbound, &question, &known, &written, || tables::catalog(&answer))
}

const DIMENSIONS: [Dimension; 3] = [
    Dimension { id: "org", name_zh: "区域与学校", name_en: "areas and schools" },
    Dimension { id: "day", name_zh: "日期", name_en: "local days" },
    Dimension { id: "device", name_zh: "设备", name_en: "devices of a school" },
];

fn entry(id: FigureId) -> CatalogFigure {
    let entry = id.entry();
    let of_devices = !matches!(id, FigureId::ClassUsageRate | FigureId::SchoolUsageRate);
    let dimensions = if of_devices { vec!["org", "day", "device"] } else { vec!["org", "day"] };
    CatalogFigure {
        id: id.as_str(),
        name_zh: entry.name_zh,
        name_en: entry.name_en,
        unit: entry.unit.as_str(),
        formula: entry.formula,
        approximate: id.percentile().is_some(),
        dimensions,
    }
}
