//! Files of schools and devices: what a line asks for, and what becomes of it.
//!
//! A file is read line by line, whatever its kind: [`sheet`] takes CSV or XLSX apart, [`schools`] and [`devices`] say what
//! the cells of a line mean.

pub mod devices;
pub mod schools;
pub mod sheet;
pub mod xlsx;

use super::conflict::{Fault, Invalid};
use serde::{Deserialize, Serialize};
use sheet::{Columns, Header, Record, Row};
use std::io::Read;
use utoipa::ToSchema;

/// Lines of a file that is taken at once: by a request, or where all lines stand or fall together.
pub const LINES: usize = 50_000;

/// What is done where a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is changed, only told.
    DryRun,
    /// Nothing is changed then.
    AllOrNothing,
    /// The other lines stand.
    BestEffort,
}

/// What a file lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Schools.
    Schools,
    /// Devices.
    Devices,
}

/// The number of `d12`.
fn numbered(letter: char, text: &str) -> Option<u32> {
    text.strip_prefix(letter).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// What a line of a kind of file asks for.
pub trait Wanted: Sized {
    /// The file's columns.
    const COLUMNS: Columns;

    /// What the cells of a line mean.
    ///
    /// # Errors
    /// Some cannot be accepted; pointers name columns.
    fn of(row: &Row<'_>) -> Result<Self, Invalid>;
}

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line<W> {
    /// Its number in the file, from 1, the header included.
    pub line: u64,
    /// What it asks for, or what is wrong with it.
    pub wanted: Result<W, Invalid>,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something new.
    Added,
    /// Something that is otherwise from now on.
    Changed,
    /// Something that is as the line says.
    Unchanged,
    /// Nothing.
    Refused,
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineResult {
    /// Its number in the file, from 1, the header included.
    pub line: u64,
    /// What becomes of it.
    pub outcome: Outcome,
    /// The school of a line of a file of schools; none if it was refused, and for one that a dry run would add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school_no: Option<u32>,
    /// The device of a line of a file of devices, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_no: Option<u32>,
    /// Why it was refused; pointers name columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

impl LineResult {
    /// Something came of the line.
    #[must_use]
    pub fn done(line: u64, outcome: Outcome) -> LineResult {
        LineResult { line, outcome, school_no: None, device_no: None, errors: Vec::new() }
    }

    /// Nothing came of it.
    #[must_use]
    pub fn refused(line: u64, errors: Vec<Fault>) -> LineResult {
        LineResult { errors, ..LineResult::done(line, Outcome::Refused) }
    }

    /// What was not added after all has no number.
    pub fn undo(&mut self) {
        if self.outcome == Outcome::Added {
            (self.school_no, self.device_no) = (None, None);
        }
    }
}

/// The lines of a file, as they are read. A fault ends them: what follows cannot be told apart any more.
pub struct Lines<W> {
    records: Box<dyn Iterator<Item = Result<Record, Invalid>> + Send>,
    header: Header,
    of: fn(&Row<'_>) -> Result<W, Invalid>,
}

/// Begins to read a file, CSV in UTF-8 (with or without a byte order mark) or XLSX.
///
/// # Errors
/// Neither of them, or a header that is not ours.
pub fn lines<W: Wanted>(file: impl Read + Send + 'static) -> Result<Lines<W>, Invalid> {
    let mut records = sheet::records(file)?;
    let first = records.next().unwrap_or_else(|| Err(Invalid::one("", "an empty file")))?;
    let header = Header::read(&W::COLUMNS, &first.cells)?;
    Ok(Lines { records, header, of: W::of })
}

impl<W> Iterator for Lines<W> {
    type Item = Result<Line<W>, Invalid>;

    fn next(&mut self) -> Option<Result<Line<W>, Invalid>> {
        let record = self.records.next()?;
        Some(record.map(|Record { line, cells }| {
            let wanted = self.header.row(&cells).and_then(|row| (self.of)(&row));
            Line { line, wanted }
        }))
    }
}

impl<W> Lines<W> {
    /// All of them at once, if they are not too many.
    ///
    /// # Errors
    /// They are, or a line cannot be read.
    pub fn all(self) -> Result<Vec<Line<W>>, Invalid> {
        let lines = self.take(LINES + 1).collect::<Result<Vec<_>, _>>()?;
        if lines.len() > LINES {
            return Err(Invalid::one("", format!("more than {LINES} lines; send them in parts")));
        }
        Ok(lines)
    }
}
