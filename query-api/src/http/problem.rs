//! Refusals as problem documents (RFC 9457). A handler returns a [`Problem`]; the outermost layer writes it out with
//! the request's id.

use crate::logic::params::ParamFault;
use crate::logic::scope::Access;
use crate::logic::token::TokenFault;
use crate::source::client::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No such route, unit or device, or it lies outside the caller's scope: the two look alike.
    #[error("nothing is here, or it lies outside your scope")]
    NotFound,
    /// Another method than GET or HEAD.
    #[error("only GET and HEAD are answered here")]
    Method,
    /// No token.
    #[error("an Authorization header with a bearer token is required")]
    NoToken,
    /// A token that is no good.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// Inside the scope, without the right.
    #[error("your role does not include this")]
    Forbidden,
    /// A parameter that cannot be used.
    #[error("{0}")]
    Parameter(#[from] ParamFault),
    /// No format of the Accept header is offered.
    #[error("offered are JSON, CSV, NDJSON, Arrow stream and Parquet")]
    NotAcceptable,
    /// Too many requests of this user.
    #[error("too many requests; try again in {0} s")]
    RateLimited(u64),
    /// Too many answers in the making.
    #[error("too many requests are in work; try again soon")]
    Overloaded,
    /// Names and tree are not there yet.
    #[error("the service is starting")]
    NotReady,
    /// ClickHouse gave no result.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The answer could not be written.
    #[error("the answer could not be written")]
    Encode,
}

/// The document.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:classpulse:` and a slug.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// Names this request in logs.
    pub request_id: String,
    /// The parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
}

impl Problem {
    /// Status and slug.
    #[must_use]
    pub const fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Problem::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Problem::Method => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Problem::NoToken => (StatusCode::UNAUTHORIZED, "no-token"),
            Problem::Token(TokenFault::Bad) => (StatusCode::UNAUTHORIZED, "bad-token"),
            Problem::Token(TokenFault::Expired) => (StatusCode::UNAUTHORIZED, "expired-token"),
            Problem::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Problem::Parameter(_) => (StatusCode::BAD_REQUEST, "bad-parameter"),
            Problem::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not-acceptable"),
            Problem::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate-user"),
            Problem::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Problem::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not-ready"),
            Problem::Store(StoreError::TimedOut) => (StatusCode::GATEWAY_TIMEOUT, "query-timeout"),
            Problem::Store(StoreError::TooMuch) => (StatusCode::UNPROCESSABLE_ENTITY, "query-too-large"),
            Problem::Store(StoreError::Busy) => (StatusCode::SERVICE_UNAVAILABLE, "clickhouse-busy"),
            Problem::Store(StoreError::Unreachable) => (StatusCode::SERVICE_UNAVAILABLE, "clickhouse-away"),
            Problem::Store(StoreError::Failed) | Problem::Encode => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The document of the request `request_id`.
    #[must_use]
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        let (status, slug) = self.code();
        let parameter = match self {
            Problem::Parameter(fault) => Some(fault.name.clone()),
            _ => None,
        };
        ProblemDocument {
            kind: format!("urn:classpulse:{slug}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            request_id: request_id.to_owned(),
            parameter,
        }
    }

    /// Seconds after which it is worth trying again.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Problem::RateLimited(seconds) => Some(*seconds),
            Problem::Overloaded
            | Problem::NotReady
            | Problem::Store(StoreError::Busy | StoreError::Unreachable | StoreError::TimedOut) => Some(1),
            _ => None,
        }
    }
}

/// Says no where a scope says no.
///
/// # Errors
/// Outside: not found. Inside without the right: forbidden.
pub fn require(access: Access) -> Result<(), Problem> {
    match access {
        Access::Allowed => Ok(()),
        Access::Forbidden => Err(Problem::Forbidden),
        Access::Outside => Err(Problem::NotFound),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code().0.into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code().0 == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
