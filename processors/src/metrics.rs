//! Metrics of the process; each part registers its own.

use prometheus_client::registry::Registry;

/// A registry with the service's prefix.
#[must_use]
pub fn registry() -> Registry {
    Registry::with_prefix("processors")
}
