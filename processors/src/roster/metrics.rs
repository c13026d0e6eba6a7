//! What the roster counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counters of the roster; names get the process's prefix and `_total`.
#[derive(Clone, Debug, Default)]
pub(super) struct RosterMetrics {
    /// Values of the registry topics taken.
    pub(super) records: Counter,
    /// Values that could not be decoded or make no sense, left out.
    pub(super) skipped: Counter,
    /// Rows acknowledged.
    pub(super) rows: Counter,
    /// Reads and writes of ClickHouse that failed and were tried again.
    pub(super) failures: Counter,
}

impl RosterMetrics {
    pub(super) fn register(registry: &mut Registry) -> RosterMetrics {
        let metrics = RosterMetrics::default();
        let mut counter = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        counter("roster_records", "values of the registry topics taken", &metrics.records);
        counter("roster_skipped_records", "values left out", &metrics.skipped);
        counter("roster_rows", "rows acknowledged", &metrics.rows);
        counter("roster_failures", "reads and writes of ClickHouse tried again", &metrics.failures);
        metrics
    }
}
