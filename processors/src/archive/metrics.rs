//! What the archive counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counters of the archive; names get the process's prefix and `_total`.
#[derive(Clone, Debug, Default)]
pub(super) struct ArchiveMetrics {
    /// Records taken into a batch.
    pub(super) archived: Counter,
    /// Records left out because they could not be decoded.
    pub(super) skipped: Counter,
    /// Rows acknowledged, repetitions included.
    pub(super) rows: Counter,
    /// Inserts that failed and were tried again.
    pub(super) write_failures: Counter,
}

impl ArchiveMetrics {
    pub(super) fn register(registry: &mut Registry) -> ArchiveMetrics {
        let metrics = ArchiveMetrics::default();
        let mut counter = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        counter("archive_records", "records taken into a batch", &metrics.archived);
        counter("archive_skipped_records", "records that could not be decoded, left out", &metrics.skipped);
        counter("archive_rows", "rows acknowledged, repetitions included", &metrics.rows);
        counter("archive_write_failures", "inserts that failed and were tried again", &metrics.write_failures);
        metrics
    }
}
