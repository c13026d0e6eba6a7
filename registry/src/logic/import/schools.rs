//! Files of schools, which are known by their codes.

use super::Wanted;
use super::sheet::{Columns, Row};
use crate::logic::conflict::{Fault, Faults, Invalid};
use crate::logic::forms::SchoolForm;
use crate::logic::views::SchoolView;

/// A school that a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolLine {
    /// The area that directly manages it.
    pub division: u32,
    /// Its profile.
    pub form: SchoolForm,
}

impl Wanted for SchoolLine {
    /// `administrators` is only told.
    const COLUMNS: Columns = Columns {
        all: &[
            "code",
            "name",
            "school_type",
            "division",
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
        let (division, weak) = (row.text("division").parse().ok(), weak(row.text("weak")));
        let form = form(row, weak.unwrap_or_default());
        let mut faults = Faults::default();
        faults.unless(division.is_some(), "/division", "the code of an area");
        faults.unless(weak.is_some(), "/weak", "true or false");
        let all: Vec<Fault> =
            [faults.done(), form.check()].into_iter().filter_map(Result::err).flat_map(|f| f.0).collect();
        match division {
            Some(division) if all.is_empty() => Ok(SchoolLine { division, form }),
            _ => Err(Invalid(all)),
        }
    }
}

fn form(row: &Row<'_>, weak: bool) -> SchoolForm {
    let text = |column: &str| row.text(column).to_owned();
    SchoolForm {
        name: text("name"),
        school_type: text("school_type"),
        code: Some(text("code")),
        ownership: text("ownership"),
        weak,
        tags: row.text("tags").split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        address: text("address"),
        post_code: text("post_code"),
    }
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
        school.code.clone().unwrap_or_default(),
        school.name.clone(),
        school.school_type.clone(),
        school.division.to_string(),
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
        let SchoolLine { division, form } = read("G1, 虚构一小 ,小学,440106,是,a;b").unwrap();
        assert_eq!((division, form.name.as_str(), form.weak, form.tags.len()), (440_106, "虚构一小", true, 2));
        assert_eq!(
            read("g1,,学堂,x,maybe,"),
            Err(["/division", "/weak", "/name", "/school_type", "/code"].map(str::to_owned).to_vec())
        );
        assert_eq!(read("G1,虚构一小,小学"), Err(vec![String::new()]));
    }
}
