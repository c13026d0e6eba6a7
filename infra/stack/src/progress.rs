//! What the launcher has done so far, for its terminal, its log, and those who wait with `up --detach`.

use crate::console;
use crate::log_file::LogFile;
use anyhow::Result;
use schemas::time::format_rfc3339_ms;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How far the launcher is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Starting, or playing the history.
    Starting,
    /// Everything is up.
    Ready,
    /// It did not come up, and why.
    Failed(String),
}

#[derive(Debug)]
struct Told {
    lines: Vec<String>,
    phase: Phase,
}

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Progress {
    told: watch::Sender<Told>,
    log: Arc<Mutex<LogFile>>,
    terminal: bool,
}

impl Progress {
    /// Begins to tell; `terminal`: on stdout, too.
    ///
    /// # Errors
    /// A log that cannot be opened.
    pub fn new(log: &Path, terminal: bool) -> Result<Progress> {
        let (told, _none) = watch::channel(Told { lines: Vec::new(), phase: Phase::Starting });
        Ok(Progress { told, log: Arc::new(Mutex::new(LogFile::open(log)?)), terminal })
    }

    /// Tells a line to everybody.
    pub fn say(&self, line: &str) {
        self.log(line);
        if self.terminal {
            console::say(line);
        }
        self.told.send_modify(|told| {
            // Only what leads up to readiness is waited for; after it the log has it all.
            if told.phase == Phase::Starting {
                told.lines.push(line.to_owned());
            }
        });
    }

    /// Writes a line into the log only.
    pub fn log(&self, line: &str) {
        let line = format!("{} {line}", format_rfc3339_ms(wall_ms()));
        let _lost = self.log.lock().unwrap_or_else(PoisonError::into_inner).line(line.as_bytes()).is_err();
    }

    /// Ends the waiting.
    pub fn enter(&self, phase: Phase) {
        self.told.send_modify(|told| told.phase = phase);
    }

    /// A reader from the first line on.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower { told: self.told.subscribe(), read: 0 }
    }
}

/// Reads lines as they are told.
#[derive(Debug)]
pub struct Follower {
    told: watch::Receiver<Told>,
    read: usize,
}

impl Follower {
    /// The lines since the last call, and the phase; waits until there is news.
    pub async fn news(&mut self) -> (Vec<String>, Phase) {
        let read = self.read;
        let news = self.told.wait_for(|told| told.lines.len() > read || told.phase != Phase::Starting).await;
        match news {
            Ok(told) => {
                self.read = told.lines.len();
                (told.lines[read..].to_vec(), told.phase.clone())
            }
            Err(_closed) => (Vec::new(), Phase::Failed("the launcher stopped".to_owned())),
        }
    }
}

/// Wall time, ms since the epoch.
#[must_use]
pub fn wall_ms() -> i64 {
    runtime::clock::Clock::wall().now_ms()
}
