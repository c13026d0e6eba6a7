//! `events_raw`: every distinct accepted event.

use crate::config::Config;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::sync::Arc;

/// Runs until the shutdown signal. Metrics are registered before the first await.
///
/// # Errors
/// What it cannot recover from by itself.
pub fn run(
    _config: Arc<Config>,
    _clock: Clock,
    _registry: &mut Registry,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    async move {
        shutdown.fired().await;
        Ok(())
    }
}
