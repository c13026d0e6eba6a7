//! What requests bring along: a caller, a number in the path, a precondition, parameters, a body.

use super::Api;
use super::problem::Problem;
use crate::logic::conflict::Fault;
use crate::logic::cursor;
use crate::logic::tag::Expected;
use crate::store::Actor;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use utoipa::IntoParams;

/// Rows of a page unless given, and at most.
const PAGE: (u32, u32) = (50, 500);

/// The id of a request, for logs and problem documents.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Where a request came from and when, without a word about who.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Address of the client.
    pub address: String,
    /// Request.
    pub request_id: String,
    /// Now, ms.
    pub now_ms: i64,
}

impl FromRequestParts<Arc<Api>> for Origin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Origin, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Origin {
            address: peer.map_or_else(String::new, |peer| peer.0.ip().to_string()),
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            now_ms: api.clock.now_ms(),
        })
    }
}

impl Origin {
    /// Somebody who is no user, for the log.
    #[must_use]
    pub fn actor(&self, account: &str) -> Actor {
        Actor {
            account: account.to_owned(),
            name: account.to_owned(),
            address: self.address.clone(),
            request_id: self.request_id.clone(),
            at_ms: self.now_ms,
        }
    }
}

/// The token of an `Authorization` header.
///
/// # Errors
/// There is none.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(Problem::NoToken)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(Problem::NoToken) }
}

/// The number in the path. What is no number is nowhere.
#[derive(Clone, Copy, Debug)]
pub struct No(pub u32);

impl FromRequestParts<Arc<Api>> for No {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<No, Problem> {
        let params = RawPathParams::from_request_parts(parts, api).await.map_err(|_| Problem::NotFound)?;
        let text = params.iter().next().map(|(_, value)| value).ok_or(Problem::NotFound)?;
        let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| plain).map(No).ok_or(Problem::NotFound)
    }
}

/// The `If-Match` header.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<Expected>);

impl FromRequestParts<Arc<Api>> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<IfMatch, Problem> {
        let value = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        Ok(IfMatch(value.map(Expected::parse)))
    }
}

impl IfMatch {
    /// What the change expects to find. Asked for after the rights, so that nobody learns what is there.
    ///
    /// # Errors
    /// The header is missing.
    pub fn required(self) -> Result<Expected, Problem> {
        self.0.ok_or(Problem::NoPrecondition)
    }
}

/// What is to become of something: `If-Match` and the body, neither of which is looked at before [`Draft::read`].
#[derive(Debug)]
pub struct Draft {
    if_match: IfMatch,
    body: Bytes,
}

impl FromRequest<Arc<Api>> for Draft {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Draft, Problem> {
        let (mut parts, body) = request.into_parts();
        let if_match = IfMatch::from_request_parts(&mut parts, api).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), api).await.map_err(|_| Problem::TooLarge)?;
        Ok(Draft { if_match, body })
    }
}

impl Draft {
    /// What the change expects to find, and what it says. Asked for after the rights, so that nobody learns what is there.
    ///
    /// # Errors
    /// The header is missing, or the body is of another shape.
    pub fn read<T: DeserializeOwned>(self) -> Result<(Expected, T), Problem> {
        Ok((self.if_match.required()?, read(&self.body)?))
    }
}

/// Query parameters.
#[derive(Clone, Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Asked<T>, Problem> {
        let Query(asked) = Query::try_from_uri(&parts.uri).map_err(|error| {
            // The library's text names the parameter, and nothing of ours.
            Problem::Parameter(error.to_string())
        })?;
        Ok(Asked(asked))
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Rows; 50 unless given, at most 500.
    #[param(minimum = 1, maximum = 500)]
    pub page_size: Option<u32>,
    /// `next` of the page before; the other parameters stay as they were.
    pub cursor: Option<String>,
}

impl Paging {
    /// Rows of the page.
    ///
    /// # Errors
    /// None, or too many.
    pub fn limit(&self) -> Result<u32, Problem> {
        let limit = self.page_size.unwrap_or(PAGE.0);
        let fine = (1..=PAGE.1).contains(&limit);
        if fine { Ok(limit) } else { Err(Problem::Parameter(format!("page_size: 1 to {}", PAGE.1))) }
    }

    /// The last number of the page before.
    ///
    /// # Errors
    /// Not a cursor of ours.
    pub fn last(&self) -> Result<Option<i64>, Problem> {
        let fault = || Problem::Parameter("cursor: give `next` of the page before".to_owned());
        self.cursor.as_deref().map(|text| cursor::read(text).ok_or_else(fault)).transpose()
    }

    /// The last number of the page before, of a list that ascends; 0: from the begin.
    ///
    /// # Errors
    /// Not a cursor of ours.
    pub fn after(&self) -> Result<u32, Problem> {
        Ok(self.last()?.map_or(0, |last| u32::try_from(last).unwrap_or(u32::MAX)))
    }
}

/// Reads a JSON body; what is wrong is told with a pointer.
///
/// # Errors
/// Not JSON, or not of this shape.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let fault = |pointer: String, detail: String| Problem::Body(Fault { pointer, detail });
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| fault(pointer(error.path()), error.inner().to_string()))?;
    json.end().map_err(|error| fault(String::new(), error.to_string()))?;
    Ok(value)
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::forms::GroupForm;

    #[test]
    fn a_fault_of_the_body_is_pointed_at() {
        let found = |body: &str| match read::<GroupForm>(body.as_bytes()) {
            Err(Problem::Body(fault)) => Some(fault.pointer),
            _ => None,
        };
        assert_eq!(found(r#"{"name":"x","members":[440100,"y"]}"#).as_deref(), Some("/members/1"));
        assert_eq!(found(r#"{"name":"x","members":[],"more":1}"#).as_deref(), Some("/more"));
        assert_eq!(found(r#"{"name":"x","members":[]} x"#).as_deref(), Some(""));
        assert_eq!(found(r#"{"name":"x","members":[440100]}"#), None);
    }
}
