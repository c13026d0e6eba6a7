//! Schools as a table: the columns of import and export, and what each line of a CSV file says.

use super::conflict::{Fault, Faults, Invalid};
use super::forms::SchoolForm;
use super::views::SchoolView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Columns in the order of an export. An import may have them in any order and leave out all but the first four;
/// `administrators` is only told.
pub const COLUMNS: [&str; 10] =
    ["code", "name", "school_type", "division", "ownership", "weak", "tags", "address", "post_code", "administrators"];
/// How many of [`COLUMNS`] an import has to have.
const NEEDED: usize = 4;
/// Lines of one file.
const LINES: usize = 50_000;

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

/// A line of a file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number in the file, from 1, the header included.
    pub line: u64,
    /// The area and the profile that it asks for, or what is wrong with it.
    pub wanted: Result<(u32, SchoolForm), Invalid>,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A new school.
    Added,
    /// A school with another profile.
    Changed,
    /// A school that is as the line says.
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
    /// The school; none if it was refused, and for a school that a dry run would add.
    pub school_no: Option<u32>,
    /// Why it was refused; pointers name columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// Reads a file, with or without a byte order mark.
///
/// # Errors
/// Not UTF-8, a header that is not ours, or too many lines.
pub fn lines(text: &[u8]) -> Result<Vec<Line>, Invalid> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let places = places(&header)?;
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        lines.push(Line { line, wanted: wanted(&record, &places, header.len()) });
        if lines.len() > LINES {
            return Err(Invalid::one("", format!("more than {LINES} lines; send them in parts")));
        }
    }
    Ok(lines)
}

fn unreadable(error: &csv::Error) -> Invalid {
    Invalid::one("", format!("not a CSV file in UTF-8: {error}"))
}

/// Where each column is.
fn places(header: &csv::StringRecord) -> Result<BTreeMap<&'static str, usize>, Invalid> {
    let mut places = BTreeMap::new();
    for (i, name) in header.iter().enumerate() {
        let known = COLUMNS.iter().find(|column| **column == name);
        let known = known.ok_or_else(|| Invalid::one(format!("/{name}"), "no column of ours"))?;
        if places.insert(*known, i).is_some() {
            return Err(Invalid::one(format!("/{name}"), "twice in the header"));
        }
    }
    match COLUMNS[..NEEDED].iter().find(|column| !places.contains_key(**column)) {
        Some(missing) => Err(Invalid::one(format!("/{missing}"), "missing in the header")),
        None => Ok(places),
    }
}

fn wanted(
    record: &csv::StringRecord,
    places: &BTreeMap<&'static str, usize>,
    width: usize,
) -> Result<(u32, SchoolForm), Invalid> {
    if record.len() != width {
        return Err(Invalid::one("", format!("{} values under {width} columns", record.len())));
    }
    let text = |column: &str| {
        let value = places.get(column).and_then(|place| record.get(*place)).unwrap_or_default();
        unguarded(value).to_owned()
    };
    let form = SchoolForm {
        name: text("name"),
        school_type: text("school_type"),
        code: Some(text("code")),
        ownership: text("ownership"),
        weak: matches!(text("weak").as_str(), "true" | "1" | "是"),
        tags: text("tags").split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        address: text("address"),
        post_code: text("post_code"),
    };
    let division = text("division").parse().ok();
    let weak = ["", "true", "false", "1", "0", "是", "否"].contains(&text("weak").as_str());
    let mut faults = Faults::default();
    faults.unless(division.is_some(), "/division", "the code of an area");
    faults.unless(weak, "/weak", "true or false");
    let own = faults.done().err().map_or_else(Vec::new, |invalid| invalid.0);
    let all: Vec<Fault> =
        own.into_iter().chain(form.check().err().map_or_else(Vec::new, |invalid| invalid.0)).collect();
    match division {
        Some(division) if all.is_empty() => Ok((division, form)),
        _ => Err(Invalid(all)),
    }
}

/// A file of schools with their administrators. Begins with a byte order mark, because spreadsheets take it for another
/// encoding otherwise.
///
/// # Errors
/// The writer refuses.
pub fn table<'s>(rows: impl Iterator<Item = (&'s SchoolView, String)>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(COLUMNS)?;
    for (school, administrators) in rows {
        let cells = [
            school.code.clone().unwrap_or_default(),
            school.name.clone(),
            school.school_type.clone(),
            school.division.to_string(),
            school.ownership.clone(),
            school.weak.to_string(),
            school.tags.join(";"),
            school.address.clone(),
            school.post_code.clone(),
            administrators,
        ];
        writer.write_record(cells.map(guarded))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))
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

    const HEADER: &str = "code,name,school_type,division,weak,tags";

    fn read(line: &str) -> Result<(u32, SchoolForm), Vec<String>> {
        let lines = lines(format!("{HEADER}\n{line}\n").as_bytes()).unwrap();
        let pointers = |invalid: Invalid| invalid.0.into_iter().map(|fault| fault.pointer).collect();
        lines[0].wanted.clone().map_err(pointers)
    }

    #[test]
    fn a_line_is_a_school_or_tells_its_faults() {
        let (division, form) = read("G1, 虚构一小 ,小学,440106,是,a;b").unwrap();
        assert_eq!((division, form.name.as_str(), form.weak, form.tags.len()), (440_106, "虚构一小", true, 2));
        assert_eq!(
            read("g1,,学堂,x,maybe,"),
            Err(["/division", "/weak", "/name", "/school_type", "/code"].map(str::to_owned).to_vec())
        );
        assert_eq!(read("G1,虚构一小,小学"), Err(vec![String::new()]));
    }

    #[test]
    fn a_header_that_is_not_ours_is_refused() {
        let fault = |text: &[u8]| lines(text).err().map(|invalid| invalid.0[0].pointer.clone());
        assert_eq!(fault(b"code,name,school_type\n").as_deref(), Some("/division"));
        assert_eq!(fault(b"code,name,school_type,division,password\n").as_deref(), Some("/password"));
        assert_eq!(fault(b"code,name,code,division,school_type\n").as_deref(), Some("/code"));
        assert_eq!(fault(b"code,name,school_type,division\n\xff,a,b,c\n").as_deref(), Some(""));
        assert_eq!(fault(b"\xef\xbb\xbfcode,name,school_type,division\n"), None);
    }

    #[test]
    fn spreadsheets_find_no_formulas() {
        assert_eq!(guarded("=1+1".into()), "'=1+1");
        assert_eq!(unguarded(&guarded("@x".into())), "@x");
        assert_eq!((guarded("'s".into()).as_str(), unguarded("'s")), ("'s", "'s"));
    }
}
