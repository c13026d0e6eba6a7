//! Enrolments at once, as after a rollout: every machine new, every code used once.

use super::client::Client;
use super::serve::Registry;
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Devices that join.
const DEVICES: usize = 8_000;
/// Connections that they come through, and schools that they join.
const CONNECTIONS: usize = 64;
const SCHOOLS: usize = 400;

/// What it took.
pub struct Enrolled {
    /// Each, asked to answered.
    pub times: Vec<Duration>,
    took: Duration,
}

impl Enrolled {
    /// For the report.
    pub fn describe(&self) -> String {
        format!("{} devices of {SCHOOLS} schools join through {CONNECTIONS} connections", self.times.len())
    }

    /// Enrolments a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

/// Issues the codes first, then redeems them all.
pub async fn measure(registry: &Registry) -> anyhow::Result<Enrolled> {
    let (address, token) = (registry.address(), registry.token()?);
    let codes = issue(address, &token).await?;
    let shares = codes.chunks(DEVICES.div_ceil(CONNECTIONS)).map(<[String]>::to_vec);
    let begun = Instant::now();
    let joining = shares.enumerate().map(|(share, codes)| redeem(address, share, codes));
    let times = joining.collect::<JoinSet<_>>().join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Enrolled { times: times.concat(), took: begun.elapsed() })
}

async fn issue(address: SocketAddr, token: &str) -> anyhow::Result<Vec<String>> {
    let mut client = Client::open(address, token).await?;
    let mut codes = Vec::with_capacity(DEVICES);
    for number in 0..DEVICES {
        let path = format!("/v1/admin/schools/{}/enrol-codes", number % SCHOOLS + 1);
        let answer = client.post(&path, &Value::Null).await?;
        ensure!(answer.status == 201, "{path} gave {} {}", answer.status, answer.body);
        codes.push(answer.body["code"].as_str().context("no code")?.to_owned());
    }
    Ok(codes)
}

async fn redeem(address: SocketAddr, share: usize, codes: Vec<String>) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::open(address, "").await?;
    let mut times = Vec::with_capacity(codes.len());
    for (number, code) in codes.iter().enumerate() {
        let machine = share * DEVICES + number;
        let form = json!({"code": code, "mac": format!("{machine:012x}"), "hardware_id": format!("{machine:032x}"),
            "kind": "all_in_one", "class_no": 0});
        let asked = Instant::now();
        let answer = client.post("/v1/agent/enrol", &form).await?;
        ensure!(answer.status == 201, "enrolment gave {} {}", answer.status, answer.body);
        times.push(asked.elapsed());
    }
    Ok(times)
}
