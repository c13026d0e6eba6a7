//! Lines of a file of devices, many at a time: what they name is looked up at once, and what is new is written at once.

use super::Importable;
use crate::logic::belonging::Schools;
use crate::logic::conflict::Fault;
use crate::logic::forms::DeviceChange;
use crate::logic::import::devices::{Decision, DeviceLine, DeviceName, Known, There, decide};
use crate::logic::import::schools::SchoolName;
use crate::logic::import::{Line, LineResult, Outcome};
use crate::logic::model::{self, Device, Place, in_force};
use crate::logic::records::{self, Outgoing};
use crate::logic::rights::Node;
use crate::logic::tag::Expected;
use crate::store::Connection;
use crate::store::batch::{insert, one_of};
use crate::store::change::{Change, Entry, take_numbers};
use crate::store::{StoreError, corrupt, device_changes, device_counts, number, orgs, outbox};
use schemas::org::area_range;
use schemas::registry::{DeviceKind, DeviceState};
use schemas::time::Day;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Lines that are looked up together.
const LOOK: usize = 2_000;

/// What the log tells of the devices that a file brought to a school: one row for all of them, because three million
/// would be most of the log.
#[derive(Serialize)]
struct ImportView<'d> {
    school_no: u32,
    devices: Vec<NewView<'d>>,
}

#[derive(Serialize)]
struct NewView<'d> {
    device_no: u32,
    code: &'d str,
    class_no: u32,
    kind: DeviceKind,
}

/// A device that a line adds.
struct New<'l> {
    device: Device,
    code: &'l str,
    line: &'l DeviceLine,
}

impl New<'_> {
    fn place(&self) -> Place {
        self.device.places.first().map_or(Place { school_no: 0, class_no: 0 }, |change| change.value)
    }
}

impl Importable for DeviceLine {
    // About half a second; each ends with a wait for the disk.
    const TOGETHER: usize = 10_000;

    async fn take(
        change: &mut Change<'_>,
        area: u32,
        lines: &[Line<DeviceLine>],
    ) -> Result<Vec<LineResult>, StoreError> {
        let mut results = Vec::with_capacity(lines.len());
        let mut rest = lines;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(apart(rest));
            results.append(&mut part_of(change, area, part).await?);
            rest = later;
        }
        Ok(results)
    }
}

/// How many of the lines name different devices: one that is named twice has to be there by the second time.
fn apart(lines: &[Line<DeviceLine>]) -> usize {
    let mut named = HashSet::new();
    let again = lines.iter().take(LOOK).position(|line| match &line.wanted {
        Ok(wanted) => !named.insert(&wanted.device),
        Err(_) => false,
    });
    again.unwrap_or(lines.len().min(LOOK))
}

async fn part_of(
    change: &mut Change<'_>,
    area: u32,
    lines: &[Line<DeviceLine>],
) -> Result<Vec<LineResult>, StoreError> {
    let today = Day::of_ms(change.at_ms());
    let wanted: Vec<&DeviceLine> = lines.iter().filter_map(|line| line.wanted.as_ref().ok()).collect();
    let (there, histories) = there(change.tx(), area, today, &wanted).await?;
    let (mut results, mut new) = (Vec::with_capacity(lines.len()), Vec::new());
    for line in lines {
        let decided = line.wanted.as_ref().map_err(Clone::clone).and_then(|wanted| decide(wanted, &there, today));
        let result = match decided {
            Ok(Decision::Add(place)) => {
                new.extend(line.wanted.as_ref().ok().map(|wanted| (results.len(), wanted, place)));
                LineResult::done(line.line, Outcome::Added)
            }
            Ok(Decision::Leave(no)) => numbered(LineResult::done(line.line, Outcome::Unchanged), no),
            Ok(Decision::Edit(no, edit)) => edited(change, line.line, no, &edit).await?,
            Err(invalid) => LineResult::refused(line.line, invalid.0),
        };
        results.push(result);
    }
    let numbers = add(change, &new, &histories).await?;
    for ((place, ..), no) in new.iter().zip(numbers) {
        results[*place].device_no = Some(no);
    }
    Ok(results)
}

fn numbered(result: LineResult, no: u32) -> LineResult {
    LineResult { device_no: Some(no), ..result }
}

/// A device that is otherwise: as if the console had changed it.
async fn edited(change: &mut Change<'_>, line: u64, no: u32, edit: &DeviceChange) -> Result<LineResult, StoreError> {
    match device_changes::edit_within(change, no, &Expected::Any, edit).await {
        Ok(_) => Ok(numbered(LineResult::done(line, Outcome::Changed), no)),
        Err(StoreError::OtherSchool { .. }) => {
            let fault = Fault { pointer: "/class".to_owned(), detail: "a class of that school".to_owned() };
            Ok(LineResult::refused(line, vec![fault]))
        }
        Err(error) => Err(error),
    }
}

