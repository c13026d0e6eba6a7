//! A service under measurement.

use crate::process::Process;
use anyhow::{bail, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// For becoming ready.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running service; killed when dropped.
pub struct Service {
    process: Process,
    address: SocketAddr,
    started_after: Duration,
}

impl Service {
    /// Starts it and waits until `health` answers 200.
    pub fn start(command: &mut Command, port: u16, health: &str) -> anyhow::Result<Service> {
        let process = Process::start(command)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut service = Service { process, address, started_after: Duration::ZERO };
        let begun = Instant::now();
        while !service.is_healthy(health) {
            ensure!(begun.elapsed() < PATIENCE, "{command:?} is not ready after {PATIENCE:?}");
            if let Some(status) = service.process.ended()? {
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

    /// Its process.
    pub const fn process(&self) -> &Process {
        &self.process
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
