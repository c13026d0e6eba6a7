//! The service as it answers while ClickHouse is away: nothing leaks, everything has a problem document.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use query_api::{app, config};
use runtime::shutdown::{Shutdown, Trigger};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

struct Service {
    address: SocketAddr,
    trigger: Trigger,
    running: JoinHandle<anyhow::Result<()>>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn problem(&self) -> (u16, String) {
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let document: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(document["status"], self.status);
        let id = document["request_id"].as_str().unwrap();
        assert!(self.head.contains(&format!("x-request-id: {id}")), "{}", self.head);
        (self.status, document["type"].as_str().unwrap().trim_start_matches("urn:classpulse:").to_owned())
    }
}

/// A service whose ClickHouse is a port on which nobody listens.
async fn service(settings: impl FnOnce(&mut config::Config)) -> Service {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut config = config::load(None).unwrap();
    config.clickhouse.url = format!("http://{closed}");
    config.keys.user_public = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/user.pub.pem"));
    settings(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, shutdown) = Shutdown::new();
    Service { address, trigger, running: tokio::spawn(app::serve(listener, config, shutdown)) }
}

impl Service {
    async fn ask(&self, request: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!("{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn problem(&self, request: &str, headers: &str) -> (u16, String) {
        self.ask(request, headers).await.problem()
    }
}

fn bearer() -> String {
    let claims = serde_json::json!({
        "iss": "classpulse", "aud": "api", "sub": "zhang", "name": "张", "exp": 9_999_999_999_i64,
        "grants": [{"role": "county_admin", "scope": "440106"}],
    });
    let key = EncodingKey::from_ed_pem(include_bytes!("keys/user.pem")).unwrap();
    format!("Authorization: Bearer {}\r\n", encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap())
}

fn refused(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
}

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let (service, bearer) = (service(|_| {}).await, bearer());
    let overview = "GET /v1/orgs/440106/overview";
    assert_eq!(service.problem(overview, "").await, refused(401, "no-token"));
    assert_eq!(service.problem(overview, "Authorization: Bearer x\r\n").await, refused(401, "bad-token"));
    assert_eq!(service.problem("GET /nothing", "").await, refused(404, "not-found"));
    assert_eq!(service.problem("POST /v1/search", "").await, refused(405, "method"));
    let html = format!("{bearer}Accept: text/html\r\n");
    assert_eq!(service.problem(overview, &html).await, refused(406, "not-acceptable"));
    let misspelt = service.ask(&format!("{overview}?figure=usage_rate"), &bearer).await;
    assert_eq!(misspelt.problem(), refused(400, "bad-parameter"));
    assert!(misspelt.body.contains("\"parameter\":\"figure\""), "{}", misspelt.body);
}

#[tokio::test]
async fn without_clickhouse_it_lives_but_is_not_ready() {
    let (service, bearer) = (service(|_| {}).await, bearer());
    let away = service.ask("GET /v1/orgs/440106/overview", &bearer).await;
    assert_eq!(away.problem(), refused(503, "not-ready"));
    assert!(away.head.contains("retry-after: 1"), "{}", away.head);
    assert_eq!(service.ask("GET /livez", "").await.status, 200);
    assert_eq!(service.ask("GET /readyz", "").await.status, 503);
    assert_eq!(service.ask("GET /v1/catalog", &bearer).await.status, 200, "the catalogue needs no table");
}

#[tokio::test]
async fn a_user_who_asks_too_much_is_told_when_to_come_again() {
    let limited = |config: &mut config::Config| {
        config.limits.requests_per_s = 1.try_into().unwrap();
        config.limits.burst = 2.try_into().unwrap();
    };
    let (service, bearer) = (service(limited).await, bearer());
    let first = service.ask("GET /v1/catalog", &bearer).await;
    assert!(
        first.head.contains("ratelimit-limit: 2") && first.head.contains("ratelimit-remaining: 1"),
        "{}",
        first.head
    );
    assert_eq!(service.ask("GET /v1/catalog", &bearer).await.status, 200);
    let third = service.ask("GET /v1/catalog", &bearer).await;
    assert_eq!(third.problem(), refused(429, "rate-user"));
    assert!(third.head.contains("retry-after: 1") && third.head.contains("ratelimit-remaining: 0"), "{}", third.head);
}

#[tokio::test]
async fn the_documents_name_every_route_and_need_nothing_from_elsewhere() {
    let service = service(|_| {}).await;
    let document: Value = serde_json::from_str(&service.ask("GET /openapi.json", "").await.body).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for route in
        ["orgs/{id}/overview", "orgs/{id}/children", "orgs/{id}/trend", "orgs/{id}/network", "orgs/{id}/ranking"]
    {
        assert!(paths.contains(&&format!("/v1/{route}")), "{route}");
    }
    for route in
        ["schools/{school_no}/devices", "devices/{device_no}/days", "devices/{device_no}/sessions", "search", "catalog"]
    {
        let operation = &document["paths"][format!("/v1/{route}")]["get"];
        for status in ["200", "400", "401", "403", "404", "406", "422", "429", "503", "504"] {
            assert!(operation["responses"].get(status).is_some(), "{route} {status}");
        }
        assert_eq!(operation["responses"]["200"]["content"].as_object().unwrap().len(), 5, "{route}: formats");
    }
    let parameters = document["paths"]["/v1/orgs/{id}/children"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<&str> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    assert_eq!(names, ["id", "from", "to", "figures", "order", "page_size", "cursor"]);
    let figures = parameters.iter().find(|parameter| parameter["name"] == "figures").unwrap();
    assert_eq!((&figures["style"], &figures["explode"]), (&"form".into(), &false.into()), "one comma-separated value");
    let page = service.ask("GET /", "").await.body;
    assert!(page.contains("/openapi.json") && !page.contains("src=") && !page.contains("https://"));
}

#[tokio::test]
async fn it_stops_when_it_is_asked_to() {
    let service = service(|_| {}).await;
    assert_eq!(service.ask("GET /livez", "").await.status, 200);
    service.trigger.fire();
    let stopped = tokio::time::timeout(Duration::from_secs(5), service.running).await;
    assert!(stopped.expect("in time").unwrap().is_ok());
}
