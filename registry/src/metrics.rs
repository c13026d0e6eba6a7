//! What the registry counts.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Values that Kafka acknowledged.
    pub published: Counter,
    /// Batches that Kafka did not take whole.
    pub failures: Counter,
    /// Values that wait in the outbox.
    pub waiting: Gauge,
    /// Signs of life put into the outbox.
    pub heartbeats: Counter,
    /// Devices brought into service at a midnight.
    pub started: Counter,
    /// Devices that joined.
    pub enrolled: Counter,
    /// Requests by route and status.
    pub requests: Family<RequestLabel, Counter>,
    /// Logins by what came of them.
    pub logins: Family<LoginLabel, Counter>,
}

/// What came of a login. A wrong login and a wrong password are one: whoever reads the metrics is not to learn which
/// accounts there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum LoginOutcome {
    /// The password was right.
    Accepted,
    /// The password was right, and a code has to come with it.
    CodeMissing,
    /// There is no such account, it may not log in, or the password or the code was wrong.
    Wrong,
    /// The login failed too often.
    Blocked,
    /// The address tried too often.
    RateLimited,
}

/// What came of a login.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoginLabel {
    /// What came of it.
    pub outcome: LoginOutcome,
}

/// Route and status of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabel {
    /// The route's pattern; `none`: no route.
    pub route: String,
    /// Status.
    pub status: u16,
}

impl Metrics {
    /// Counts a login.
    pub fn login(&self, outcome: LoginOutcome) {
        self.logins.get_or_create(&LoginLabel { outcome }).inc();
    }

    /// Makes the counters visible.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("registry_published", "values acknowledged by Kafka", &self.published),
            ("registry_publish_failures", "batches that Kafka did not take whole", &self.failures),
            ("registry_heartbeats", "signs of life put into the outbox", &self.heartbeats),
            ("registry_devices_started", "devices brought into service at a midnight", &self.started),
            ("registry_enrolled", "devices that joined", &self.enrolled),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("registry_logins", "logins by what came of them", self.logins.clone());
        registry.register("registry_requests", "requests by route and status", self.requests.clone());
        registry.register("registry_outbox_waiting", "values that wait in the outbox", self.waiting.clone());
    }
}
