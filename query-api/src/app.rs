//! Puts the parts together and serves until the process is asked to stop.

use crate::config::Config;
use crate::http::limits::Limits;
use crate::http::{Api, router};
use crate::logic::cursor::Signer;
use crate::logic::token::Verifier;
use crate::metrics::Metrics;
use crate::source::client::Store;
use crate::source::facts::Sources;
use crate::source::memory::Memory;
use crate::source::readers::Readers;
use crate::source::refresh::Book;
use anyhow::Context;
use axum::Router;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long answers in the making may take after the signal to stop.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until `shutdown`.
///
/// # Errors
/// The key cannot be read, or the address cannot be listened on.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.server.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", config.server.listen))?;
    serve(listener, config, shutdown).await
}

/// Serves on a listener until `shutdown`.
///
/// # Errors
/// The key cannot be read, or serving fails.
pub async fn serve(listener: TcpListener, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let api = Arc::new(build(&config, metrics)?);
    let every = config.refresh.every;
    let (book, clock) = (api.book.clone(), api.clock.clone());
    tokio::spawn(book.keep_fresh(clock, every, shutdown.clone()));
    let app = router(api.clone(), admin(registry, &api));
    tracing::info!(address = %listener.local_addr()?, clickhouse = config.clickhouse.url, "query-api serves");
    let stop = shutdown.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stop.fired().await });
    let late = async {
        shutdown.fired().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = server.into_future() => served.context("serve"),
        () = late => Ok(()),
    }
}

fn build(config: &Config, metrics: Metrics) -> anyhow::Result<Api> {
    let path = config.keys.user_public.as_ref().context("keys.user_public is not set")?;
    let pem = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let store = Store::new(&config.clickhouse, &config.limits, metrics.clone());
    Ok(Api {
        verifier: Verifier::new(&pem).with_context(|| format!("read a public key from {}", path.display()))?,
        clock: Clock::from_config(&config.clock)?,
        signer: Signer::new(&secret(config, &pem)),
        limits: Limits::new(&config.limits),
        book: Book::new(Readers::live(Sources::new(store, Memory::new(&config.memory), metrics.clone()))?),
        metrics,
    })
}

/// What cursors are signed with: the configured secret, else the key file's bytes, which outlive a restart as well.
fn secret(config: &Config, pem: &[u8]) -> Vec<u8> {
    let secret = config.cursor.secret.as_bytes();
    if secret.is_empty() { pem.to_vec() } else { secret.to_vec() }
}

fn admin(registry: Registry, api: &Arc<Api>) -> Router {
    let book = api.book.clone();
    let readiness = move || {
        let empty = book.known().tree.is_empty();
        if empty { vec!["no organisations have been read from ClickHouse".to_owned()] } else { Vec::new() }
    };
    runtime::admin::router(Arc::new(registry), Arc::new(readiness))
}
