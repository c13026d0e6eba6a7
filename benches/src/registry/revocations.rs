//! From the answer to a revocation to the edge's first refusal of the device.

use super::client::Client;
use crate::freshness::stack::{Device, Stack};
use anyhow::ensure;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Schools of the stack, and devices that are revoked.
const SCHOOLS: u32 = 60;
const DEVICES: usize = 200;
/// Between two looks whether the edge knows.
const LOOK: Duration = Duration::from_millis(2);
/// After this the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// One delay for each device.
pub async fn measure(port_base: u16) -> anyhow::Result<Vec<Duration>> {
    let stack = Stack::start(port_base, SCHOOLS)?;
    let (edge, admin) = (stack.edge()?, stack.admin()?);
    let mut console = Client::open(admin, &stack.user_token("province_admin", "440000")?).await?;
    let mut delays = Vec::with_capacity(DEVICES);
    for device in stack.devices()?.iter().take(DEVICES) {
        delays.push(revoke(&mut console, edge, device).await?);
    }
    Ok(delays)
}

async fn revoke(console: &mut Client, edge: SocketAddr, device: &Device) -> anyhow::Result<Duration> {
    let mut posting = Client::open(edge, &device.token).await?;
    // Whoever the edge takes for a good device is told what is wrong with an empty body.
    let before = posting.post("/v1/events", &json!({})).await?;
    ensure!(before.status == 400, "device {} was refused before: {}", device.device_no, before.body);
    let path = format!("/v1/admin/devices/{}/revoke", device.device_no);
    let answer = console.post(&path, &Value::Null).await?;
    ensure!(answer.status == 200, "{path} gave {} {}", answer.status, answer.body);
    let answered = Instant::now();
    while posting.post("/v1/events", &json!({})).await?.status != 403 {
        ensure!(answered.elapsed() < PATIENCE, "device {} is still taken", device.device_no);
        tokio::time::sleep(LOOK).await;
    }
    Ok(answered.elapsed())
}
