//! The bench's own Kafka, by the stack's launcher.

use crate::launcher::{self, Manifest};
use anyhow::ensure;
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
        kafka.bootstrap = Manifest::read(kafka.port_base)?.text("kafka")?;
        Ok(kafka)
    }

    /// `host:port`
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Kills the broker, without notice.
    pub fn kill(&self) -> anyhow::Result<()> {
        let pid = Manifest::read(self.port_base)?.pid("kafka")?.to_string();
        ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill kafka");
        Ok(())
    }

    /// Starts the broker again.
    pub fn restart(&self) -> anyhow::Result<()> {
        launcher::order(self.port_base, &["start", "kafka"])
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}
