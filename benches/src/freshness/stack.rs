//! A whole stack of the bench's own.

use crate::launcher::{self, Manifest};
use crate::log::Log;
use anyhow::Context;
use serde::Deserialize;
use std::net::SocketAddr;

/// A device of the stack's registry.
#[derive(Clone, Debug, Deserialize)]
pub struct Device {
    /// Number.
    pub device_no: u32,
    /// Bearer token.
    pub token: String,
    /// School.
    pub school_no: u32,
    /// Area that manages the school directly.
    pub division: u32,
    state: String,
}

/// A running stack; stopped and removed when dropped.
pub struct Stack {
    port_base: u16,
}

impl Stack {
    /// Starts it, without a fleet, on real time.
    pub fn start(port_base: u16, schools: u32) -> anyhow::Result<Stack> {
        let stack = Stack { port_base };
        launcher::order(stack.port_base, &["up", "--no-fleet", "--detach", "--schools", &schools.to_string()])?;
        Ok(stack)
    }

    /// Its event log.
    pub fn log(&self) -> anyhow::Result<Log> {
        self.text("kafka").map(Log)
    }

    /// The edge.
    pub fn edge(&self) -> anyhow::Result<SocketAddr> {
        self.address("edge")
    }

    /// The registry's admin API.
    pub fn admin(&self) -> anyhow::Result<SocketAddr> {
        self.address("admin")
    }

    /// A user's token.
    pub fn user_token(&self, role: &str, scope: &str) -> anyhow::Result<String> {
        launcher::answer(self.port_base, &["token", "user", "--role", role, "--scope", scope])
    }

    /// ClickHouse's HTTP interface.
    pub fn clickhouse(&self) -> anyhow::Result<SocketAddr> {
        self.address("clickhouse_http")
    }

    /// The devices that may post.
    pub fn devices(&self) -> anyhow::Result<Vec<Device>> {
        let path = launcher::directory(self.port_base).join("fleet/devices.ndjson");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let devices = text.lines().map(serde_json::from_str::<Device>);
        let devices: Vec<Device> = devices.collect::<Result<_, _>>().context("read the devices")?;
        Ok(devices.into_iter().filter(|device| !matches!(device.state.as_str(), "suspended" | "retired")).collect())
    }

    fn address(&self, name: &str) -> anyhow::Result<SocketAddr> {
        Ok(self.text(name)?.trim_start_matches("http://").parse()?)
    }

    fn text(&self, name: &str) -> anyhow::Result<String> {
        Manifest::read(self.port_base)?.text(name)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}
