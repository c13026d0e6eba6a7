//! A plain Rust edge to compare with: axum, serde_json with derived structs, ranges checked, FutureProducer, a record
//! per event. No token check, no limits.

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use clap::Parser;
use futures::future::try_join_all;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    kafka: String,
    #[arg(long)]
    port: u16,
    #[arg(long, default_value_t = 5)]
    linger_ms: u32,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "read to be checked by serde, as a service would")]
struct Post {
    boot_id: String,
    sent_at: String,
    #[serde(default)]
    clock_offset_ms: i64,
    agent: String,
    events: Vec<Event>,
}

type Span = (u32, u32);

#[derive(Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    Heartbeat {
        seq: u32,
        at: String,
        on: Vec<Span>,
        active: Vec<Span>,
        apps: Vec<App>,
    },
    Burst {
        seq: u32,
        at: String,
        anchor: String,
        method: String,
        link: String,
        busy: bool,
        interval_ms: u32,
        rtt_us: Vec<Option<i32>>,
    },
}

#[derive(Deserialize, Serialize)]
struct App {
    app: String,
    spans: Vec<Span>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &args.kafka)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", args.linger_ms.to_string())
        .set("compression.codec", "lz4")
        .create()?;
    let router =
        Router::new().route("/livez", get(|| async { "ok" })).route("/v1/events", post(take)).with_state(producer);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port)).await.context("listen")?;
    Ok(axum::serve(listener, router).await?)
}

async fn take(State(producer): State<FutureProducer>, body: Bytes) -> Result<String, (StatusCode, String)> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let post: Post = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    if !post.events.iter().all(is_valid) {
        return Err(bad("out of range".into()));
    }
    let sent = post.events.iter().map(|event| send(&producer, &post.boot_id, event));
    let away = |_| (StatusCode::SERVICE_UNAVAILABLE, "kafka".to_owned());
    try_join_all(sent).await.map_err(away)?;
    Ok(format!(r#"{{"accepted":{}}}"#, post.events.len()))
}

async fn send(producer: &FutureProducer, key: &str, event: &Event) -> anyhow::Result<()> {
    let value = serde_json::to_vec(event)?;
    let record = FutureRecord::to("telemetry.events.v1").key(key).payload(&value);
    producer.send(record, Duration::from_secs(10)).await.map_err(|(error, _)| error)?;
    Ok(())
}

fn is_valid(event: &Event) -> bool {
    let span = |span: &Span| span.0 <= 86_400_000 && span.0 > span.1;
    match event {
        Event::Heartbeat { at, on, active, apps, .. } => {
            let apps_fit = apps.len() <= 32 && apps.iter().all(|app| app.spans.iter().all(span));
            is_instant(at) && on.len() <= 8 && active.len() <= 200 && on.iter().chain(active).all(span) && apps_fit
        }
        Event::Burst { at, interval_ms, rtt_us, .. } => {
            is_instant(at) && (10..=5000).contains(interval_ms) && (1..=64).contains(&rtt_us.len())
        }
    }
}

fn is_instant(text: &str) -> bool {
    schemas::time::parse_rfc3339_ms(text).is_some()
}
