//! `serve`: brings devices into service at midnight.

use crate::config::Config;
use crate::store::Store;
use anyhow::Context;
use runtime::shutdown::Shutdown;
use schemas::time::Day;

/// Runs until the shutdown fires.
///
/// # Errors
/// The store fails.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let store = Store::open(&config.store.path, config.accept_days).await.context("open the store")?;
    loop {
        let now_ms = config.clock.now_ms();
        store.start_service(Day::of_ms(now_ms), now_ms).await.context("start service")?;
        tokio::select! {
            () = shutdown.fired() => return Ok(()),
            () = tokio::time::sleep(config.publisher.poll) => {}
        }
    }
}
