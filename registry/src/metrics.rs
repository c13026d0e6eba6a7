//! What the registry counts.

use prometheus_client::metrics::counter::Counter;
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
}

impl Metrics {
    /// Makes the counters visible.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("registry_published", "values acknowledged by Kafka", &self.published),
            ("registry_publish_failures", "batches that Kafka did not take whole", &self.failures),
            ("registry_heartbeats", "signs of life put into the outbox", &self.heartbeats),
            ("registry_devices_started", "devices brought into service at a midnight", &self.started),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register("registry_outbox_waiting", "values that wait in the outbox", self.waiting.clone());
    }
}
