//! `logs`: the ends of the services' logs, each line with its service's name, and what follows.

use crate::cli::LogOptions;
use crate::console;
use crate::paths::Paths;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How far back the last lines are looked for.
const TAIL_BYTES: u64 = 1 << 20;
/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Prints logs.
///
/// # Errors
/// No such log.
pub fn run(options: &LogOptions) -> Result<()> {
    let paths = Paths::of(&options.target)?;
    let mut tails = find(&paths, options.service.as_deref())?.into_iter().map(Tail::new).collect::<Vec<_>>();
    for tail in &mut tails {
        tail.print_last(options.lines)?;
    }
    if options.follow { follow(&mut tails) } else { Ok(()) }
}

fn follow(tails: &mut [Tail]) -> Result<()> {
    loop {
        thread::sleep(LOOK_EVERY);
        for tail in &mut *tails {
            tail.print_news()?;
        }
    }
}

fn find(paths: &Paths, service: Option<&str>) -> Result<Vec<PathBuf>> {
    if let Some(service) = service {
        let log = paths.log(service);
        return if log.is_file() { Ok(vec![log]) } else { bail!("no log of {service} in this stack") };
    }
    let directory = paths.var.join("log");
    let entries = fs::read_dir(&directory).with_context(|| format!("open {}", directory.display()))?;
    let mut logs: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    logs.sort();
    Ok(logs)
}

struct Tail {
    path: PathBuf,
    name: String,
    read: u64,
    rest: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Tail {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Tail { path, name, read: 0, rest: Vec::new() }
    }

    fn print_last(&mut self, count: usize) -> io::Result<()> {
        let from = length(&self.path)?.saturating_sub(TAIL_BYTES);
        self.read = from;
        let lines = self.whole_lines()?;
        for line in &lines[lines.len().saturating_sub(count)..] {
            self.print(line);
        }
        Ok(())
    }

    fn print_news(&mut self) -> io::Result<()> {
        if length(&self.path)? < self.read {
            // The log was rotated: what is here now is a new generation.
            self.read = 0;
            self.rest.clear();
        }
        for line in self.whole_lines()? {
            self.print(&line);
        }
        Ok(())
    }

    /// The complete lines from where it was read to; a line that is still being written is kept for the next time.
    fn whole_lines(&mut self) -> io::Result<Vec<String>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let read = file.read_to_end(&mut self.rest)?;
        self.read += read as u64;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }

    fn print(&self, line: &str) {
        console::say(&format!("{:<12}| {line}", self.name));
    }
}

fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
