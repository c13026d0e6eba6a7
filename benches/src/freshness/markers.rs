//! Watches some devices' rows as a reader sees them, until each of their heartbeats is counted.

use super::posts::Devices;
use anyhow::Context;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the rows are read.
pub const EVERY: Duration = Duration::from_millis(50);

/// Heartbeats under way by device: how many of the device the row must count, and when the last of them fell due.
type Pending = HashMap<u32, VecDeque<(u32, Instant)>>;

/// The devices that are watched.
pub struct Markers {
    pending: Arc<Mutex<Pending>>,
    query: String,
}

/// What was seen.
pub struct Seen {
    /// From due to visible, at the moment that the reader had the answer.
    pub latencies: Vec<Duration>,
    /// Heartbeats that were not visible at the end.
    pub missing: usize,
}

/// After the last post, what is still under way may take this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch that goes on in its own thread.
pub struct Watch {
    thread: JoinHandle<anyhow::Result<Seen>>,
    last_sent: Arc<OnceLock<Instant>>,
}

impl Watch {
    /// Everything has been sent: waits until it is seen, or the patience is at its end.
    pub fn finish(self) -> anyhow::Result<Seen> {
        self.last_sent.get_or_init(Instant::now);
        self.thread.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?
    }
}

impl Markers {
    /// Devices at even distances, so that all partitions and many schools are among them.
    pub fn choose(devices: &Devices, count: usize) -> Markers {
        let step = (devices.len() / count).max(1);
        let chosen: Vec<_> = (0..devices.len()).step_by(step).take(count).map(|turn| devices.device(turn)).collect();
        let list = |numbers: BTreeSet<u32>| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let query = format!(
            "SELECT device_no, events FROM device_day_final WHERE division IN ({}) AND school_no IN ({}) AND day >= \
             toDate(now('Asia/Shanghai')) AND device_no IN ({}) FORMAT TSV",
            list(chosen.iter().map(|device| device.division).collect()),
            list(chosen.iter().map(|device| device.school_no).collect()),
            list(chosen.iter().map(|device| device.device_no).collect()),
        );
        let pending = chosen.iter().map(|device| (device.device_no, VecDeque::new())).collect();
        Markers { pending: Arc::new(Mutex::new(pending)), query }
    }

    /// Number of devices.
    pub fn len(&self) -> usize {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A device's `nth` heartbeat, from 0, is sent; nothing happens for devices that are not watched.
    pub fn sent(&self, device_no: u32, nth: u32, due: Instant) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = pending.get_mut(&device_no) {
            waiting.push_back((nth + 1, due));
        }
    }

    /// Reads the rows again and again until [`Watch::finish`].
    pub fn watch(&self, clickhouse: SocketAddr) -> Watch {
        let last_sent = Arc::new(OnceLock::new());
        let (pending, query, sent) = (Arc::clone(&self.pending), self.query.clone(), Arc::clone(&last_sent));
        Watch { thread: std::thread::spawn(move || watch(&pending, &query, clickhouse, &sent)), last_sent }
    }
}

fn watch(
    pending: &Mutex<Pending>,
    query: &str,
    clickhouse: SocketAddr,
    last_sent: &OnceLock<Instant>,
) -> anyhow::Result<Seen> {
    let mut latencies = Vec::new();
    loop {
        let asked = Instant::now();
        let answer = ask(clickhouse, query)?;
        let missing = settle(pending, &answer, &mut latencies);
        if last_sent.get().is_some_and(|at| missing == 0 || at.elapsed() > PATIENCE) {
            return Ok(Seen { latencies, missing });
        }
        std::thread::sleep(EVERY.saturating_sub(asked.elapsed()));
    }
}

/// Takes what the rows count off the pending ones; gives how many are left.
fn settle(pending: &Mutex<Pending>, answer: &str, latencies: &mut Vec<Duration>) -> usize {
    let now = Instant::now();
    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
    for (device_no, events) in answer.lines().filter_map(row) {
        let Some(waiting) = pending.get_mut(&device_no) else { continue };
        while waiting.front().is_some_and(|(count, _)| *count <= events) {
            latencies.extend(waiting.pop_front().map(|(_, due)| now - due));
        }
    }
    pending.values().map(VecDeque::len).sum()
}

fn row(line: &str) -> Option<(u32, u32)> {
    let (device_no, events) = line.split_once('\t')?;
    Some((device_no.parse().ok()?, events.parse().ok()?))
}

/// One query over a connection of its own: HTTP/1.0, so the answer ends with the connection.
fn ask(clickhouse: SocketAddr, query: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(clickhouse).context("connect to ClickHouse")?;
    let head = "POST /?database=classpulse&user=api HTTP/1.0\r\nContent-Length: ";
    stream.write_all(format!("{head}{}\r\n\r\n{query}", query.len()).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    anyhow::ensure!(head.split(' ').nth(1) == Some("200"), "ClickHouse answers {head}\n{body}");
    Ok(body.to_owned())
}
