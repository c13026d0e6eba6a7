//! Workbooks: the first sheet is the table.

use super::sheet::{Columns, Record};
use crate::logic::conflict::Invalid;
use calamine::{Data, DataRef, Reader, Xlsx};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::io::{Cursor, Read};

/// Bytes of a workbook, and of everything that is packed in it: a small file can hold gigabytes of zeros.
const PACKED: u64 = 64 << 20;
const UNPACKED: u64 = 512 << 20;
/// Cells of a row that are looked at.
const WIDTH: u32 = 64;

/// The rows of the first sheet that hold anything.
///
/// # Errors
/// Not a workbook, or too large a one.
pub fn records(file: impl Read) -> Result<Vec<Record>, Invalid> {
    let mut bytes = Vec::new();
    file.take(PACKED + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > PACKED || unpacked(&bytes)? > UNPACKED {
        return Err(Invalid::one("", "the workbook is too large; send CSV, or parts"));
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let sheet = book.sheet_names().into_iter().next().ok_or_else(|| Invalid::one("", "a workbook without a sheet"))?;
    rows(&mut book, &sheet)
}

/// What the parts come to when they are unpacked; it is looked at no further than to the limit, because what a part says
/// of its own size need not be so.
fn unpacked(bytes: &[u8]) -> Result<u64, Invalid> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let mut size = 0;
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| unreadable(&error))?;
        let left = UNPACKED.saturating_sub(size) + 1;
        size += std::io::copy(&mut part.take(left), &mut std::io::sink()).map_err(|error| unreadable(&error))?;
    }
    Ok(size)
}

fn unreadable(error: &dyn std::fmt::Display) -> Invalid {
    Invalid::one("", format!("not an XLSX file: {error}"))
}

/// Cell by cell: a sheet whose only cell is the last one would fill the memory as a rectangle.
fn rows(book: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str) -> Result<Vec<Record>, Invalid> {
    let mut cells = book.worksheet_cells_reader(sheet).map_err(|error| unreadable(&error))?;
    let mut rows: Vec<Record> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error))? {
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        if column >= WIDTH {
            return Err(Invalid::one("", format!("row {} has more than {WIDTH} cells", row + 1)));
        }
        let line = u64::from(row) + 1;
        if rows.last().is_none_or(|last| last.line != line) {
            rows.push(Record { line, cells: Vec::new() });
        }
        if let Some(last) = rows.last_mut() {
            let place = column as usize;
            last.cells.resize(last.cells.len().max(place + 1), String::new());
            last.cells[place] = text;
        }
    }
    even(&mut rows);
    Ok(rows)
}

/// Empty cells at the end of a row are not in the file.
fn even(rows: &mut [Record]) {
    let width = rows.first().map_or(0, |row| row.cells.len());
    for row in rows {
        row.cells.resize(row.cells.len().max(width), String::new());
    }
}

/// A cell as it would stand in a CSV file.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::DateTime(at) => {
            let (year, month, day, ..) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTimeIso(text) => text.chars().take(10).collect(),
        other => Data::from(other.clone()).to_string().trim().to_owned(),
    }
}

/// A workbook with a header and these rows. Every column is text: spreadsheets would drop the zeros that a code begins
/// with.
///
/// # Errors
/// The writer refuses.
pub fn table(columns: &Columns, rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let (plain, bold) = (Format::new().set_num_format("@"), Format::new().set_num_format("@").set_bold());
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(columns.all) {
        sheet.set_column_format(column, &plain)?;
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    for (row, cells) in (1..).zip(rows) {
        for (column, text) in (0..).zip(cells).filter(|(_, text)| !text.is_empty()) {
            sheet.write_string_with_format(row, column, text, &plain)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    book.save_to_buffer()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_read_as_they_are_shown() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_string(0, 0, "division").unwrap().write_string(0, 1, "day").unwrap();
        sheet.write_number(2, 0, 440_106).unwrap();
        sheet.write_number_with_format(2, 1, 46_346, &day).unwrap();
        let rows = records(Cursor::new(book.save_to_buffer().unwrap())).unwrap();
        assert_eq!((rows[1].line, rows[1].cells.join(" ")), (3, "440106 2026-11-20".to_owned()));
    }

    #[test]
    fn a_sheet_that_is_nearly_empty_stays_small_and_no_workbook_is_told() {
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 3, "x").unwrap();
        let rows = records(Cursor::new(book.save_to_buffer().unwrap())).unwrap();
        assert_eq!((rows.len(), rows[0].line), (1, 1_048_576));
        assert!(records(Cursor::new(b"PK\x03\x04 and no more".to_vec())).is_err());
    }
}
