//! `POST /v1/events`: the pipeline of the edge, in the order of the contract's table of refusals.

use super::body;
use crate::budget::Charge;
use crate::edge::Edge;
use crate::logic::admit::{self, Headers};
use crate::logic::answer::{self, Refusal};
use crate::logic::decode::{Decoded, decode};
use crate::logic::expand::{ExpandError, Expander};
use crate::logic::record::{self, Post};
use crate::logic::view::Device;
use crate::metrics::{Metrics, Outcome};
use crate::sink::delivery::{Delivery, DeliveryOutcome, Tally};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use schemas::codes::Slug;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

/// The path of the only endpoint that agents use.
pub const PATH: &str = "/v1/events";
/// What a post without Content-Length is charged before its first byte.
const FIRST_CHARGE: usize = 4096;

/// An answer.
pub type Answer = Response<Full<Bytes>>;

thread_local! {
    static EXPANDER: RefCell<Expander> = RefCell::default();
}

/// Answers any request to [`PATH`].
pub async fn handle(edge: &Arc<Edge>, request: Request<Incoming>) -> Answer {
    let ticket = Ticket { metrics: &edge.metrics, open: true };
    let begun = Instant::now();
    let (parts, mut body) = request.into_parts();
    if parts.method != Method::POST {
        let refusal = Refusal::new(Slug::Method, "POST was due");
        let mut answer = refuse(edge, ticket, &refusal, &parts.headers, &mut body).await;
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    match take(edge, &parts.headers, &mut body).await {
        Ok(taken) => finish(edge, ticket, taken, begun).await,
        Err(refusal) => refuse(edge, ticket, &refusal, &parts.headers, &mut body).await,
    }
}

/// A post that needs only the acknowledgement of what it sent.
struct Taken {
    /// `None`: it had nothing to store.
    outcome: Option<DeliveryOutcome>,
    answer: Vec<u8>,
}

async fn take(edge: &Arc<Edge>, headers: &HeaderMap, body: &mut Incoming) -> Result<Taken, Refusal> {
    let mut charge = charge(edge, body)?;
    edge.check_load()?;
    let headers = deciding(headers);
    let (format, coding) = admit::media(&headers)?;
    let now_ms = edge.clock.now_ms();
    let (device_no, device) = admit::authenticate(&headers, &edge.view, &edge.verifier, now_ms)?;
    edge.check_rate(device_no, device.school_no())?;
    let wire = body::read(body, edge.limits.wire_bytes, edge.body_timeout, &mut charge).await?;
    EXPANDER.with_borrow_mut(|expander| {
        let bytes = expander.expand(coding, &wire, edge.limits.expanded_bytes).map_err(unexpanded)?;
        let now_ms = edge.clock.now_ms();
        let decoded = decode(bytes, format, edge.tolerances.window(now_ms))
            .map_err(|error| Refusal::new(error.slug(), error.to_string()))?;
        edge.tolerances.check_skew(decoded.envelope.sent_at_ms, now_ms)?;
        Ok(store(edge, device_no, &device, decoded, charge, now_ms))
    })
}

/// Room for the post in the budget.
fn charge(edge: &Edge, body: &Incoming) -> Result<Charge, Refusal> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let first = announced.clamp(FIRST_CHARGE, edge.limits.wire_bytes);
    edge.budget.take(first).ok_or_else(|| Refusal::new(Slug::Overloaded, "too many bytes in flight"))
}

fn deciding(headers: &HeaderMap) -> Headers<'_> {
    let value = |name| headers.get(name).map(HeaderValue::as_bytes);
    Headers {
        content_type: value(header::CONTENT_TYPE),
        // Several codings, in one header or in many, are one that the edge does not know.
        content_encoding: match headers.get_all(header::CONTENT_ENCODING).iter().count() {
            0 | 1 => value(header::CONTENT_ENCODING),
            _ => Some(b"several"),
        },
        authorization: value(header::AUTHORIZATION),
    }
}

