//! A service under measurement.

use anyhow::{Context, bail, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// For becoming ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running process; killed when dropped.
pub struct Service {
    child: Child,
    address: SocketAddr,
    started_after: Duration,
}

impl Service {
    /// Starts it and waits until `health` answers 200.
    pub fn start(command: &mut Command, port: u16, health: &str) -> anyhow::Result<Service> {
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut service = Service { child, address, started_after: Duration::ZERO };
        let begun = Instant::now();
        while !service.is_healthy(health) {
            ensure!(begun.elapsed() < PATIENCE, "{command:?} is not ready after {PATIENCE:?}");
            if let Some(status) = service.child.try_wait()? {
                bail!("{command:?} ended: {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        service.started_after = begun.elapsed();
        Ok(service)
    }

    /// How long it took to become healthy.
    pub const fn started_after(&self) -> Duration {
        self.started_after
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time of all its threads.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Highest resident memory so far.
    pub fn peak_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.split_whitespace().next().context("malformed VmHWM")?.parse()?;
        Ok(kib * 1024.0 / 1e6)
    }

    fn is_healthy(&self, path: &str) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.starts_with("HTTP/1.1 200"))
        };
        ask().unwrap_or(false)
    }
}

/// CPU time of all threads of a process.
pub fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').context("malformed stat")?.1.split_whitespace();
    // utime and stime, 14th and 15th of the file, in hundredths of a second.
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is over.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