/// Adds devices, and tells of them; gives their numbers.
async fn add(
    change: &mut Change<'_>,
    wanted: &[(usize, &DeviceLine, Place)],
    histories: &Schools,
) -> Result<Vec<u32>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let at_ms = change.at_ms();
    let first = take_numbers(change.tx(), "device", "SELECT MAX(device_no) FROM devices", wanted.len()).await?;
    let new: Vec<New> =
        wanted.iter().zip(first..).map(|((_, line, place), no)| new_device(line, *place, no, at_ms)).collect();
    write(change.tx(), &new).await?;
    let mut by_school: BTreeMap<u32, Vec<&New>> = BTreeMap::new();
    for device in &new {
        by_school.entry(device.place().school_no).or_default().push(device);
    }
    for (school_no, devices) in by_school {
        device_counts::joined(change.tx(), school_no, devices.len(), at_ms).await?;
        log(change, school_no, &devices, histories).await?;
    }
    tell(change, &new, histories).await?;
    Ok(new.iter().map(|new| new.device.no).collect())
}

fn new_device<'l>(line: &'l DeviceLine, place: Place, no: u32, at_ms: i64) -> New<'l> {
    let code = match &line.device {
        DeviceName::Code(code) => code,
        DeviceName::No(_) => "",
    };
    let device = Device {
        no,
        id: Uuid::new_v4(),
        kind: line.kind,
        state: DeviceState::Enrolled,
        token_gen: 0,
        revoked: false,
        enrolled_at_ms: at_ms,
        places: vec![model::Change { from_day: Day::of_ms(at_ms), value: place }],
        states: Vec::new(),
    };
    New { device, code, line }
}

async fn write(tx: &mut Connection, new: &[New<'_>]) -> Result<(), StoreError> {
    let head = "INSERT INTO devices (device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms, procured_on_day, note, mac, code) ";
    insert(tx, head, new, |row, new| {
        let device = &new.device;
        row.push_bind(device.no).push_bind(device.id.to_string()).push_bind(device.kind.as_str());
        row.push_bind(device.state.as_str()).push_bind(0).push_bind(false).push_bind(device.enrolled_at_ms);
        row.push_bind(new.line.procured_on.map(|day| day.0));
        row.push_bind(new.line.note.clone().unwrap_or_default()).push_bind(new.line.mac.clone());
        row.push_bind(new.code.to_owned());
    })
    .await?;
    let head = "INSERT INTO belongings (device_no, from_day, school_no, class_no, entered_at_ms) ";
    insert(tx, head, new, |row, new| {
        let (at_ms, place) = (new.device.enrolled_at_ms, new.place());
        row.push_bind(new.device.no).push_bind(Day::of_ms(at_ms).0);
        row.push_bind(place.school_no).push_bind(place.class_no).push_bind(at_ms);
    })
    .await
}

async fn log<'n>(
    change: &mut Change<'_>,
    school_no: u32,
    new: &[&'n New<'_>],
    histories: &Schools,
) -> Result<(), StoreError> {
    let today = Day::of_ms(change.at_ms());
    let division = histories.get(&school_no).and_then(|school| in_force(&school.divisions, today)).unwrap_or(0);
    let told = |new: &&'n New<'_>| NewView {
        device_no: new.device.no,
        code: new.code,
        class_no: new.place().class_no,
        kind: new.device.kind,
    };
    let devices = new.iter().map(told).collect();
    let view = ImportView { school_no, devices };
    let (object, node) = (format!("s{school_no}"), Node::School { division, school_no });
    change.log(Entry { action: "devices.import", object, node, before: None, after: Some(&view), reason: "" }).await
}

async fn tell(change: &mut Change<'_>, new: &[New<'_>], histories: &Schools) -> Result<(), StoreError> {
    let first = outbox::take_revs(change.tx(), new.len()).await?;
    let stamps = (first..).map(|rev| change.stamp(rev));
    let record = |(new, stamp): (&New<'_>, _)| Outgoing::device(&records::device(&new.device, histories, stamp));
    let values: Vec<_> = new.iter().zip(stamps).map(record).collect();
    let at_ms = change.at_ms();
    outbox::append(change.tx(), at_ms, &values).await
}

/// What is there of all that the lines name, and the histories of the schools among it.
async fn there(
    tx: &mut Connection,
    area: u32,
    today: Day,
    lines: &[&DeviceLine],
) -> Result<(There, Schools), StoreError> {
    let rows = device_rows(tx, lines).await?;
    let mut schools = school_names(tx, lines).await?;
    let numbers: BTreeSet<u32> = schools.values().copied().chain(rows.iter().flat_map(|row| row.schools())).collect();
    let numbers: Vec<u32> = numbers.into_iter().collect();
    let histories = orgs::histories_of(tx, &numbers).await?;
    let range = area_range(area);
    let inside = |no: u32| {
        let division = histories.get(&no).and_then(|school| in_force(&school.divisions, today));
        division.is_some_and(|division| range.contains(&division))
    };
    schools.retain(|_, no| inside(*no));
    let mut there = There { schools, ..There::default() };
    for row in rows {
        let at = in_force(&row.places, today).map_or(0, |place| place.school_no);
        there.devices.insert(row.name.clone(), row.known(inside(at)));
    }
    classes(tx, &mut there).await?;
    Ok((there, histories))
}

/// A device as it is kept.
struct Kept {
    name: DeviceName,
    known: Known,
    places: Vec<model::Change<Place>>,
}

impl Kept {
    fn schools(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|change| change.value.school_no)
    }

    fn known(self, inside: bool) -> Known {
        let place = self.places.last().map_or(self.known.place, |change| change.value);
        Known { inside, place, ..self.known }
    }
}

