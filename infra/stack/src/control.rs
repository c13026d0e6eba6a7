//! The socket over which a launcher takes orders: one JSON line in, JSON lines out.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// What is asked of a launcher.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// How everything is.
    Status,
    /// Start one service and wait until it is ready.
    Start {
        /// e.g. `ingest-2`
        service: String,
    },
    /// Stop one service.
    Stop {
        /// e.g. `ingest-2`
        service: String,
    },
    /// Get more partitions by a new topic, or go on with that.
    Grow {
        /// How many.
        partitions: i32,
    },
    /// Stop everything.
    Down,
    /// Tell everything up to readiness.
    Follow,
}

/// One line of the answer; the last is `Done` or `Failed`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Words for people.
    Line(String),
    /// One service.
    Service(ServiceStatus),
    /// Done as asked.
    Done,
    /// Not done, and why.
    Failed(String),
}

/// A service's line in `status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// e.g. `ingest-2`
    pub name: String,
    /// While it runs.
    pub pid: Option<u32>,
    /// `ready`, `stopped`, `dead`, or why it is not ready.
    pub health: String,
    /// Seconds since its start.
    pub uptime_s: u64,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// Times it was started again by itself.
    pub restarts: u32,
}

/// The socket's path, reached through an open directory: a socket's own path may be no longer than 107 bytes.
#[derive(Debug)]
pub struct SocketPath {
    _directory: File,
    path: PathBuf,
}

impl SocketPath {
    /// The socket of the stack in `var`.
    ///
    /// # Errors
    /// A directory that is not there.
    pub fn of(var: &Path) -> Result<SocketPath> {
        let directory = File::open(var).with_context(|| format!("open {}", var.display()))?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/control.sock", directory.as_raw_fd()));
        Ok(SocketPath { _directory: directory, path })
    }

    /// Where to bind or connect, as long as this value lives.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Gives an order to the launcher of the stack in `var`; `each` sees every line of the answer but the last.
///
/// # Errors
/// No launcher, one that went away, or one that failed at it.
pub fn give(var: &Path, order: &Order, mut each: impl FnMut(Answer)) -> Result<()> {
    let Ok(mut stream) = connect(var) else { bail!("no stack is up in {}", var.display()) };
    serde_json::to_writer(&mut stream, order)?;
    stream.write_all(b"\n")?;
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            Answer::Done => return Ok(()),
            Answer::Failed(reason) => bail!("{reason}"),
            other => each(other),
        }
    }
    bail!("the launcher went away")
}

/// Whether a launcher answers for the stack in `var`.
#[must_use]
pub fn answers(var: &Path) -> bool {
    connect(var).is_ok()
}

fn connect(var: &Path) -> Result<UnixStream> {
    let socket = SocketPath::of(var)?;
    Ok(UnixStream::connect(socket.path())?)
}
