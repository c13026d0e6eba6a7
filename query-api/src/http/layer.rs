//! The outermost layer: request ids, problem documents, rate headers, metrics.

use super::Api;
use super::inbound::RequestId;
use super::limits::Left;
use super::problem::Problem;
use crate::metrics::{Request as RequestLabel, RouteLabel};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Where the extractor leaves what remains to the user.
#[derive(Clone, Debug, Default)]
pub struct RateCell(Arc<OnceLock<Left>>);

impl RateCell {
    /// Notes it, once a request.
    pub fn set(&self, left: Left) {
        self.0.get_or_init(|| left);
    }
}

/// Wraps every request.
pub async fn wrap(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId(uuid::Uuid::new_v4().to_string());
    let rate = RateCell::default();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let target = request.uri().path().to_owned();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(rate.clone());
    let mut response = finish(next.run(request).await, &id);
    if let Some(left) = rate.0.get() {
        left.write(response.headers_mut());
    }
    let status = response.status().as_u16();
    let seconds = started.elapsed().as_secs_f64();
    tracing::debug!(request_id = id.0, path = target, status, seconds, "answered");
    api.metrics.seconds.get_or_create(&RouteLabel { route: route.clone() }).observe(seconds);
    api.metrics.requests.get_or_create(&RequestLabel { route, status }).inc();
    response
}

/// Writes problems out, and turns bare refusals of the router into problems.
fn finish(mut response: Response, id: &RequestId) -> Response {
    let problem = response.extensions_mut().remove::<Problem>().or(match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::Method),
        _ => None,
    });
    if let Some(problem) = problem {
        if problem.code().0.is_server_error() {
            tracing::warn!(request_id = id.0, %problem, "refused");
        }
        let body = serde_json::to_vec(&problem.document(&id.0)).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = Body::from(body);
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
