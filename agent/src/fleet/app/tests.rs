#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::fleet::config::{DEFAULTS, RawConfig};
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;

/// Every event that was taken, by token, boot, type and number.
type Taken = BTreeMap<(String, String, String, u64), String>;

/// An edge that keeps every event, and misbehaves on every `fault`-th post.
#[derive(Clone)]
struct Double {
    taken: Arc<Mutex<Taken>>,
    posts: Arc<AtomicU64>,
    fault: u64,
}

async fn take(Shared(double): Shared<Double>, headers: HeaderMap, body: Bytes) -> Response {
    let n = double.posts.fetch_add(1, Ordering::Relaxed);
    if double.fault > 0 && n % double.fault == 0 {
        return (StatusCode::SERVICE_UNAVAILABLE, "{\"type\":\"urn:classpulse:overloaded\"}").into_response();
    }
    let token = headers["authorization"].to_str().unwrap().to_owned();
    let post: Value = serde_json::from_slice(&body).unwrap();
    let events = post["events"].as_array().unwrap();
    for event in events {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let boot = post["boot_id"].as_str().unwrap().to_owned();
        let key = (token.clone(), boot, text("type"), event["seq"].as_u64().unwrap());
        let first = double.taken.lock().unwrap().entry(key).or_insert_with(|| event.to_string()).clone();
        assert_eq!(first, event.to_string(), "copies are identical");
    }
    // Taken, but the answer is lost: the agent has to send it again.
    if double.fault > 0 && n % double.fault == 1 {
        return (StatusCode::BAD_GATEWAY, "").into_response();
    }
    Json(json!({"accepted": events.len(), "results": []})).into_response()
}

async fn double(fault: u64) -> (SocketAddr, Double) {
    let double = Double { taken: Arc::default(), posts: Arc::default(), fault };
    let router = Router::new().route("/v1/events", post(take)).with_state(double.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, double)
}

/// Twelve devices, two days of history and two hours of a morning that pass in a second and a half.
fn config(directory: &Path, edge: SocketAddr, seed: u64) -> (Config, Clock) {
    let device =
        |no: u32| format!("{{\"device_no\":{no},\"token\":\"t{no}\",\"school_no\":{no},\"division\":440103}}\n");
    std::fs::write(directory.join("devices.ndjson"), (1..=12).map(device).collect::<String>()).unwrap();
    let raw: RawConfig = runtime::config::load("fleet-test-app", DEFAULTS, None).unwrap();
    let mut config = Config::try_from(raw).unwrap();
    config.edge.url = format!("http://{edge}");
    config.devices_file = directory.join("devices.ndjson");
    config.state_dir = directory.join("state");
    config.journal = Some(directory.join("journal.ndjson"));
    config.backoff = crate::logic::backoff::Policy { first_ms: 4, cap_ms: 20 };
    (config.seed, config.scenario, config.history_days, config.exit_when_done) = (seed, Scenario::Steady, 2, true);
    config.until_ms = schemas::time::parse_rfc3339_ms("2026-11-20T12:00:00+08:00");
    let now_ms = Clock::wall().now_ms();
    config.clock.r#virtual = Some("2026-11-20T10:00:00+08:00".into());
    config.clock.real = Some(schemas::time::format_rfc3339_ms(now_ms));
    config.clock.speed = Some(5_000.0);
    let clock = Clock::from_config(&config.clock).unwrap();
    (config, clock)
}

async fn undisturbed(seed: u64) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let (edge, double) = double(0).await;
    let (config, clock) = config(directory.path(), edge, seed);
    let (_trigger, shutdown) = Shutdown::new();
    run(config, clock, shutdown).await.unwrap();
    let taken = double.taken.lock().unwrap().clone();
    let journal = std::fs::read_to_string(directory.path().join("journal.ndjson")).unwrap();
    let outcomes = journal.lines().filter(|line| line.contains("\"outcome\":")).count();
    assert_eq!(outcomes, taken.len(), "one outcome per event");
    taken
}

/// The edge refuses and forgets to answer, the fleet is cut off in the middle of whatever it does, again and again.
async fn disturbed(seed: u64) -> Taken {
    let directory = tempfile::tempdir().unwrap();
    let (edge, double) = double(5).await;
    let (_, clock) = config(directory.path(), edge, seed);
    for cut_ms in [60, 120, 250, 400, 0] {
        let (_trigger, shutdown) = Shutdown::new();
        let (config, _) = config(directory.path(), edge, seed);
        let run = tokio::spawn(run(config, clock.clone(), shutdown));
        if cut_ms > 0 {
            tokio::time::sleep(Duration::from_millis(cut_ms)).await;
            run.abort();
            drop(run.await);
        } else {
            run.await.unwrap().unwrap();
        }
    }
    double.taken.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_and_resumed_run_sends_what_an_undisturbed_one_sends() {
    let expected = undisturbed(5).await;
    assert!(expected.len() > 500, "too little was played: {}", expected.len());
    let got = disturbed(5).await;
    assert_eq!(expected.len(), got.len());
    assert!(expected == got, "the same number of events, but not the same events");
}

/// Negative control: the comparison sees another seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_seed_sends_other_events() {
    assert_ne!(undisturbed(5).await, undisturbed(6).await);
}
