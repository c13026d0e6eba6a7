//! `serve`: the publisher, and the admin API beside it.

use crate::config::Config;
use crate::http::limits::Limits;
use crate::http::{self, Api};
use crate::keys::Keys;
use crate::logic::principal::Verifier;
use crate::metrics::Metrics;
use crate::oidc::Provider;
use crate::passwords::Passwords;
use crate::publisher::Publisher;
use crate::sealed::Sealer;
use crate::sink::KafkaSink;
use crate::store::Store;
use crate::tokens::Signer;
use anyhow::Context;
use axum::Router;
use prometheus_client::registry::Registry;
use runtime::admin::{self, Readiness};
use runtime::shutdown::Shutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

/// Runs until the shutdown fires.
///
/// # Errors
/// It cannot start: store, keys, address.
pub async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let store = config.store.open(config.accept_days).await.context("open the store")?;
    let metrics = Metrics::default();
    // Other services wait for the public keys, which this makes.
    let api = api(&config, store.clone(), metrics.clone())?;
    let sink = KafkaSink::new(&config.kafka.bootstrap).context("set up the producer")?;
    let mut publisher = Publisher::new(store.clone(), sink, config.clock, config.publisher, metrics.clone());
    let router = http::router(api, admin_router(&metrics, publisher.caught_up()));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind(config.server.listen).await.context("listen")?;
    tracing::info!(listen = %config.server.listen, kafka = config.kafka.bootstrap, "serving");
    let stopped = shutdown.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move { stopped.fired().await });
    let (served, ()) = tokio::join!(async { server.await }, publisher.run(&shutdown));
    store.close().await;
    served.context("serve the admin endpoints")
}

/// What the routes work with. Makes keys where there are none.
///
/// # Errors
/// Keys that cannot be read or made, or a provider that cannot be set up.
pub fn api(config: &Config, store: Store, metrics: Metrics) -> anyhow::Result<Arc<Api>> {
    let keys = Keys::open(&config.keys.dir)?;
    Ok(Arc::new(Api {
        store,
        verifier: Verifier::new(&keys.user_public_pem, &keys.device_public_pem).context("read the public keys")?,
        signer: Signer::new(&keys, config.tokens).context("read the private keys")?,
        clock: config.clock.clone(),
        limits: Limits::new(config.enrolment.per_minute, config.enrolment.burst),
        logins: Limits::new(config.login.per_minute, config.login.burst),
        login: config.login,
        oidc: config.oidc.clone().map(Provider::new).transpose()?,
        sealer: Sealer::new(&keys.user_pem)?,
        passwords: Passwords::new().context("prepare the hashing of passwords")?,
        metrics,
    }))
}

/// Ready once everything that waited at the start is published.
fn admin_router(metrics: &Metrics, caught_up: Arc<AtomicBool>) -> Router {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let readiness: Readiness = Arc::new(move || match caught_up.load(Ordering::Relaxed) {
        true => Vec::new(),
        false => vec!["the outbox is not published yet".to_owned()],
    });
    admin::router(Arc::new(registry), readiness)
}
