//! Tables with a header: CSV and XLSX, read and written.

use super::xlsx;
use crate::logic::conflict::Invalid;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use utoipa::ToSchema;

/// What spreadsheets want at the begin of a CSV file: they take it for another encoding otherwise.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// What an XLSX file begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// The columns of a kind of file, in the order of an export.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// All of them.
    pub all: &'static [&'static str],
    /// How many of the first an import has to have; the others may be left out, and the order is free.
    pub needed: usize,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values in UTF-8.
    #[default]
    Csv,
    /// An Office Open XML workbook.
    Xlsx,
}

/// A table that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// As CSV.
    #[error("write a CSV file")]
    Csv(#[from] csv::Error),
    /// As CSV, at its end.
    #[error("end a CSV file")]
    End(#[from] std::io::Error),
    /// As XLSX.
    #[error("write an XLSX file")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}

/// A line's cells, trimmed.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// The lines of a file: of CSV as they are read, so that the size of the file does not matter.
///
/// # Errors
/// A workbook that cannot be read, or is too large.
pub fn records(
    file: impl Read + Send + 'static,
) -> Result<Box<dyn Iterator<Item = Result<Record, Invalid>> + Send>, Invalid> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let begin = file.fill_buf().map_err(|error| Invalid::one("", format!("the file cannot be read: {error}")))?;
    if begin.starts_with(ZIP) {
        return Ok(Box::new(xlsx::records(file)?.into_iter().map(Ok)));
    }
    let mark = if begin.starts_with(MARK) { MARK.len() } else { 0 };
    file.consume(mark);
    let reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(file);
    Ok(Box::new(
        reader.into_records().map(|record| record.map(|record| plain(&record)).map_err(|error| unreadable(&error))),
    ))
}

fn plain(record: &csv::StringRecord) -> Record {
    let line = record.position().map_or(0, csv::Position::line);
    Record { line, cells: record.iter().map(str::to_owned).collect() }
}

fn unreadable(error: &csv::Error) -> Invalid {
    Invalid::one("", format!("neither CSV in UTF-8 nor XLSX: {error}"))
}

/// Where each column is.
#[derive(Clone, Debug)]
pub struct Header {
    places: BTreeMap<&'static str, usize>,
    width: usize,
}

impl Header {
    /// Reads the first line of a file.
    ///
    /// # Errors
    /// A column that is not ours, twice there, or missing.
    pub fn read(columns: &Columns, cells: &[String]) -> Result<Header, Invalid> {
        let mut places = BTreeMap::new();
        for (i, name) in cells.iter().enumerate() {
            let known = columns.all.iter().find(|column| **column == name);
            let known = known.ok_or_else(|| Invalid::one(format!("/{name}"), "no column of ours"))?;
            if places.insert(*known, i).is_some() {
                return Err(Invalid::one(format!("/{name}"), "twice in the header"));
            }
        }
        match columns.all[..columns.needed].iter().find(|column| !places.contains_key(**column)) {
            Some(missing) => Err(Invalid::one(format!("/{missing}"), "missing in the header")),
            None => Ok(Header { places, width: cells.len() }),
        }
    }

    /// A line under this header.
    ///
    /// # Errors
    /// It has another number of cells.
    pub fn row<'r>(&'r self, cells: &'r [String]) -> Result<Row<'r>, Invalid> {
        if cells.len() == self.width {
            return Ok(Row { header: self, cells });
        }
        Err(Invalid::one("", format!("{} values under {} columns", cells.len(), self.width)))
    }
}

/// A line under its header.
#[derive(Clone, Copy, Debug)]
pub struct Row<'r> {
    header: &'r Header,
    cells: &'r [String],
}

impl Row<'_> {
    /// The text of a column; empty if the file has none of this name.
    #[must_use]
    pub fn text(&self, column: &str) -> &str {
        self.given(column).unwrap_or_default()
    }

    /// The text of a column, if the file has it.
    #[must_use]
    pub fn given(&self, column: &str) -> Option<&str> {
        let place = self.header.places.get(column)?;
        self.cells.get(*place).map(|text| unguarded(text))
    }
}

/// A file with a header and these rows; without rows it is the template of an import.
///
/// # Errors
/// The writer refuses.
pub fn table(
    columns: &Columns,
    rows: impl Iterator<Item = Vec<String>>,
    format: Format,
) -> Result<Vec<u8>, WriteError> {
    match format {
        Format::Csv => csv_table(columns, rows),
        Format::Xlsx => Ok(xlsx::table(columns, rows)?),
    }
}

fn csv_table(columns: &Columns, rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, WriteError> {
    let mut writer = csv::Writer::from_writer(MARK.to_vec());
    writer.write_record(columns.all)?;
    for row in rows {
        writer.write_record(row.into_iter().map(guarded))?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// A text that a spreadsheet would take for a formula, guarded against that.
fn guarded(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { all: &["code", "name", "note"], needed: 2 };

    fn read(file: &[u8]) -> Vec<Vec<String>> {
        let records = records(std::io::Cursor::new(file.to_vec())).unwrap();
        records.map(|record| record.unwrap().cells).collect()
    }

    fn rows() -> Vec<Vec<String>> {
        [["001", "虚构一小", "=1+1"], ["2", "a,\"b\"", ""], ["", "", "x"]]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec()
    }

    #[test]
    fn both_formats_give_back_what_was_written() {
        for format in [Format::Csv, Format::Xlsx] {
            let file = table(&COLUMNS, rows().into_iter(), format).unwrap();
            let read = read(&file);
            let header = Header::read(&COLUMNS, &read[0]).unwrap();
            for (cells, wanted) in read[1..].iter().zip(rows()) {
                let row = header.row(cells).unwrap();
                let texts: Vec<_> = COLUMNS.all.iter().map(|column| row.text(column).to_owned()).collect();
                assert_eq!(texts, wanted, "{format:?}");
            }
            assert_eq!(read.len(), 4, "{format:?}");
        }
    }

    #[test]
    fn spreadsheets_find_no_formulas() {
        assert_eq!(guarded("=1+1".into()), "'=1+1");
        assert_eq!(unguarded(&guarded("@x".into())), "@x");
        assert_eq!((guarded("'s".into()).as_str(), unguarded("'s")), ("'s", "'s"));
    }

    #[test]
    fn a_header_that_is_not_ours_is_refused() {
        let fault = |text: &str| {
            let cells: Vec<_> = text.split(',').map(str::to_owned).collect();
            Header::read(&COLUMNS, &cells).err().map(|invalid| invalid.0[0].pointer.clone())
        };
        assert_eq!(fault("code,note").as_deref(), Some("/name"));
        assert_eq!(fault("code,name,password").as_deref(), Some("/password"));
        assert_eq!(fault("code,name,code").as_deref(), Some("/code"));
        assert_eq!(fault("note,name,code"), None);
    }

    #[test]
    fn what_is_not_utf_8_is_a_fault_and_a_mark_is_none() {
        let mut records = records(std::io::Cursor::new(b"\xef\xbb\xbfcode\n\xff\n".to_vec())).unwrap();
        assert_eq!(records.next().unwrap().unwrap().cells, ["code"]);
        assert!(records.next().unwrap().is_err());
    }
}
