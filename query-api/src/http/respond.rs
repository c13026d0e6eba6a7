//! Answers: tags, caching, formats.

use super::encode::encode;
use super::format::Format;
use super::inbound::{Inbound, Question};
use super::problem::Problem;
use super::{Api, answers};
use crate::logic::etag::{DataVersion, etag, matches};
use crate::logic::plan::Calendar;
use crate::logic::sums::Sums;
use crate::logic::table::Table;
use crate::source::facts::QueryIds;
use crate::source::refresh::Known;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::time::format_rfc3339_ms;
use serde::Serialize;

/// How long an answer may be used without asking again, for ranges that no event can touch any more.
const CLOSED: &str = "private, max-age=3600";
/// Anything else is asked for again, and answered 304 where nothing has changed.
const OPEN: &str = "private, no-cache";

/// An answer that is ready to be written.
pub struct Answer<'a, J> {
    /// The shape of the contract.
    pub json: &'a J,
    /// Version of what was read.
    pub version: DataVersion,
    /// Cursor of the next page: formats without a place for it have it in a Link header.
    pub next: Option<&'a str>,
}

/// Writes an answer in the format that was asked for, or says that it has not changed.
///
/// # Errors
/// A writer failed.
pub fn respond<J: Serialize>(
    api: &Api,
    inbound: &Inbound,
    question: &Question,
    known: &Known,
    answer: &Answer<'_, J>,
    table: impl FnOnce() -> Table,
) -> Result<Response, Problem> {
    let tag = tag(inbound, question, known, answer.version);
    let mut headers = HeaderMap::new();
    let accept_days = i32::try_from(known.readers.definitions.accept_days).unwrap_or(0);
    let closed = question.now.today.0 - question.params.to.0 > accept_days;
    put(&mut headers, header::ETAG, &tag);
    put(&mut headers, header::CACHE_CONTROL, if closed { CLOSED } else { OPEN });
    put(&mut headers, header::VARY, "Authorization, Accept");
    let given = inbound.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| matches(given, &tag)) {
        api.metrics.not_modified.inc();
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    put(&mut headers, header::CONTENT_TYPE, question.format.content_type());
    if let Some(next) = answer.next {
        put(&mut headers, header::LINK, &next_link(inbound, next));
    }
    let body = match question.format {
        Format::Json => serde_json::to_vec(answer.json).map_err(|_| Problem::Encode)?.into(),
        flat => encode(flat, &table())?,
    };
    Ok((headers, body).into_response())
}

/// The meta part of an answer. `sums`: of everything that it covers; `ids`: of its statements.
#[must_use]
pub fn meta(question: &Question, known: &Known, calendar: &Calendar, sums: &Sums, ids: &QueryIds) -> answers::Meta {
    let (num, den) = (sums.activity.reporting, sums.roster.in_service);
    let coverage = answers::Coverage { value: (den > 0).then(|| num as f64 / den as f64), num, den };
    answers::Meta {
        from: question.params.from.to_string(),
        to: question.params.to.to_string(),
        school_days: calendar.school_days().len() as u64,
        data_as_of: (known.received_ms > 0).then(|| format_rfc3339_ms(known.received_ms)),
        state: "live",
        definition_version: known.readers.definitions.version.clone(),
        coverage,
        query_id: ids.0.clone(),
        provisional: calendar.is_provisional(),
    }
}

fn tag(inbound: &Inbound, question: &Question, known: &Known, version: DataVersion) -> String {
    let Question { params, format, .. } = question;
    let scope = inbound.caller.scope.fingerprint();
    // A set that was built again by the same definitions is another one all the same.
    let definitions = (&known.readers.definitions.version, known.readers.ver);
    let tree = known.version;
    let plan = format!("{}|{params:?}|{format:?}|{scope}|{definitions:?}|{tree:?}", inbound.path);
    etag(&plan, version)
}

/// The same question with another cursor.
fn next_link(inbound: &Inbound, next: &str) -> String {
    let kept = inbound.query.split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor="));
    let query: Vec<&str> = kept.collect();
    let glue = if query.is_empty() { "" } else { "&" };
    format!("<{}?{}{glue}cursor={next}>; rel=\"next\"", inbound.path, query.join("&"))
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // Values of ours are plain ASCII; one that echoes the request and is not is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
