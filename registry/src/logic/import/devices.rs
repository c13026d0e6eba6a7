//! Files of devices, which are known by the codes on their labels (设备编号).

use super::Wanted;
use super::numbered;
use super::schools::SchoolName;
use super::sheet::{Columns, Row};
use crate::logic::conflict::{Faults, Invalid};
use crate::logic::enrolment;
use crate::logic::forms::{DeviceChange, TEXT};
use crate::logic::model::Place;
use schemas::registry::DeviceKind;
use schemas::time::Day;
use std::collections::HashMap;

/// What a line calls a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// By its code.
    Code(String),
    /// By its number, `d12`: an export says so of a device without a code.
    No(u32),
}

/// What a line calls a class.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClassName {
    /// In no class.
    None,
    /// By its name in the school.
    Name(String),
    /// By its number, `c12`.
    No(u32),
}

/// A device that a line asks for. What the file has no column for stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLine {
    /// Which one.
    pub device: DeviceName,
    /// Where it is.
    pub school: SchoolName,
    /// Kind.
    pub kind: DeviceKind,
    /// In which class.
    pub class: Option<ClassName>,
    /// Day of purchase; an empty cell says nothing.
    pub procured_on: Option<Day>,
    /// Free text.
    pub note: Option<String>,
    /// 12 capital hexadecimal digits; an empty cell says nothing.
    pub mac: Option<String>,
}

impl Wanted for DeviceLine {
    /// `state` is only told: a device is suspended or retired by itself.
    const COLUMNS: Columns =
        Columns { all: &["code", "school", "kind", "class", "procured_on", "note", "mac", "state"], needed: 3 };

    fn of(row: &Row<'_>) -> Result<DeviceLine, Invalid> {
        let mut faults = Faults::default();
        let device = device_name(row.text("code"));
        faults.unless(device.is_some(), "/code", "1 to 32 digits, capital letters or -");
        let school = SchoolName::read(row.text("school"));
        faults.unless(school.is_some(), "/school", "the code of a school, or its number as s12");
        let kind = DeviceKind::parse(row.text("kind"));
        faults.unless(kind.is_some(), "/kind", "all_in_one, whiteboard, projector_pc or other");
        let filled = |column: &str| row.given(column).filter(|text| !text.is_empty());
        let procured_on = filled("procured_on").map(Day::parse);
        faults.unless(procured_on != Some(None), "/procured_on", "a day as YYYY-MM-DD");
        let mac = filled("mac").map(enrolment::mac);
        faults.unless(mac != Some(None), "/mac", "12 hexadecimal digits");
        faults.text(row.text("note"), TEXT, "/note");
        let missing = || Invalid(Vec::new());
        faults.done()?;
        Ok(DeviceLine {
            device: device.ok_or_else(missing)?,
            school: school.ok_or_else(missing)?,
            kind: kind.ok_or_else(missing)?,
            class: row.given("class").map(class_name),
            procured_on: procured_on.flatten(),
            note: row.given("note").map(str::to_owned),
            mac: mac.flatten(),
        })
    }
}

fn device_name(text: &str) -> Option<DeviceName> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'-');
    match numbered('d', text) {
        Some(no) => Some(DeviceName::No(no)),
        None => ((1..=32).contains(&text.len()) && plain).then(|| DeviceName::Code(text.to_owned())),
    }
}

fn class_name(text: &str) -> ClassName {
    match numbered('c', text) {
        _ if text.is_empty() => ClassName::None,
        Some(no) => ClassName::No(no),
        None => ClassName::Name(text.to_owned()),
    }
}

/// The cells of a device, in the order of the columns.
#[must_use]
pub fn cells(device: DeviceCells) -> Vec<String> {
    let DeviceCells { code, school, kind, class, procured_on, note, mac, state } = device;
    vec![code, school, kind, class, procured_on, note, mac, state]
}

/// What an export tells of a device.
#[derive(Clone, Debug, Default)]
pub struct DeviceCells {
    /// Its code, or its number as `d12`.
    pub code: String,
    /// The code of its school, or the number as `s12`.
    pub school: String,
    /// Kind.
    pub kind: String,
    /// The name of its class, or the number as `c12` where several have this name.
    pub class: String,
    /// Day of purchase.
    pub procured_on: String,
    /// Free text.
    pub note: String,
    /// 12 capital hexadecimal digits.
    pub mac: String,
    /// Its state; only told.
    pub state: String,
}