fn unexpanded(error: ExpandError) -> Refusal {
    let slug = match error {
        ExpandError::TooLarge(_) => Slug::TooLarge,
        ExpandError::Malformed(_) => Slug::BadEncoding,
    };
    Refusal::new(slug, error.to_string())
}

/// Hands a decoded post over: its valid events by belonging, its invalid ones to be kept aside.
fn store(edge: &Edge, device_no: u32, device: &Device, decoded: Decoded<'_>, charge: Charge, now_ms: i64) -> Taken {
    let metrics = &edge.metrics;
    metrics.unknown_fields.inc_by(decoded.unknown_fields);
    if decoded.envelope.clock_offset_ms.unsigned_abs() > edge.flag_offset_ms {
        metrics.clock_flagged.inc();
        tracing::debug!(device_no, offset_ms = decoded.envelope.clock_offset_ms, "clock suspect");
    }
    let post = Post { device_no, received_at_ms: now_ms, envelope: &decoded.envelope };
    for rejection in &decoded.rejections {
        metrics.code(rejection.fault.code);
        edge.sink.reject(&record::rejected(&post, rejection));
    }
    let invalid = decoded.rejections.len() as u32;
    let tally = Tally { valid: decoded.received - invalid, invalid };
    let answer = answer::accepted(tally.valid, now_ms, &decoded.rejections);
    let records = record::records(&post, decoded.events, &device.belongings, edge.record_bytes);
    if records.is_empty() {
        tally.count(metrics, true);
        return Taken { outcome: None, answer };
    }
    let delivery = Delivery::new(records.len() as u32, tally, metrics, charge, &edge.ages);
    let outcome = Some(delivery.outcome());
    for record in &records {
        edge.sink.send(record, &delivery);
    }
    Taken { outcome, answer }
}

/// Waits for the acknowledgement, and answers.
async fn finish(edge: &Edge, ticket: Ticket<'_>, taken: Taken, begun: Instant) -> Answer {
    let Some(outcome) = taken.outcome else {
        ticket.close(Outcome::Ok);
        return json(StatusCode::OK, taken.answer, "application/json");
    };
    // From here on the delivery counts the post, even if the client goes away.
    ticket.hand_over();
    let stored = outcome.await;
    let waited = begun.elapsed();
    edge.acknowledged(waited);
    if !stored {
        edge.metrics.refusal(Slug::KafkaAway);
        return problem(edge, &Refusal::new(Slug::KafkaAway, "not all of it was acknowledged; send it again"));
    }
    edge.metrics.latency.observe(waited.as_secs_f64());
    json(StatusCode::OK, taken.answer, "application/json")
}

/// Counts and answers a refusal, after the body, so that the client can read the answer.
async fn refuse(
    edge: &Edge,
    ticket: Ticket<'_>,
    refusal: &Refusal,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Answer {
    ticket.close(Outcome::of(refusal.slug));
    edge.metrics.refusal(refusal.slug);
    // A client that asked first sends no body after a refusal.
    let reusable = body.is_end_stream() || (!headers.contains_key(header::EXPECT) && body::drain(body).await);
    let mut answer = problem(edge, refusal);
    if !reusable {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn problem(edge: &Edge, refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.slug.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut answer = json(status, refusal.problem(edge.clock.now_ms()), "application/problem+json");
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = refusal.jittered(rand::random()) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// The answer to a path that is not there.
pub fn not_found(edge: &Edge) -> Answer {
    problem(edge, &Refusal::new(Slug::NotFound, "no such path"))
}

fn json(status: StatusCode, body: Vec<u8>, kind: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Counts a post once, whatever happens to it: one whose client goes away before its body is whole is a bad request.
struct Ticket<'a> {
    metrics: &'a Metrics,
    open: bool,
}

impl Ticket<'_> {
    fn close(mut self, outcome: Outcome) {
        self.open = false;
        self.metrics.post(outcome);
    }

    /// Somebody else counts it.
    fn hand_over(mut self) {
        self.open = false;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.open {
            self.metrics.post(Outcome::BadRequest);
        }
    }
}
