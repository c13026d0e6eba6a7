//! The spool of a real agent: segments of checked lines, and one small file that says where it stands.
//!
//! A line is `crc32 boot event`. `head` (what is settled) and `frozen` (what may not change any more) are positions in
//! the concatenation of all segments, replaced at once by a rename. A torn or damaged line ends its segment: what is
//! behind it in that segment is dropped and counted. Moving the unsent events of a boot writes them into a new segment
//! and then, with the same rename, makes the old ones past. The queue is also held in memory, within the same bound.

use crate::logic::spool::{Entry, MemorySpool, Meta, Spool};
use flate2::Crc;
use schemas::event::Stream;
use schemas::time::parse_rfc3339_ms;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Events per segment.
const SEGMENT_EVENTS: usize = 200;

/// Where the spool stands. Segments below `first` are past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    /// Oldest segment that still counts.
    first: u64,
    /// Lines of it, and of those after it, that are settled.
    settled: usize,
    /// Lines, from the same origin, that may not change any more.
    frozen: usize,
}

/// A spool in a directory of its own.
#[derive(Debug)]
pub struct DiskSpool {
    directory: PathBuf,
    max_bytes: usize,
    queue: MemorySpool,
    standing: Standing,
    /// Lines of each segment from `standing.first` on.
    segments: VecDeque<usize>,
    open: File,
    dropped: u64,
}

impl DiskSpool {
    /// Opens or makes the spool. Beyond `max_bytes` of events, the oldest are given up.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn open(directory: &Path, max_bytes: usize) -> io::Result<DiskSpool> {
        fs::create_dir_all(directory)?;
        let standing: Standing = match fs::read(directory.join("standing.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Standing::default(),
            Err(error) => return Err(error),
        };
        let found = load(directory, standing.first)?;
        let (queue, segments, dropped) = (found.queue, found.segments, found.dropped);
        // Always a new segment: behind a torn line nothing may be appended.
        let open = segment(directory, standing.first + segments.len() as u64)?;
        let mut spool =
            DiskSpool { directory: directory.to_owned(), max_bytes, queue, standing, segments, open, dropped };
        spool.segments.push_back(0);
        spool.queue.mark(spool.standing.frozen);
        spool.queue.pop(spool.standing.settled);
        spool.forget_past_segments()?;
        Ok(spool)
    }

    /// Appends an event, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn push(&mut self, entry: Entry) -> io::Result<()> {
        if self.segments.back().is_some_and(|lines| *lines >= SEGMENT_EVENTS) {
            self.open = segment(&self.directory, self.standing.first + self.segments.len() as u64)?;
            self.segments.push_back(0);
        }
        self.open.write_all(line(&entry).as_bytes())?;
        self.open.sync_data()?;
        if let Some(lines) = self.segments.back_mut() {
            *lines += 1;
        }
        self.queue.push(entry);
        self.keep_the_bound()
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of all events.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Events given up since it was opened: over the bound, or damaged on disk.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn keep_the_bound(&mut self) -> io::Result<()> {
        while self.queue.bytes() > self.max_bytes && self.queue.len() > 1 {
            let tenth = (self.queue.len() / 10).max(1);
            self.dropped += tenth as u64;
            self.remove(tenth)?;
        }
        Ok(())
    }

    fn store(&mut self, standing: Standing) -> io::Result<()> {
        let next = self.directory.join("standing.next");
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec(&standing).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&next, self.directory.join("standing.json"))?;
        self.standing = standing;
        Ok(())
    }

    /// Drops segments that are settled whole, but never the open one.
    fn forget_past_segments(&mut self) -> io::Result<()> {
        let mut standing = self.standing;
        let mut past = Vec::new();
        while self.segments.len() > 1 && standing.settled >= self.segments[0] {
            let lines = self.segments.pop_front().unwrap_or_default();
            past.push(standing.first);
            standing.first += 1;
            standing.settled -= lines;
            standing.frozen = standing.frozen.saturating_sub(lines);
        }
        if past.is_empty() {
            return Ok(());
        }
        self.store(standing)?;
        past.into_iter().try_for_each(|number| remove_segment(&self.directory, number))
    }
}

