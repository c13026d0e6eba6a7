//! Refusals as problem documents (RFC 9457). A handler returns a [`Problem`]; the outermost layer writes it out with
//! the request's id.

use crate::logic::conflict::{Conflict, Fault, Invalid};
use crate::logic::enrolment::CodeFault;
use crate::logic::principal::TokenFault;
use crate::logic::rights::Access;
use crate::logic::state::StateError;
use crate::logic::tag::Stale;
use crate::store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// How long a busy store is left alone, seconds.
const BUSY_S: u64 = 2;

/// Why a request got no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Problem {
    /// No such route or thing, or it lies outside the caller's scope: the two look alike.
    #[error("nothing is here, or it lies outside your scope")]
    NotFound,
    /// The route answers other methods.
    #[error("this method is not answered here")]
    Method,
    /// No token.
    #[error("an Authorization header with a bearer token is required")]
    NoToken,
    /// A token that is no good.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// A device's token that was revoked, or is older than the current rotation.
    #[error("the token was revoked")]
    Revoked,
    /// A login or password that is wrong, or an account that may not log in: they look alike.
    #[error("the login or the password is wrong")]
    BadLogin,
    /// A right password, but a code is needed as well.
    #[error("give the code that your authenticator app shows as `code`")]
    SecondFactor,
    /// A login that failed too often; seconds to wait.
    #[error("too many failures; wait before you try again")]
    LoginBlocked(u64),
    /// Somebody whom the identity provider knows, and nobody here.
    #[error("no account here is yours; ask your administrator to enter your e-mail address with it")]
    NoAccount,
    /// The identity provider is away or refuses.
    #[error("the identity provider does not answer as it should; try again, or log in with your password")]
    Provider,
    /// A change by a session without the token that goes with it.
    #[error("give the session's csrf token as X-CSRF-Token")]
    Csrf,
    /// A first password opens nothing but its own change.
    #[error("choose a password of your own first")]
    PasswordChange,
    /// Inside the scope, without the right.
    #[error("your role does not include this")]
    Forbidden,
    /// A query parameter that cannot be used.
    #[error("{0}")]
    Parameter(String),
    /// Not JSON of the right shape.
    #[error("the body cannot be read: {}", .0.detail)]
    Body(Fault),
    /// A body that is too large.
    #[error("the body is too large")]
    TooLarge,
    /// Values that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A change without `If-Match`.
    #[error("give the ETag of what you change as If-Match")]
    NoPrecondition,
    /// Somebody else changed it in between.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// What is there does not allow it.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The state may not be entered.
    #[error(transparent)]
    State(#[from] StateError),
    /// An enrolment code that opens nothing.
    #[error(transparent)]
    Code(#[from] CodeFault),
    /// Too many requests of this address.
    #[error("too many requests from your address")]
    RateLimited(u64),
    /// The store is held up; nothing was changed.
    #[error("the store is busy; try again")]
    Busy,
    /// A fault of ours; the log tells more.
    #[error("a fault of the service")]
    Internal,
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
    /// The values at fault, each with a JSON pointer into the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
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
            Problem::Revoked => (StatusCode::FORBIDDEN, "revoked"),
            Problem::BadLogin => (StatusCode::UNAUTHORIZED, "bad-login"),
            Problem::SecondFactor => (StatusCode::UNAUTHORIZED, "second-factor"),
            Problem::LoginBlocked(_) => (StatusCode::TOO_MANY_REQUESTS, "login-blocked"),
            Problem::NoAccount => (StatusCode::FORBIDDEN, "no-account"),
            Problem::Provider => (StatusCode::BAD_GATEWAY, "identity-provider"),
            Problem::Csrf => (StatusCode::FORBIDDEN, "csrf"),
            Problem::PasswordChange => (StatusCode::FORBIDDEN, "password-change"),
            Problem::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Problem::Parameter(_) => (StatusCode::BAD_REQUEST, "bad-parameter"),
            Problem::Body(_) => (StatusCode::BAD_REQUEST, "bad-body"),
            Problem::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Problem::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Problem::NoPrecondition => (StatusCode::PRECONDITION_REQUIRED, "no-precondition"),
            Problem::Stale(_) => (StatusCode::PRECONDITION_FAILED, "stale"),
            Problem::Conflict(conflict) => (StatusCode::CONFLICT, conflict.slug()),
            Problem::State(_) => (StatusCode::CONFLICT, "state"),
            Problem::Code(fault) => (code_status(*fault), fault.slug()),
            Problem::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate-address"),
            Problem::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Problem::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The document of the request `request_id`.
    #[must_use]
    pub fn document(&self, request_id: &str) -> ProblemDocument {
        let (status, slug) = self.code();
        let errors = match self {
            Problem::Invalid(invalid) => invalid.0.clone(),
            Problem::Body(fault) => vec![fault.clone()],
            _ => Vec::new(),
        };
        ProblemDocument {
            kind: format!("urn:classpulse:{slug}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            request_id: request_id.to_owned(),
            errors,
        }
    }
}

const fn code_status(fault: CodeFault) -> StatusCode {
    match fault {
        CodeFault::Unknown => StatusCode::NOT_FOUND,
        CodeFault::Used => StatusCode::CONFLICT,
        CodeFault::Expired | CodeFault::Revoked => StatusCode::GONE,
    }
}

/// Says no where the rights say no.
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

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Absent { .. } => Problem::NotFound,
            StoreError::OtherSchool { .. } => Invalid::one("/class_no", "a class of that school, or 0").into(),
            StoreError::State(error) => error.into(),
            StoreError::Conflict(error) => error.into(),
            StoreError::Invalid(error) => error.into(),
            StoreError::Stale(error) => error.into(),
            StoreError::Code(error) => error.into(),
            StoreError::Revoked => Problem::Revoked,
            error if error.is_busy() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the store kept a request waiting for too long"
                );
                Problem::Busy
            }
            StoreError::Open(_) | StoreError::Sql(_) | StoreError::Corrupt { .. } | StoreError::NotCommitted(_) => {
                // Logged here, once: the client is told nothing of it but the request's id.
                tracing::error!(error = &error as &dyn std::error::Error, "the store did not do what was asked");
                Problem::Internal
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code().0.into_response();
        let wait = match self {
            Problem::RateLimited(seconds) | Problem::LoginBlocked(seconds) => Some(seconds),
            Problem::Busy => Some(BUSY_S),
            _ => None,
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code().0 == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
