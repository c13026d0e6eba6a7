//! What every question to `/v1` brings along: a caller, parameters, a format, a turn.

use super::Api;
use super::format::Format;
use super::limits::Left;
use super::problem::Problem;
use crate::logic::params::{Params, Route, parse};
use crate::logic::token::Caller;
use crate::source::facts::{Now, QueryIds};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use schemas::time::Day;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The id of a request, for logs and problem documents.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Tells the outermost layer what is left to the user.
#[derive(Clone, Copy, Debug)]
pub struct RateState(pub Left);

/// A question of a known caller.
pub struct Inbound {
    /// Who asks.
    pub caller: Caller,
    /// Headers.
    pub headers: HeaderMap,
    /// The query string as it came.
    pub query: String,
    /// Route and path as they came, for tags and links.
    pub path: String,
    place: Option<String>,
    /// The turn; it ends with the question.
    _turn: OwnedSemaphorePermit,
}

/// A question that has been understood.
pub struct Question {
    /// Parameters.
    pub params: Params,
    /// Format of the answer.
    pub format: Format,
    /// When it was asked.
    pub now: Now,
    /// Names of its statements.
    pub ids: QueryIds,
}

impl FromRequestParts<Arc<Api>> for Inbound {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Inbound, Problem> {
        let caller = caller(&parts.headers, api)?;
        let left = api.limits.count(&caller.user);
        if let Some(state) = parts.extensions.get::<super::layer::RateCell>() {
            state.set(match &left {
                Ok(left) | Err((_, left)) => *left,
            });
        }
        left.map_err(|(problem, _)| problem)?;
        let place = RawPathParams::from_request_parts(parts, api).await.ok();
        let place = place.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
        Ok(Inbound {
            caller,
            headers: parts.headers.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            path: parts.uri.path().to_owned(),
            place,
            _turn: api.limits.turn().await?,
        })
    }
}

impl Inbound {
    /// What the path names.
    ///
    /// # Errors
    /// It is not readable.
    pub fn place(&self) -> Result<&str, Problem> {
        self.place.as_deref().ok_or(Problem::NotFound)
    }

    /// Understands the question.
    ///
    /// # Errors
    /// A format that is not offered, or a parameter that cannot be used.
    pub fn question(&self, api: &Api, route: Route) -> Result<Question, Problem> {
        let format = Format::of(&self.headers).ok_or(Problem::NotAcceptable)?;
        let now_ms = api.clock.now_ms();
        let today = Day::of_ms(now_ms);
        let known = api.book.known();
        let definitions = &known.readers.definitions;
        let online_ms = i64::from(2 * definitions.heartbeat_s + definitions.online_slack_s) * 1000;
        let accept_days = i32::try_from(definitions.accept_days).unwrap_or(0);
        Ok(Question {
            params: parse(route, &self.query, today)?,
            format,
            now: Now {
                today,
                accepted_from: today.plus(-accept_days - 1),
                online_since_ms: now_ms - api.clock.tolerance_ms(online_ms),
            },
            ids: QueryIds(uuid::Uuid::new_v4().to_string()),
        })
    }
}

fn caller(headers: &HeaderMap, api: &Api) -> Result<Caller, Problem> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Problem::NoToken)?;
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let token = token.filter(|token| !token.is_empty()).ok_or(Problem::NoToken)?;
    Ok(api.verifier.verify(token, api.clock.now_ms())?)
}
