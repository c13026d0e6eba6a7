//! Puts the parts together and runs them.

use crate::config::Config;
use crate::edge::Edge;
use crate::http::{router, server};
use crate::logic::view::View;
use crate::metrics::Metrics;
use crate::sink::kafka::KafkaSink;
use crate::source::registry::{Freshness, Reader};
use anyhow::Context;
use runtime::shutdown::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::{Builder, Runtime};

/// Serves until the process is asked to stop; returns when everything under way has been answered.
///
/// # Errors
/// A thread, a socket or a signal handler cannot be had.
pub fn run(config: Config) -> anyhow::Result<()> {
    let (metrics, registry) = Metrics::new();
    let view = Arc::new(View::default());
    let freshness = Arc::new(Freshness::new(config.raw.view.max_age));
    let sink = KafkaSink::start(&config.raw.kafka, &metrics).context("start the Kafka client")?;
    let reader = Reader::start(&config.raw.kafka, &view, &freshness, &metrics).context("start reading the registry")?;
    let server = config.raw.server.clone();
    let ages = Arc::clone(sink.ages());
    let edge = Arc::new(Edge::new(config, view, freshness, sink.clone(), ages, metrics));
    let router = router::router(&edge, registry);

    let main = worker()?;
    let shutdown = main.block_on(async { Shutdown::on_signals() }).context("install signal handlers")?;
    let others = (1..server.workers)
        .map(|_| {
            let (edge, router, config, shutdown) = (edge.clone(), router.clone(), server.clone(), shutdown.clone());
            let runtime = worker()?;
            let listener = runtime.block_on(async { server::listen(config.listen) }).context("listen")?;
            Ok(std::thread::Builder::new()
                .name("edge-worker".into())
                .spawn(move || runtime.block_on(server::serve(listener, edge, router, config, shutdown)))?)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    main.block_on(first(&edge, &sink, router, server.clone(), shutdown))?;
    for thread in others {
        drop(thread.join());
    }
    reader.store(true, Ordering::Relaxed);
    sink.finish(server.drain / 3);
    tracing::info!("stopped");
    Ok(())
}

/// The first worker, which also looks after the sink.
async fn first(
    edge: &Arc<Edge>,
    sink: &Arc<KafkaSink>,
    router: axum::Router,
    config: crate::config::Server,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let listener = server::listen(config.listen).with_context(|| format!("listen on {}", config.listen))?;
    tracing::info!(listen = %config.listen, "serving");
    let (watched, lingering, draining) = (sink.clone(), sink.clone(), edge.clone());
    let (watch_end, drain_begin) = (shutdown.clone(), shutdown.clone());
    let watch = tokio::spawn(async move { watched.run_watch(&watch_end).await });
    tokio::spawn(async move { lingering.run_linger().await });
    tokio::spawn(async move {
        drain_begin.fired().await;
        draining.drain();
    });
    server::serve(listener, edge.clone(), router, config, shutdown).await;
    watch.await.context("watch the sink")
}

fn worker() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("start a worker")
}
