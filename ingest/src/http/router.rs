//! Everything that is not a post.

use super::{post, schema_registry};
use crate::edge::Edge;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use prometheus_client::registry::Registry;
use runtime::admin::{self, Readiness};
use std::sync::Arc;

/// Health, metrics and the Schema Registry's read API; anything else is a problem document.
pub fn router(edge: &Arc<Edge>, registry: Registry) -> Router {
    let ready = Arc::clone(edge);
    let readiness: Readiness = Arc::new(move || ready.lacks());
    let edge = Arc::clone(edge);
    admin::router(Arc::new(registry), readiness)
        .merge(schema_registry::router())
        .fallback(move || async move { post::not_found(&edge).map(Body::new) as Response })
}
