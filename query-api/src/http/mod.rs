//! HTTP: routes, who may ask, formats, problems.

pub mod answers;
pub mod devices;
pub mod docs;
pub mod encode;
pub mod format;
pub mod inbound;
pub mod layer;
pub mod limits;
pub mod orgs;
pub mod problem;
pub mod respond;
pub mod search;
pub mod tables;

use crate::logic::cursor::Signer;
use crate::logic::token::Verifier;
use crate::metrics::Metrics;
use crate::source::refresh::{Book, Known};
use axum::Router;
use axum::routing::get;
use problem::Problem;
use runtime::clock::Clock;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What all handlers share.
pub struct Api {
    /// Tokens.
    pub verifier: Verifier,
    /// The injected clock.
    pub clock: Clock,
    /// Cursors.
    pub signer: Signer,
    /// Rates and turns.
    pub limits: limits::Limits,
    /// What is read, names and tree.
    pub book: Book,
    /// Metrics.
    pub metrics: Metrics,
}

impl Api {
    /// Names and tree.
    ///
    /// # Errors
    /// They have not been read yet.
    pub fn known(&self) -> Result<Known, Problem> {
        let known = self.book.known();
        if known.tree.is_empty() { Err(Problem::NotReady) } else { Ok(known) }
    }
}

/// All routes of the API; the admin endpoints are merged in by the application.
pub fn router(api: Arc<Api>, admin: Router) -> Router {
    let (routes, document) = described();
    // Made once and served for the life of the process.
    let document: &'static str = document.to_json().unwrap_or_default().leak();
    routes
        .with_state(api.clone())
        .route("/", get(docs::page))
        .route("/openapi.json", get(move || async move { docs::json(document) }))
        .merge(admin)
        .fallback(|| async { Problem::NotFound })
        .layer(axum::middleware::from_fn_with_state(api, layer::wrap))
}

fn described() -> (Router<Arc<Api>>, Document) {
    let (routes, mut document) = documented().split_for_parts();
    docs::describe_lists(&mut document);
    docs::describe_formats(&mut document);
    (routes, document)
}

fn documented() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(docs::Base::openapi())
        .routes(routes!(orgs::overview))
        .routes(routes!(orgs::children))
        .routes(routes!(orgs::trend))
        .routes(routes!(orgs::network))
        .routes(routes!(orgs::ranking))
        .routes(routes!(devices::of_school))
        .routes(routes!(devices::days))
        .routes(routes!(devices::sessions))
        .routes(routes!(search::search))
        .routes(routes!(search::catalog))
}

/// The OpenAPI document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    described().1.to_pretty_json()
}
