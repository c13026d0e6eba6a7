//! What the fleet remembers over a restart: an append-only log of positions, compacted at each start.
//!
//! A line is written after the edge has answered, so a crash in between repeats a post, which changes nothing. A torn
//! last line is ignored. Written with one `write` each: a killed process loses none of them.

use crate::logic::day::spool::{Note, Position, Saved, Shift};
use crate::logic::day::world::Scenario;
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What was decided at the first start and must stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Seed of all events.
    pub seed: u64,
    /// Whether frozen disks and wrong clocks take part.
    pub steady: bool,
    /// When the fleet was first started, ms of its clock.
    pub started_ms: i64,
    /// First day that is played.
    pub first_day: Day,
}

impl Anchor {
    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        if self.steady { Scenario::Steady } else { Scenario::Default }
    }
}

/// A line of the log.
enum Line {
    Position(Position),
    Note(Note),
}

#[derive(Default)]
struct Entry {
    position: Option<Position>,
    frozen: Option<(Day, usize)>,
    shifts: Vec<(Day, Shift)>,
}

/// The state directory.
#[derive(Debug)]
pub struct State {
    log: Mutex<File>,
}

/// Everything that was saved, by device.
#[derive(Default)]
pub struct Positions(HashMap<u32, Entry>);

impl Positions {
    /// What a device remembers; `first` is the day it begins with otherwise.
    #[must_use]
    pub fn of(&self, device_no: u32, first: Day) -> Saved {
        let Some(entry) = self.0.get(&device_no) else {
            return Saved::default();
        };
        let day = entry.position.map_or(first, |position| position.day);
        let shifts = entry.shifts.iter().filter(|(of, _)| *of == day).map(|(_, shift)| *shift);
        let frozen = entry.frozen.filter(|(of, _)| *of == day).map_or(0, |(_, frozen)| frozen);
        Saved { position: entry.position, frozen, shifts: shifts.collect() }
    }
}

impl State {
    /// Reads the directory, or begins it with `anchor`.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn open(directory: &Path, anchor: Anchor) -> io::Result<(State, Anchor, Positions)> {
        fs::create_dir_all(directory)?;
        let anchor = keep_anchor(&directory.join("anchor.json"), anchor)?;
        let path = directory.join("positions.log");
        let positions = match fs::read_to_string(&path) {
            Ok(text) => read(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Positions::default(),
            Err(error) => return Err(error),
        };
        replace(&path, &compact(&positions))?;
        let log = OpenOptions::new().append(true).open(&path)?;
        Ok((State { log: Mutex::new(log) }, anchor, positions))
    }

    /// Remembers where a device stands.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn save(&self, device_no: u32, position: Position) -> io::Result<()> {
        self.append(&format(device_no, &Line::Position(position)))
    }

    /// Remembers notes, before the post that needs them leaves.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note(&self, device_no: u32, notes: &[Note]) -> io::Result<()> {
        self.append(&notes.iter().map(|note| format(device_no, &Line::Note(*note))).collect::<String>())
    }

    fn append(&self, lines: &str) -> io::Result<()> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).write_all(lines.as_bytes())
    }
}

fn keep_anchor(path: &PathBuf, anchor: Anchor) -> io::Result<Anchor> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            replace(path, &serde_json::to_string(&anchor).map_err(io::Error::other)?)?;
            Ok(anchor)
        }
        Err(error) => Err(error),
    }
}

/// Puts a whole file in place at once.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, path)
}

fn format(device_no: u32, line: &Line) -> String {
    match line {
        Line::Position(p) => format!("P {device_no} {} {}\n", p.day.0, p.item),
        Line::Note(Note::Frozen(day, item)) => format!("F {device_no} {} {item}\n", day.0),
        Line::Note(Note::Shifted(day, s)) => {
            format!("S {device_no} {} {} {} {}\n", day.0, s.boot, s.from_item, s.by_ms)
        }
    }
}

fn parse(text: &str) -> Option<(u32, Line)> {
    let words: Vec<&str> = text.split(' ').collect();
    let number = |i: usize| words.get(i)?.parse::<i64>().ok();
    let (device_no, day) = (u32::try_from(number(1)?).ok()?, Day(i32::try_from(number(2)?).ok()?));
    let item = |i: usize| usize::try_from(number(i)?).ok();
    let line = match (words[0], words.len()) {
        ("P", 4) => Line::Position(Position { day, item: item(3)? }),
        ("F", 4) => Line::Note(Note::Frozen(day, item(3)?)),
        ("S", 6) => {
            let boot = u8::try_from(number(3)?).ok()?;
            Line::Note(Note::Shifted(day, Shift { boot, from_item: item(4)?, by_ms: number(5)? }))
        }
        _ => return None,
    };
    Some((device_no, line))
}

fn read(text: &str) -> Positions {
    let mut positions = Positions::default();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    for (device_no, line) in whole.lines().filter_map(parse) {
        let entry = positions.0.entry(device_no).or_default();
        match line {
            Line::Position(position) => entry.position = Some(position),
            Line::Note(Note::Frozen(day, item)) => entry.frozen = Some((day, item)),
            Line::Note(Note::Shifted(day, shift)) => entry.shifts.push((day, shift)),
        }
    }
    positions
}

fn compact(positions: &Positions) -> String {
    let mut devices: Vec<_> = positions.0.iter().collect();
    devices.sort_by_key(|(device_no, _)| **device_no);
    let lines = devices.into_iter().flat_map(|(device_no, entry)| {
        let still = |day: &Day| entry.position.is_none_or(|position| position.day <= *day);
        let position = entry.position.map(Line::Position);
        let frozen = entry.frozen.filter(|(day, _)| still(day)).map(|(day, n)| Line::Note(Note::Frozen(day, n)));
        let shifts = entry.shifts.iter().filter(move |(day, _)| still(day));
        let shifts = shifts.map(|(day, shift)| Line::Note(Note::Shifted(*day, *shift)));
        let lines: Vec<Line> = position.into_iter().chain(frozen).chain(shifts).collect();
        lines.into_iter().map(|line| format(*device_no, &line))
    });
    lines.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn anchor(seed: u64) -> Anchor {
        Anchor { seed, steady: true, started_ms: 1_000, first_day: Day(20_000) }
    }

    #[test]
    fn positions_survive_a_restart_and_a_torn_line() {
        let directory = tempfile::tempdir().unwrap();
        let (state, first, _) = State::open(directory.path(), anchor(1)).unwrap();
        assert_eq!(first, anchor(1));
        let shift = Shift { boot: 1, from_item: 3, by_ms: -420_000 };
        state.save(7, Position { day: Day(20_001), item: 4 }).unwrap();
        state.note(7, &[Note::Shifted(Day(20_002), shift), Note::Frozen(Day(20_002), 5)]).unwrap();
        state.save(7, Position { day: Day(20_002), item: 2 }).unwrap();
        state.append("P 7 20009 1").unwrap();
        drop(state);
        for _ in 0..2 {
            let (_, kept, positions) = State::open(directory.path(), anchor(2)).unwrap();
            assert_eq!(kept, anchor(1), "decided once");
            let position = Some(Position { day: Day(20_002), item: 2 });
            assert_eq!(positions.of(7, Day(0)), Saved { position, frozen: 5, shifts: vec![shift] });
            assert_eq!(positions.of(8, Day(0)), Saved::default());
        }
    }
}
