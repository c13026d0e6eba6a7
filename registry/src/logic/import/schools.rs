//! Files of schools, which are known by their codes.

use super::sheet::{Columns, Row};
use super::{Wanted, numbered};
use crate::logic::conflict::{Fault, Faults, Invalid};
use crate::logic::forms::SchoolForm;
use crate::logic::views::SchoolView;

/// What a line calls a school.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SchoolName {
    /// By its code.
    Code(String),
    /// By its number, `s12`: an export says so of a school without a code.
    No(u32),
}

impl SchoolName {
    /// Reads a cell; none: it is empty.
    #[must_use]
    pub fn read(text: &str) -> Option<SchoolName> {
        match numbered('s', text) {
            Some(no) => Some(SchoolName::No(no)),
            None => (!text.is_empty()).then(|| SchoolName::Code(text.to_owned())),
        }
    }
}

/// A school that a line asks for. What the file has no column for stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolLine {
    /// Which one.
    pub school: SchoolName,
    /// The area that directly manages it.
    pub division: u32,
    name: String,
    school_type: String,
    school_system: Option<String>,
    ownership: Option<String>,
    weak: Option<bool>,
    tags: Option<Vec<String>>,
    address: Option<String>,
    post_code: Option<String>,
}

impl SchoolLine {
    /// The profile that it asks for, of a school whose profile is `known`, or of a new one.
    #[must_use]
    pub fn form(&self, known: Option<&SchoolForm>) -> SchoolForm {
        let mut form = known.cloned().unwrap_or_default();
        if let SchoolName::Code(code) = &self.school {
            form.code = Some(code.clone());
        }
        (form.name, form.school_type) = (self.name.clone(), self.school_type.clone());
        form.school_system = self.school_system.clone().unwrap_or(form.school_system);
        form.ownership = self.ownership.clone().unwrap_or(form.ownership);
        form.address = self.address.clone().unwrap_or(form.address);
        form.post_code = self.post_code.clone().unwrap_or(form.post_code);
        form.weak = self.weak.unwrap_or(form.weak);
        form.tags = self.tags.clone().unwrap_or(form.tags);
        form
    }
}

impl Wanted for SchoolLine {
    /// `administrators` is only told.
    const COLUMNS: Columns = Columns {
        all: &[
            "code",
            "name",
            "school_type",
            "division",
            "school_system",
            "ownership",
            "weak",
            "tags",
            "address",
            "post_code",
            "administrators",
        ],
        needed: 4,
    };

    fn of(row: &Row<'_>) -> Result<SchoolLine, Invalid> {
        let (school, division) = (SchoolName::read(row.text("code")), row.text("division").parse().ok());
        let weak = row.given("weak").map(weak);
        let mut faults = Faults::default();
        faults.unless(school.is_some(), "/code", "the code of the school, or its number as s12");
        faults.unless(division.is_some(), "/division", "the code of an area");
        faults.unless(weak != Some(None), "/weak", "true or false");
        let given = |column: &str| row.given(column).map(str::to_owned);
        let line = SchoolLine {
            school: school.unwrap_or(SchoolName::No(0)),
            division: division.unwrap_or(0),
            name: row.text("name").to_owned(),
            school_type: row.text("school_type").to_owned(),
            school_system: given("school_system"),
            ownership: given("ownership"),
            weak: weak.flatten(),
            tags: row.given("tags").map(tags),
            address: given("address"),
            post_code: given("post_code"),
        };
        let all: Vec<Fault> =
            [faults.done(), line.form(None).check()].into_iter().filter_map(Result::err).flat_map(|f| f.0).collect();
        if all.is_empty() { Ok(line) } else { Err(Invalid(all)) }
    }
}

fn tags(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

fn weak(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "是" => Some(true),
        "" | "false" | "0" | "否" => Some(false),
        _ => None,
    }
}

/// The cells of a school and its administrators.
#[must_use]
pub fn cells(school: &SchoolView, administrators: &[String]) -> Vec<String> {
    vec![
        school.code.clone().unwrap_or_else(|| format!("s{}", school.school_no)),
        school.name.clone(),
        school.school_type.clone(),
        school.division.to_string(),
        school.school_system.clone(),
        school.ownership.clone(),
        school.weak.to_string(),
        school.tags.join(";"),
        school.address.clone(),
        school.post_code.clone(),
        administrators.join("; "),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::logic::import::lines;

    const HEADER: &str = "code,name,school_type,division,weak,tags";

    fn read(line: &str) -> Result<SchoolLine, Vec<String>> {
        let file = std::io::Cursor::new(format!("{HEADER}\n{line}\n").into_bytes());
        let lines = lines::<SchoolLine>(file).unwrap().all().unwrap();
        let pointers = |invalid: Invalid| invalid.0.into_iter().map(|fault| fault.pointer).collect();
        lines[0].wanted.clone().map_err(pointers)
    }

    #[test]
    fn a_line_is_a_school_or_tells_its_faults() {
        let line = read("G1, 虚构一小 ,小学,440106,是,a;b").unwrap();
        let form = line.form(None);
        assert_eq!((line.division, form.name.as_str(), form.weak, form.tags.len()), (440_106, "虚构一小", true, 2));
        assert_eq!(read("s12,虚构一小,小学,440106,,").unwrap().school, SchoolName::No(12));
        assert_eq!(
            read("g1,,学堂,x,maybe,"),
            Err(["/division", "/weak", "/name", "/school_type", "/code"].map(str::to_owned).to_vec())
        );
        assert_eq!(read("G1,虚构一小,小学"), Err(vec![String::new()]));
    }

    #[test]
    fn what_the_file_has_no_column_for_stays() {
        let known = SchoolForm {
            school_system: "六三制".into(),
            ownership: "公办".into(),
            address: "某路 1 号".into(),
            post_code: "510000".into(),
            tags: vec!["a".into()],
            weak: true,
            ..SchoolForm::default()
        };
        let form = read("G1,虚构一小,小学,440106,,b").unwrap().form(Some(&known));
        assert_eq!((form.name.as_str(), form.weak, form.tags), ("虚构一小", false, vec!["b".to_owned()]));
        assert_eq!((form.school_system, form.ownership), (known.school_system, known.ownership));
        assert_eq!((form.address, form.post_code), (known.address, known.post_code));
    }
}
