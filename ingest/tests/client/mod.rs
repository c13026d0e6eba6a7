//! An edge on a free port, and a client that keeps to the letter of HTTP.

use ingest::config::{Config, Limits, RawConfig};
use ingest::edge::Edge;
use ingest::http::{router, server};
use ingest::logic::view::View;
use ingest::metrics::Metrics;
use ingest::sink::Sink;
use ingest::sink::memory::MemorySink;
use ingest::source::registry::Freshness;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use runtime::clock::Clock;
use runtime::shutdown::{Shutdown, Trigger};
use schemas::registry::{BelongingFrom, DeviceKind, DeviceRecord, DeviceState};
use schemas::time::{Day, parse_rfc3339_ms};
use schemas::token::DeviceClaims;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The edge's time.
pub const NOW: &str = "2026-11-20T09:15:04.120+08:00";
const ID: Uuid = Uuid::from_u128(42);

/// A heartbeat.
pub fn event() -> Value {
    json!({"type": "heartbeat", "seq": 0, "at": NOW, "on": [[1000, 0]], "active": [], "apps": []})
}

/// A post of these events.
pub fn post(events: &[Value]) -> String {
    let boot_id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    json!({"boot_id": boot_id, "sent_at": NOW, "agent": "1.0.3", "events": events}).to_string()
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
    headers: HashMap<String, String>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn slug(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
}

/// A running edge; stops when dropped.
pub struct TestEdge<S = MemorySink> {
    pub sink: Arc<S>,
    /// What it has heard of the registry.
    pub view: Arc<View>,
    /// Authorization of a device that is not in the view.
    pub stranger: String,
    address: SocketAddr,
    authorization: String,
    stop: Trigger,
}

impl TestEdge {
    /// An edge that knows device 7 of school 3.
    pub fn start(limits: impl FnOnce(&mut Limits)) -> TestEdge {
        TestEdge::with(limits, true)
    }

    /// An edge that has not heard of the registry.
    pub fn unready() -> TestEdge {
        TestEdge::with(|_| {}, false)
    }

    fn with(limits: impl FnOnce(&mut Limits), ready: bool) -> TestEdge {
        TestEdge::on(MemorySink::default(), limits, ready)
    }
}

impl<S: Sink + 'static> TestEdge<S> {
    /// An edge on a sink.
    pub fn on(sink: S, limits: impl FnOnce(&mut Limits), ready: bool) -> TestEdge<S> {
        let mut raw = RawConfig::load(None).unwrap();
        raw.keys.device_public = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/device.pub.pem"));
        limits(&mut raw.limits);
        let config = Config { clock: Clock::manual(parse_rfc3339_ms(NOW).unwrap()), ..Config::try_from(raw).unwrap() };
        let server = config.raw.server.clone();
        let view = Arc::new(View::default());
        view.apply(&device()).unwrap();
        let freshness = Arc::new(Freshness::new(config.raw.view.max_age));
        if ready {
            freshness.force();
        }
        let sink = Arc::new(sink);
        let (metrics, registry) = Metrics::new();
        let edge = Arc::new(Edge::new(config, view.clone(), freshness, sink.clone(), Arc::default(), metrics));
        let (stop, shutdown) = Shutdown::new();
        let (sender, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = server::listen(([127, 0, 0, 1], 0).into()).unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let router = router::router(&edge, registry);
                server::serve(listener, edge, router, server, shutdown).await;
            });
        });
        let (authorization, stranger) = (authorization(7), authorization(8));
        TestEdge { sink, view, stranger, address: address.recv().unwrap(), authorization, stop }
    }

    /// A post; headers given replace the usual ones, empty ones remove them.
    pub fn send(&self, body: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("POST", "/v1/events", body, headers)
    }

    pub fn request(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all: HashMap<&str, String> = HashMap::from([
            ("Host", "edge".to_owned()),
            ("Connection", "close".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("Authorization", self.authorization.clone()),
            ("Content-Length", body.len().to_string()),
        ]);
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        read(&mut stream)
    }

    /// The beginning of a post of so many bytes, which does not come to its end.
    pub fn begin(&self, length: usize) -> TcpStream {
        let mut stream = self.connect();
        let authorization = &self.authorization;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n\
             Authorization: {authorization}\r\nContent-Length: {length}\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // It is held from when the edge has read its head.
        let begun = Instant::now();
        while self.metric("edge_in_flight_bytes") < length.max(4096) as u64 && begun.elapsed() < Duration::from_secs(5)
        {
            std::thread::yield_now();
        }
        stream
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The counters of the contract are exactly these.
    #[track_caller]
    pub fn check_counts(&self, posts: &[(&str, u64)], accepted: u64, invalid: u64, retry: u64) {
        for outcome in ["ok", "bad_request", "unauthorized", "forbidden", "too_large", "limited", "unavailable"] {
            let expected = posts.iter().find(|(name, _)| *name == outcome).map_or(0, |(_, count)| *count);
            let name = format!("edge_posts_total{{outcome=\"{outcome}\"}}");
            assert_eq!(self.metric(&name), expected, "{name}");
        }
        let events = |outcome| self.metric(&format!("edge_events_total{{outcome=\"{outcome}\"}}"));
        assert_eq!((events("accepted"), events("invalid"), events("retry")), (accepted, invalid, retry));
        assert_eq!(self.metric("edge_events_received_total"), accepted + invalid + retry);
        assert_eq!(self.metric("edge_in_flight_bytes"), 0);
    }

    /// A post that has no outcome yet is counted nowhere.
    pub fn check_counts_under_way(&self) {
        assert_eq!(self.metric("edge_events_received_total"), 0);
        assert_eq!(self.metric("edge_posts_total{outcome=\"ok\"}"), 0);
        assert!(self.metric("edge_in_flight_bytes") > 0);
    }

    /// Waits until posts have been counted so.
    pub fn wait_for_counts(&self, posts: &[(&str, u64)]) {
        let reached = || {
            posts.iter().all(|(name, count)| self.metric(&format!("edge_posts_total{{outcome=\"{name}\"}}")) == *count)
        };
        let begun = Instant::now();
        while !reached() {
            assert!(begun.elapsed() < Duration::from_secs(10), "never counted: {posts:?}");
            std::thread::yield_now();
        }
    }

    fn metric(&self, name: &str) -> u64 {
        let mut stream = self.connect();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }
}

impl<S> Drop for TestEdge<S> {
    fn drop(&mut self) {
        self.stop.fire();
    }
}

fn read(stream: &mut TcpStream) -> Answer {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    Answer { status, headers: lines.filter_map(header).collect(), body: serde_json::from_str(body).unwrap_or_default() }
}

/// Device 7 as a new edge knows it.
pub fn device() -> DeviceRecord {
    let from_day = Day::FIRST;
    DeviceRecord {
        device_no: 7,
        device_id: ID,
        kind: DeviceKind::AllInOne,
        state: DeviceState::InService,
        token_gen: 1,
        revoked: false,
        enrolled_at_ms: 0,
        belongings: vec![BelongingFrom { from_day, school_no: 3, class_no: 1, division: 440_106, in_service: true }],
        rev: 1,
        updated_at_ms: 0,
    }
}

fn authorization(dno: u32) -> String {
    let key = EncodingKey::from_ed_pem(include_bytes!("../../testdata/device.pem")).unwrap();
    let (iss, aud) = ("classpulse".to_owned(), "edge".to_owned());
    let claims = DeviceClaims { iss, aud, sub: ID, dno, iat: 0, exp: 2_000_000_000, generation: 1 };
    format!("Bearer {}", jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap())
}
