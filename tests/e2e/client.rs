//! A plain HTTP client of the edge, the API and ClickHouse.

use crate::stack::Stack;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub struct Client {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    edge: String,
    api: String,
    clickhouse: String,
    token: String,
}

impl Client {
    pub fn new(stack: &Stack) -> Client {
        Client {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            http: reqwest::Client::new(),
            edge: stack.address("edge").to_owned(),
            api: stack.address("api").to_owned(),
            clickhouse: stack.address("clickhouse_http").to_owned(),
            token: stack.user_token("province_admin", "440000"),
        }
    }

    /// Posts events of one boot; every one of them must be accepted.
    pub fn post(&self, device_token: &str, boot_id: &str, sent_at: &str, events: &[Value]) {
        let body = json!({ "boot_id": boot_id, "sent_at": sent_at, "agent": "e2e", "events": events });
        let request = self.http.post(format!("{}/v1/events", self.edge)).bearer_auth(device_token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let (status, answer) = self.send(request);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["accepted"], events.len(), "{answer}");
    }

    /// `GET` of the API as the province's administrator.
    pub fn get(&self, path: &str) -> Value {
        let (status, answer) = self.get_as(&self.token, path);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// `GET` of the API with a token: status and body.
    pub fn get_as(&self, token: &str, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}{path}", self.api)).bearer_auth(token))
    }

    /// One number from ClickHouse.
    pub fn number(&self, sql: &str) -> u64 {
        let request = self.http.post(format!("{}/?database=classpulse", self.clickhouse)).body(sql.to_owned());
        let (status, answer) = self.send(request);
        assert_eq!(status, 200, "{sql}: {answer}");
        answer.as_u64().or_else(|| answer.as_str().and_then(|text| text.trim().parse().ok())).unwrap_or_default()
    }

    /// Waits until a count in ClickHouse reaches what it must.
    pub fn wait_for(&self, sql: &str, wanted: u64) {
        let begun = Instant::now();
        while self.number(sql) != wanted {
            assert!(begun.elapsed() < Duration::from_secs(30), "{sql} stays at {}, not {wanted}", self.number(sql));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
        })
    }
}
