//! Kafka and ClickHouse of the bench's own, and a processors process on them.

use crate::launcher::{self, Manifest};
use crate::log::Log;
use crate::process::Process;
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

/// See the module; everything is stopped and removed when dropped.
pub struct Backend {
    port_base: u16,
    log: Log,
    clickhouse: String,
}

impl Backend {
    /// Starts Kafka and ClickHouse, with topics and tables.
    pub fn start(port_base: u16) -> anyhow::Result<Backend> {
        let mut backend = Backend { port_base, log: Log(String::new()), clickhouse: String::new() };
        launcher::order(backend.port_base, &["up", "--only", "kafka,clickhouse", "--detach"])?;
        let manifest = Manifest::read(port_base)?;
        backend.log = Log(manifest.text("kafka")?);
        backend.clickhouse = manifest.text("clickhouse_http")?.trim_start_matches("http://").to_owned();
        Ok(backend)
    }

    /// Its event log.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The answer of ClickHouse to a query, as text.
    pub fn query(&self, sql: &str) -> anyhow::Result<String> {
        exchange(&self.clickhouse, "POST /?database=classpulse", sql).with_context(|| sql.to_owned())
    }

    /// Bytes of ledgers by the processors' own count, at their last flush.
    pub fn ledger_bytes(&self) -> anyhow::Result<f64> {
        let metrics = exchange(&self.listen(), "GET /metrics", "")?;
        let lines = metrics.lines().filter(|line| line.starts_with("processors_ledger_bytes{"));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }

    fn listen(&self) -> String {
        format!("127.0.0.1:{}", self.port_base + 3)
    }

    /// Starts a processors process that folds ledgers only.
    pub fn processors(&self) -> anyhow::Result<Process> {
        let config = launcher::directory(self.port_base).join("etc/bench-processors.toml");
        let text = format!(
            "[server]\nlisten = \"{}\"\n[kafka]\nbootstrap = \"{}\"\n[clickhouse]\nurl = \"http://{}\"\n\
             user = \"writer\"\n[groups]\nledgers = true\narchive = false\nregistry = false\n\
             [worker]\nrewind = \"0s\"\n[log]\nfilter = \"warn\"\n",
            self.listen(),
            self.log.0,
            self.clickhouse
        );
        std::fs::write(&config, text)?;
        Process::start(Command::new(sibling("processors")?).arg("--config").arg(&config))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        launcher::remove(self.port_base);
    }
}

/// Sends a request, returns the body of the answer if it is a success.
fn exchange(address: &str, request: &str, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{request} HTTP/1.0\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").context("malformed answer")?;
    ensure!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{head}: {body}");
    Ok(body.to_owned())
}

fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}