const DEVICES: &str = "SELECT d.device_no, d.code, d.kind, d.procured_on_day, d.note, d.mac, b.from_day, b.school_no, b.class_no FROM devices d JOIN belongings b ON b.device_no = d.device_no WHERE ";
const IN_ORDER: &str = " ORDER BY d.device_no, b.from_day";

type DeviceRow = (i64, Option<String>, String, Option<i32>, String, Option<String>, i32, i64, i64);

async fn device_rows(tx: &mut Connection, lines: &[&DeviceLine]) -> Result<Vec<Kept>, StoreError> {
    let (mut codes, mut numbers) = (Vec::new(), Vec::new());
    for line in lines {
        match &line.device {
            DeviceName::Code(code) => codes.push(code.as_str()),
            DeviceName::No(no) => numbers.push(*no),
        }
    }
    let by_code = one_of(&format!("{DEVICES}d.code IN "), codes.into_iter(), IN_ORDER)
        .build_query_as()
        .fetch_all(&mut *tx)
        .await?;
    let mut kept = together(by_code, |row: &DeviceRow| Ok(DeviceName::Code(row.1.clone().unwrap_or_default())))?;
    let by_no = one_of(&format!("{DEVICES}d.device_no IN "), numbers.into_iter(), IN_ORDER)
        .build_query_as()
        .fetch_all(tx)
        .await?;
    kept.append(&mut together(by_no, |row: &DeviceRow| Ok(DeviceName::No(number("devices.device_no", row.0)?)))?);
    Ok(kept)
}

/// One device of all rows about it.
fn together(
    rows: Vec<DeviceRow>,
    name: impl Fn(&DeviceRow) -> Result<DeviceName, StoreError>,
) -> Result<Vec<Kept>, StoreError> {
    let mut kept: Vec<Kept> = Vec::new();
    for row in rows {
        let named = name(&row)?;
        let (no, _, kind, procured_on, note, mac, from_day, school_no, class_no) = row;
        let (no, school_no) = (number("devices.device_no", no)?, number("belongings.school_no", school_no)?);
        let place = Place { school_no, class_no: number("belongings.class_no", class_no)? };
        if kept.last().is_none_or(|last| last.known.no != no) {
            let kind = DeviceKind::parse(&kind).ok_or_else(|| corrupt("devices.kind", kind))?;
            let known = Known { no, inside: false, place, kind, procured_on: procured_on.map(Day), note, mac };
            kept.push(Kept { name: named, known, places: Vec::new() });
        }
        if let Some(last) = kept.last_mut() {
            last.places.push(model::Change { from_day: Day(from_day), value: place });
        }
    }
    Ok(kept)
}

async fn school_names(tx: &mut Connection, lines: &[&DeviceLine]) -> Result<HashMap<SchoolName, u32>, StoreError> {
    let names: HashSet<&SchoolName> = lines.iter().map(|line| &line.school).collect();
    let (mut codes, mut numbers) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            SchoolName::Code(code) => codes.push(code.as_str()),
            SchoolName::No(no) => numbers.push(*no),
        }
    }
    let head = "SELECT school_no, code FROM schools WHERE purged_at_ms IS NULL AND ";
    let rows: Vec<(i64, String)> =
        one_of(&format!("{head}code IN "), codes.into_iter(), "").build_query_as().fetch_all(&mut *tx).await?;
    let mut found = HashMap::new();
    for (no, code) in rows {
        found.insert(SchoolName::Code(code), number("schools.school_no", no)?);
    }
    let head = "SELECT school_no FROM schools WHERE purged_at_ms IS NULL AND school_no IN ";
    let rows: Vec<(i64,)> = one_of(head, numbers.into_iter(), "").build_query_as().fetch_all(tx).await?;
    for (no,) in rows {
        let no = number("schools.school_no", no)?;
        found.insert(SchoolName::No(no), no);
    }
    Ok(found)
}

async fn classes(tx: &mut Connection, there: &mut There) -> Result<(), StoreError> {
    let schools: BTreeSet<u32> = there.schools.values().copied().collect();
    let head = "SELECT class_no, school_no, name FROM classes WHERE school_no IN ";
    let rows: Vec<(i64, i64, String)> = one_of(head, schools.into_iter(), "").build_query_as().fetch_all(tx).await?;
    for (class_no, school_no, name) in rows {
        let (class_no, school_no) = (number("classes.class_no", class_no)?, number("classes.school_no", school_no)?);
        there.class_schools.insert(class_no, school_no);
        there.classes.entry((school_no, name)).or_default().push(class_no);
    }
    Ok(())
}
