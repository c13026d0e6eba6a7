//! What was sent and what became of it. For whoever checks the pipeline from outside.
//!
//! A line `{"device_no", "post"}` holds a post's body and is written before the post leaves; a line `{"device_no",
//! "boot_id", "stream", "seq", "at", "outcome"}` per event follows when its fate is known. So an event with a post and
//! without an outcome was on its way when the fleet ended, and only of such an event nobody knows whether it was taken.

use crate::logic::client::Fate;
use crate::logic::spool::Meta;
use schemas::event::Stream;
use schemas::time::format_rfc3339_ms;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An append-only NDJSON file; a line may stand twice where the fleet was killed in between.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

impl Journal {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Journal> {
        Ok(Journal(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Writes a post that is about to leave.
    ///
    /// # Errors
    /// The file cannot be written; the post must not leave then.
    pub fn write_post(&self, device_no: u32, body: &[u8]) -> io::Result<()> {
        let head = format!("{{\"device_no\":{device_no},\"post\":");
        self.append(&[head.as_bytes(), body, b"}\n"].concat())
    }

    /// Writes the fates of a post's events in one write.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, device_no: u32, fates: &[(Meta, Fate)]) -> io::Result<()> {
        let lines = fates.iter().map(|(meta, fate)| line(device_no, meta, &outcome(fate)));
        self.append(lines.collect::<String>().as_bytes())
    }

    /// Writes events that were lost with a frozen disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_lost(&self, device_no: u32, lost: &[Meta]) -> io::Result<()> {
        self.append(lost.iter().map(|meta| line(device_no, meta, "lost")).collect::<String>().as_bytes())
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines)
    }
}

fn outcome(fate: &Fate) -> String {
    match fate {
        Fate::Accepted => "accepted".to_owned(),
        Fate::Invalid(code) => format!("invalid:{code}"),
        Fate::GivenUp(slug) => format!("given_up:{slug}"),
    }
}

fn line(device_no: u32, meta: &Meta, outcome: &str) -> String {
    let mut line = String::with_capacity(160);
    let stream = match meta.stream {
        Stream::Activity => "activity",
        Stream::Network => "network",
        Stream::Device => "device",
        Stream::Resource => "resource",
    };
    let at = format_rfc3339_ms(meta.at_ms);
    // Writing to a string does not fail.
    let written = writeln!(
        line,
        "{{\"device_no\":{device_no},\"boot_id\":\"{}\",\"stream\":\"{stream}\",\"seq\":{},\"at\":\"{at}\",\"outcome\":\"{outcome}\"}}",
        meta.boot_id, meta.seq,
    );
    debug_assert!(written.is_ok());
    line
}