/// A device as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Number.
    pub no: u32,
    /// Whether it is in the importer's scope today.
    pub inside: bool,
    /// The place that was entered last.
    pub place: Place,
    /// Kind.
    pub kind: DeviceKind,
    /// Day of purchase.
    pub procured_on: Option<Day>,
    /// Free text.
    pub note: String,
    /// Its address.
    pub mac: Option<String>,
}

/// What is there of all that some lines name.
#[derive(Clone, Debug, Default)]
pub struct There {
    /// Devices.
    pub devices: HashMap<DeviceName, Known>,
    /// Schools in the importer's scope.
    pub schools: HashMap<SchoolName, u32>,
    /// Classes of these schools, by school and name.
    pub classes: HashMap<(u32, String), Vec<u32>>,
    /// Classes of these schools by number.
    pub class_schools: HashMap<u32, u32>,
}

/// What is to be done about a line.
#[derive(Clone, Debug)]
pub enum Decision {
    /// A new device in this place.
    Add(Place),
    /// A device that is otherwise.
    Edit(u32, DeviceChange),
    /// A device that is as the line says.
    Leave(u32),
}

/// Decides over a line.
///
/// # Errors
/// It names what is not there, or what is not in the importer's scope.
pub fn decide(line: &DeviceLine, there: &There, today: Day) -> Result<Decision, Invalid> {
    let known = there.devices.get(&line.device);
    // Somebody else's device is only said to have the code, as with schools.
    if known.is_some_and(|known| !known.inside) {
        return Err(Invalid::one("/code", "there is already one with this code"));
    }
    let school = there.schools.get(&line.school).copied();
    let school_no = school.ok_or_else(|| Invalid::one("/school", "a school in your scope"))?;
    if line.procured_on.is_some_and(|day| day > today) {
        return Err(Invalid::one("/procured_on", "a day that is not after today"));
    }
    let class_no = match &line.class {
        Some(class) => Some(class_in(school_no, class, there)?),
        None => None,
    };
    match (known, &line.device) {
        (Some(known), _) => edit(line, known, Place { school_no, class_no: kept(class_no, known, school_no) }),
        (None, DeviceName::No(_)) => Err(Invalid::one("/code", "a device in your scope; a new one needs a code")),
        (None, DeviceName::Code(_)) => Ok(Decision::Add(Place { school_no, class_no: class_no.unwrap_or(0) })),
    }
}

/// A file without classes leaves a device in its class, as long as it stays in its school.
fn kept(class_no: Option<u32>, known: &Known, school_no: u32) -> u32 {
    class_no.unwrap_or(if known.place.school_no == school_no { known.place.class_no } else { 0 })
}

fn class_in(school_no: u32, class: &ClassName, there: &There) -> Result<u32, Invalid> {
    let found = match class {
        ClassName::None => return Ok(0),
        ClassName::No(no) => there.class_schools.get(no).filter(|school| **school == school_no).map(|_| vec![*no]),
        ClassName::Name(name) => there.classes.get(&(school_no, name.clone())).cloned(),
    };
    match found.unwrap_or_default().as_slice() {
        [class_no] => Ok(*class_no),
        [] => Err(Invalid::one("/class", "a class of that school")),
        _ => Err(Invalid::one("/class", "several classes have this name; give the number as c12")),
    }
}

