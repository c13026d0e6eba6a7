//! The outermost layer: request ids, problem documents, metrics.

use super::Api;
use super::inbound::RequestId;
use super::problem::Problem;
use crate::metrics::RequestLabel;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Wraps every request.
pub async fn wrap(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let id = RequestId(uuid::Uuid::new_v4().to_string());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(id.clone());
    let response = finish(next.run(request).await, &id);
    let status = response.status().as_u16();
    tracing::debug!(request_id = id.0, route, status, "answered");
    api.metrics.requests.get_or_create(&RequestLabel { route, status }).inc();
    response
}

/// Writes problems out, and turns bare refusals of the router into problems.
fn finish(mut response: Response, id: &RequestId) -> Response {
    let problem = response.extensions_mut().remove::<Problem>().or(match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::Method),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::TooLarge),
        _ => None,
    });
    if let Some(problem) = problem {
        let body = serde_json::to_vec(&problem.document(&id.0)).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        *response.body_mut() = Body::from(body);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