impl Spool for DiskSpool {
    type Error = io::Error;

    fn front_boot(&self) -> Option<Uuid> {
        self.queue.front_boot()
    }

    fn front(&self, max_events: usize, max_bytes: usize) -> Vec<Entry> {
        self.queue.front(max_events, max_bytes)
    }

    fn freeze(&mut self, count: usize) -> io::Result<()> {
        let frozen = self.standing.settled + count;
        if frozen > self.standing.frozen {
            self.store(Standing { frozen, ..self.standing })?;
        }
        self.queue.mark(count);
        Ok(())
    }

    fn remove(&mut self, count: usize) -> io::Result<()> {
        let settled = self.standing.settled + count.min(self.queue.len());
        self.queue.pop(count);
        self.store(Standing { settled, frozen: self.standing.frozen.max(settled), ..self.standing })?;
        self.forget_past_segments()
    }

    /// Writes the queue as it is after the move into one new segment, then makes that the first.
    fn shift_unsent(&mut self, boot_id: Uuid, by_ms: i64) -> io::Result<()> {
        self.queue.shift(boot_id, by_ms);
        let (old, number) = (self.standing.first, self.standing.first + self.segments.len() as u64);
        let mut file = segment(&self.directory, number)?;
        file.write_all(self.queue.entries().map(line).collect::<String>().as_bytes())?;
        file.sync_all()?;
        self.store(Standing { first: number, settled: 0, frozen: self.queue.frozen() })?;
        self.segments = VecDeque::from([self.queue.len()]);
        self.open = file;
        (old..number).try_for_each(|past| remove_segment(&self.directory, past))
    }
}

struct Found {
    queue: MemorySpool,
    segments: VecDeque<usize>,
    dropped: u64,
}

/// Reads the segments from `first` on.
fn load(directory: &Path, first: u64) -> io::Result<Found> {
    let mut found = Found { queue: MemorySpool::default(), segments: VecDeque::new(), dropped: 0 };
    loop {
        let text = match fs::read(path(directory, first + found.segments.len() as u64)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
        };
        let lines: Vec<&str> = text.lines().collect();
        let entries: Vec<Entry> = lines.iter().map_while(|line| parse(line)).collect();
        found.dropped += (lines.len() - entries.len()) as u64;
        found.segments.push_back(entries.len());
        entries.into_iter().for_each(|entry| found.queue.push(entry));
    }
}

fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:010}.segment"))
}

/// A segment to append to, empty: one that is left over from a crash before its number was taken is overwritten.
fn segment(directory: &Path, number: u64) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).open(path(directory, number))
}

fn remove_segment(directory: &Path, number: u64) -> io::Result<()> {
    match fs::remove_file(path(directory, number)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn line(entry: &Entry) -> String {
    let rest = format!("{} {}", entry.meta.boot_id, entry.json);
    format!("{:08x} {rest}\n", checksum(&rest))
}

fn checksum(text: &str) -> u32 {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    crc.sum()
}

#[derive(Deserialize)]
struct Coordinates {
    r#type: String,
    seq: u32,
    at: String,
}

fn parse(line: &str) -> Option<Entry> {
    let (sum, rest) = line.split_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != checksum(rest) {
        return None;
    }
    let (boot, json) = rest.split_once(' ')?;
    let Coordinates { r#type, seq, at } = serde_json::from_str(json).ok()?;
    let stream = match r#type.as_str() {
        "heartbeat" | "power" => Stream::Activity,
        "burst" | "bandwidth" => Stream::Network,
        "inventory" | "fault" => Stream::Device,
        _ => Stream::Resource,
    };
    let meta = Meta { boot_id: boot.parse().ok()?, stream, seq, at_ms: parse_rfc3339_ms(&at)? };
    Some(Entry { meta, json: json.to_owned() })
}

#[cfg(test)]
mod tests;
