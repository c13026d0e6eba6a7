//! Metrics of the query API.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Labels of [`Metrics::requests`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The route's pattern, e.g. `/v1/orgs/{id}/overview`; `none` where no route fits.
    pub route: String,
    /// Status of the answer.
    pub status: u16,
}

/// Labels of [`Metrics::seconds`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabel {
    /// The route's pattern.
    pub route: String,
}

/// Labels of [`Metrics::store_errors`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StoreErrorLabel {
    /// What failed, by the code of `StoreError`.
    pub code: &'static str,
}

/// All of them.
#[derive(Clone)]
pub struct Metrics {
    /// `api_requests_total`: requests by route and status.
    pub requests: Family<Request, Counter>,
    /// `api_request_seconds`: time to the answer's head, by route.
    pub seconds: Family<RouteLabel, Histogram>,
    /// `api_store_errors_total`: statements that failed.
    pub store_errors: Family<StoreErrorLabel, Counter>,
    /// `api_not_modified_total`: answers of 304.
    pub not_modified: Counter,
    /// `api_remembered_total`: questions about areas that were answered out of memory.
    pub remembered: Counter,
    /// `api_joined_total`: questions that waited for an equal one under way.
    pub joined: Counter,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Metrics {
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let metrics = Metrics {
            requests: Family::default(),
            seconds,
            store_errors: Family::default(),
            not_modified: Counter::default(),
            remembered: Counter::default(),
            joined: Counter::default(),
        };
        registry.register("api_requests", "requests by route and status", metrics.requests.clone());
        registry.register("api_request_seconds", "time to the answer's head", metrics.seconds.clone());
        registry.register("api_store_errors", "statements that failed", metrics.store_errors.clone());
        registry.register("api_not_modified", "answers of 304", metrics.not_modified.clone());
        registry.register("api_remembered", "questions answered out of memory", metrics.remembered.clone());
        registry.register("api_joined", "questions that waited for an equal one", metrics.joined.clone());
        metrics
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

const SECONDS: [f64; 12] = [0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.5, 1.0, 3.0, 10.0];