fn edit(line: &DeviceLine, known: &Known, place: Place) -> Result<Decision, Invalid> {
    if line.mac.is_some() && line.mac != known.mac {
        return Err(Invalid::one("/mac", "the device is known with another address, or joined without one"));
    }
    let moved = place != known.place;
    let change = DeviceChange {
        kind: (line.kind != known.kind).then_some(line.kind),
        procured_on: line.procured_on.filter(|day| Some(*day) != known.procured_on),
        note: line.note.clone().filter(|note| *note != known.note),
        state: None,
        school_no: moved.then_some(place.school_no),
        class_no: moved.then_some(place.class_no),
    };
    let same = !moved && change.kind.is_none() && change.procured_on.is_none() && change.note.is_none();
    Ok(if same { Decision::Leave(known.no) } else { Decision::Edit(known.no, change) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::logic::import::lines;

    const TODAY: Day = Day(20_000);

    fn read(header: &str, line: &str) -> Result<DeviceLine, Vec<String>> {
        let file = std::io::Cursor::new(format!("{header}\n{line}\n").into_bytes());
        let lines = lines::<DeviceLine>(file).unwrap().all().unwrap();
        lines[0].wanted.clone().map_err(|invalid| invalid.0.into_iter().map(|fault| fault.pointer).collect())
    }

    fn there() -> There {
        let known = Known {
            no: 9,
            inside: true,
            place: Place { school_no: 1, class_no: 11 },
            kind: DeviceKind::Whiteboard,
            procured_on: None,
            note: "at the window".into(),
            mac: Some("502B73D06CCA".into()),
        };
        let foreign = Known { no: 8, inside: false, ..known.clone() };
        let class = |name: &str, numbers: &[u32]| ((1, name.to_owned()), numbers.to_vec());
        There {
            devices: [(DeviceName::Code("D9".into()), known), (DeviceName::Code("D8".into()), foreign)].into(),
            schools: [(SchoolName::Code("G1".into()), 1), (SchoolName::No(2), 2)].into(),
            classes: [class("一班", &[11]), class("二班", &[12, 13])].into(),
            class_schools: [(11, 1), (12, 1), (13, 1), (21, 2)].into(),
        }
    }

    /// What a line of code, school, kind and class comes to, or the column at fault.
    fn decided(line: &str) -> Result<Decision, String> {
        let line = read("code,school,kind,class", line).unwrap();
        decide(&line, &there(), TODAY).map_err(|invalid| invalid.0[0].pointer.clone())
    }

    #[test]
    fn a_line_is_a_device_or_tells_its_faults() {
        let line = read("code,school,kind,mac,note", "D-1,s7,all_in_one,50:2b:73:d0:6c:ca,x").unwrap();
        assert_eq!((line.school, line.mac.as_deref()), (SchoolName::No(7), Some("502B73D06CCA")));
        assert_eq!((line.class, line.note.as_deref()), (None, Some("x")), "no column, nothing said");
        let faults = read("code,school,kind,mac,procured_on", "d-1,,tv,5,2026-13-01").unwrap_err();
        assert_eq!(faults, ["/code", "/school", "/kind", "/procured_on", "/mac"]);
    }

    #[test]
    fn new_devices_are_added_and_known_ones_changed_only_where_they_differ() {
        assert!(matches!(decided("D1,G1,other,一班"), Ok(Decision::Add(Place { school_no: 1, class_no: 11 }))));
        assert!(matches!(decided("D9,G1,whiteboard,c11"), Ok(Decision::Leave(9))));
        let Ok(Decision::Edit(9, change)) = decided("D9,s2,other,c21") else { panic!("not changed") };
        assert_eq!((change.kind, change.school_no, change.class_no), (Some(DeviceKind::Other), Some(2), Some(21)));
        assert!(change.note.is_none(), "a file without notes leaves them");
        let elsewhere = read("code,school,kind", "D9,s2,whiteboard").unwrap();
        let Ok(Decision::Edit(9, change)) = decide(&elsewhere, &there(), TODAY) else { panic!("not moved") };
        assert_eq!(change.class_no, Some(0), "the class does not come along");
    }

    #[test]
    fn what_is_not_there_or_somebody_elses_is_refused() {
        for (line, column) in [
            ("D8,G1,other,", "/code"),
            ("d77,G1,other,", "/code"),
            ("D1,G2,other,", "/school"),
            ("D1,G1,other,三班", "/class"),
            ("D1,G1,other,二班", "/class"),
            ("D1,G1,other,c21", "/class"),
        ] {
            assert_eq!(decided(line).unwrap_err(), column, "{line}");
        }
        let other = read("code,school,kind,mac", "D9,G1,whiteboard,000000000000").unwrap();
        assert_eq!(decide(&other, &there(), TODAY).unwrap_err().0[0].pointer, "/mac");
        let late = read("code,school,kind,procured_on", "D1,G1,other,2026-11-21").unwrap();
        assert_eq!(decide(&late, &there(), TODAY).unwrap_err().0[0].pointer, "/procured_on");
    }
}
