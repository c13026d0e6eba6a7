//! The bench's own Kafka, by the stack's launcher.

use crate::launcher;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::process::Command;

/// A running Kafka; stopped and removed when dropped.
pub struct Kafka {
    port_base: u16,
    bootstrap: String,
}

impl Kafka {
    /// Starts it, with the topics made; it is not started again by itself when it dies.
    pub fn start(port_base: u16) -> anyhow::Result<Kafka> {
        let mut kafka = Kafka { port_base, bootstrap: String::new() };
        launcher::order(kafka.port_base, &["up", "--only", "kafka", "--no-restart", "--no-fleet", "--detach"])?;
        kafka.bootstrap = kafka.manifest()?["kafka"].as_str().context("no kafka in the manifest")?.to_owned();
        Ok(kafka)
    }

    /// `host:port`
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Kills the broker, without notice.
    pub fn kill(&self) -> anyhow::Result<()> {
        let manifest = self.manifest()?;
        let services = manifest["services"].as_array().context("no services in the manifest")?;
        let pid = services.iter().find(|service| service["name"] == "kafka").and_then(|kafka| kafka["pid"].as_i64());
        let pid = pid.context("kafka has no pid")?.to_string();
        ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill kafka");
        Ok(())
    }

    /// Starts the broker again.
    pub fn restart(&self) -> anyhow::Result<()> {
        launcher::order(self.port_base, &["start", "kafka"])
    }

    fn manifest(&self) -> anyhow::Result<Value> {
        let path = format!("var/{}/stack.json", self.port_base);
        let text = std::fs::read(&path).with_context(|| format!("read {path}"))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}
