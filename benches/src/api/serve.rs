//! A ClickHouse and an API of the bench's own.

use super::fill::World;
use super::people::People;
use crate::edge::process::Service;
use crate::launcher::{self, Manifest};
use crate::process::cpu_of;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// ClickHouse, started by the launcher; stopped and removed when dropped.
pub struct Stack {
    port_base: u16,
    clickhouse: String,
    pid: u32,
}

impl Stack {
    /// Starts it, with empty tables.
    pub fn start(port_base: u16) -> anyhow::Result<Stack> {
        let mut stack = Stack { port_base, clickhouse: String::new(), pid: 0 };
        launcher::order(stack.port_base, &["up", "--only", "clickhouse", "--detach"])?;
        let manifest = Manifest::read(port_base)?;
        stack.clickhouse = manifest.text("clickhouse_http")?;
        stack.pid = manifest.pid("clickhouse")?;
        Ok(stack)
    }

    /// ClickHouse's HTTP interface.
    pub fn clickhouse(&self) -> String {
        self.clickhouse.clone()
    }

    /// CPU time of ClickHouse, background work included.
    pub fn clickhouse_cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.pid)
    }

    /// The query API on this ClickHouse, with limits that one lone asker does not meet.
    pub fn api(&self, people: &People, world: &World) -> anyhow::Result<Service> {
        let port = self.port_base + 90;
        let program = std::env::current_exe()?.with_file_name("query-api");
        let mut command = Command::new(program);
        let settings = [
            ("SERVER__LISTEN", SocketAddr::from(([127, 0, 0, 1], port)).to_string()),
            ("CLICKHOUSE__URL", self.clickhouse()),
            ("KEYS__USER_PUBLIC", people.public_key().display().to_string()),
            ("LIMITS__REQUESTS_PER_S", "10000".to_owned()),
            ("LIMITS__BURST", "10000".to_owned()),
            ("CLOCK__VIRTUAL", world.now()),
            ("CLOCK__REAL", world.now()),
            // So slow that the clock stands still: the world's last day stays today.
            ("CLOCK__SPEED", "0.000001".to_owned()),
            ("LOG__FILTER", "warn".to_owned()),
        ];
        command.envs(settings.map(|(key, value)| (format!("CLASSPULSE_QUERY_API__{key}"), value)));
        Service::start(&mut command, port, "/readyz")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}
