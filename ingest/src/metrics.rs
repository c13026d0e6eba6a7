//! What the edge counts. Names of the contract: CONTRACT section 1, "Accounting".

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use schemas::codes::{EventCode, Slug};

/// How a post ended: the label of `edge_posts_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200
    Ok,
    /// 400, 405, 415, or the client went away before its body was whole
    BadRequest,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 413
    TooLarge,
    /// 429
    Limited,
    /// 503
    Unavailable,
}

impl Outcome {
    const ALL: [Outcome; 7] = [
        Outcome::Ok,
        Outcome::BadRequest,
        Outcome::Unauthorized,
        Outcome::Forbidden,
        Outcome::TooLarge,
        Outcome::Limited,
        Outcome::Unavailable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::BadRequest => "bad_request",
            Outcome::Unauthorized => "unauthorized",
            Outcome::Forbidden => "forbidden",
            Outcome::TooLarge => "too_large",
            Outcome::Limited => "limited",
            Outcome::Unavailable => "unavailable",
        }
    }

    /// How a refusal is counted.
    #[must_use]
    pub fn of(slug: Slug) -> Outcome {
        let name = slug.outcome();
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name).unwrap_or(Outcome::Unavailable)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SlugLabel {
    slug: &'static str,
}

/// The edge's metrics; a clone counts into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    posts: [Counter; 7],
    refusals: Family<SlugLabel, Counter>,
    codes: Family<CodeLabel, Counter>,
    /// Events of every post that came as far as the event checks.
    pub events_received: Counter,
    /// Of them: stored.
    pub events_accepted: Counter,
    /// Of them: never to be sent again.
    pub events_invalid: Counter,
    /// Of them: valid, in a post that ended 503.
    pub events_retry: Counter,
    /// Seconds from a post's head to its answer, of posts that ended 200.
    pub latency: Histogram,
    /// Bytes of posts between their first byte and their answer.
    pub in_flight_bytes: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// Fields that the contract does not name.
    pub unknown_fields: Counter,
    /// Posts whose `clock_offset_ms` flags their device.
    pub clock_flagged: Counter,
    /// Invalid events written to the rejected topic.
    pub rejected_written: Counter,
    /// Invalid events that could not be.
    pub rejected_dropped: Counter,
    /// 1: Kafka takes records.
    pub kafka_up: Gauge,
    /// Times that Kafka went away.
    pub kafka_lost: Counter,
    /// Devices in the view.
    pub view_devices: Gauge,
    /// Seconds since the registry was last heard of; -1: never.
    pub view_age_seconds: Gauge,
    /// Registry records that could not be taken.
    pub view_refused: Counter,
}

impl Metrics {
    /// Metrics, and the registry that shows them.
    #[must_use]
    pub fn new() -> (Metrics, Registry) {
        let posts = Family::<OutcomeLabel, Counter>::default();
        let events = Family::<OutcomeLabel, Counter>::default();
        let rejected = Family::<OutcomeLabel, Counter>::default();
        let of =
            |family: &Family<OutcomeLabel, Counter>, outcome| family.get_or_create_owned(&OutcomeLabel { outcome });
        let buckets = [0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let metrics = Metrics {
            posts: Outcome::ALL.map(|outcome| of(&posts, outcome.as_str())),
            refusals: Family::default(),
            codes: Family::default(),
            events_received: Counter::default(),
            events_accepted: of(&events, "accepted"),
            events_invalid: of(&events, "invalid"),
            events_retry: of(&events, "retry"),
            latency: Histogram::new(buckets),
            in_flight_bytes: Gauge::default(),
            connections: Gauge::default(),
            unknown_fields: Counter::default(),
            clock_flagged: Counter::default(),
            rejected_written: of(&rejected, "written"),
            rejected_dropped: of(&rejected, "dropped"),
            kafka_up: Gauge::default(),
            kafka_lost: Counter::default(),
            view_devices: Gauge::default(),
            view_age_seconds: Gauge::default(),
            view_refused: Counter::default(),
        };
        let mut registry = Registry::default();
        registry.register("edge_posts", "posts by how they ended", posts);
        registry.register("edge_events", "events by how they ended", events);
        registry.register("edge_rejected_records", "invalid events, for the rejected topic", rejected);
        metrics.register(&mut registry);
        (metrics, registry)
    }

    fn register(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        counter("edge_events_received", "events that were checked", &self.events_received);
        counter("edge_unknown_fields", "fields that the contract does not name", &self.unknown_fields);
        counter("edge_clock_flagged", "posts with a large clock offset", &self.clock_flagged);
        counter("edge_kafka_lost", "times that Kafka went away", &self.kafka_lost);
        counter("edge_view_refused", "registry records that could not be taken", &self.view_refused);
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("edge_in_flight_bytes", "bytes of posts without an answer yet", &self.in_flight_bytes);
        gauge("edge_connections", "open connections", &self.connections);
        gauge("edge_kafka_up", "1: Kafka takes records", &self.kafka_up);
        gauge("edge_view_devices", "devices in the view", &self.view_devices);
        gauge("edge_view_age_seconds", "since the registry was last heard of", &self.view_age_seconds);
        registry.register("edge_refusals", "refused posts by reason", self.refusals.clone());
        registry.register("edge_rejected_events", "invalid events by code", self.codes.clone());
        registry.register("edge_latency_seconds", "head to answer of stored posts", self.latency.clone());
    }

    /// Counts how a post ended.
    pub fn post(&self, outcome: Outcome) {
        self.posts[outcome as usize].inc();
    }

    /// Counts why a post was refused.
    pub fn refusal(&self, slug: Slug) {
        self.refusals.get_or_create(&SlugLabel { slug: slug.as_str() }).inc();
    }

    /// Counts an invalid event by its code.
    pub fn code(&self, code: EventCode) {
        self.codes.get_or_create(&CodeLabel { code: code.as_str() }).inc();
    }
}
