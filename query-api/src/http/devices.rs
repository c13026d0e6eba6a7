//! `/v1/schools/{school_no}/devices` and `/v1/devices/{device_no}/…`.

use super::answers::{DayRow, Days, Device, DeviceUnit, Devices, FigureMap, Meta, Sessions};
use super::docs::{DayQuery, DevicePath, Faults, FiguresQuery, PageQuery, SchoolPath};
use super::inbound::{Inbound, Question};
use super::orgs::open_cursor;
use super::problem::{Problem, require};
use super::respond::{Answer, meta, respond};
use super::{Api, tables};
use crate::logic::device_plan::{self as plan, DevicePlan};
use crate::logic::etag::DataVersion;
use crate::logic::order::{key, page};
use crate::logic::params::Route;
use crate::logic::plan::Calendar;
use crate::logic::scope::{Access, DevicesOf, Location};
use crate::logic::sessions::{DaySessions, sessions as listed};
use crate::logic::sums::Sums;
use crate::logic::tree::Org;
use crate::logic::units;
use crate::source::refresh::Known;
use crate::source::rows::{self, DeviceRow};
use crate::source::school::{self, SchoolDevices};
use axum::extract::State;
use axum::response::Response;
use schemas::org::OrgId;
use schemas::registry::{DeviceKind, DeviceState};
use schemas::time::Day;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Devices of a school
///
/// Devices that are in the school now, or were in service in it within the range, with figures over the school days on
/// which they were in service in this school. `class_no` is the class now; 0: none, or another school's. Class teachers
/// see the devices that are in their classes now.
#[utoipa::path(get, path = "/v1/schools/{school_no}/devices", tag = "devices", security(("token" = [])),
    params(SchoolPath, DayQuery, FiguresQuery, PageQuery),
    responses((status = 200, description = "devices", body = Devices), Faults))]
pub async fn of_school(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let question = inbound.question(&api, Route::Devices)?;
    let known = api.known()?;
    let school_no = number(inbound.place()?)?;
    let node = known.tree.get(OrgId::School(school_no)).ok_or(Problem::NotFound)?;
    let is_class_here = |class| known.tree.school_of_class(class) == Some(school_no);
    let devices = inbound.caller.scope.devices_of(node.division, school_no, is_class_here).ok_or(Problem::NotFound)?;
    let params = &question.params;
    let plan = DevicePlan {
        scope: &inbound.caller.scope,
        school_no,
        devices: &devices,
        from: params.from,
        to: params.to,
        figures: &params.figures,
    };
    let school = school::read(&known.readers.sources, &plan, question.now, &question.ids).await?;
    let answer = device_list(&api, &inbound, &question, &known, (school_no, &school))?;
    let written = Answer { json: &answer, version: school.version, next: answer.next.as_deref() };
    respond(&api, &inbound, &question, &known, &written, || {
        let name = |class| known.tree.get(OrgId::Class(class)).map(|node| node.name.clone());
        // For those who see only classes of it, the school is not there.
        let org = |class| match &devices {
            DevicesOf::School => node.org(),
            DevicesOf::Classes(_) => known.tree.org(OrgId::Class(class), node.division),
        };
        tables::devices(&answer, org, name, &params.figures)
    })
}

fn device_list(
    api: &Api,
    inbound: &Inbound,
    question: &Question,
    known: &Known,
    (school_no, school): (u32, &SchoolDevices),
) -> Result<Devices, Problem> {
    let params = &question.params;
    let list = format!("{}|{}|{}|{:?}", inbound.path, params.from, params.to, params.order);
    let after = open_cursor(api, &list, params.cursor.as_deref())?;
    let mut all = Sums::default();
    let row = |row: &DeviceRow| {
        let sums = school.sums.get(&row.device_no).copied().unwrap_or_default();
        all.add(&sums);
        let figures = units::figures(&params.figures, &sums, &school.calendar);
        (
            key(0, &figures, params.order, (0, row.device_no)),
            DeviceUnit { device: as_listed(row, school_no), figures: FigureMap(figures) },
        )
    };
    let rows = school.devices.iter().map(row).collect();
    let page = page(rows, after.as_ref(), params.page_size, params.order.is_some_and(|order| order.descending));
    let next = page.next.as_ref().map(|key| api.signer.sign(&list, key));
    let meta = meta(question, known, &school.calendar, &all, &question.ids);
    Ok(Devices { meta, rows: page.rows.into_iter().map(|(_, row)| row).collect(), next })
}

/// Days of a device
///
/// Every day with data, school days or not.
#[utoipa::path(get, path = "/v1/devices/{device_no}/days", tag = "devices", security(("token" = [])),
    params(DevicePath, DayQuery), responses((status = 200, description = "days", body = Days), Faults))]
pub async fn days(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let found = Found::read(&api, &inbound, Route::Days).await?;
    let (params, scope, ids) = (&found.question.params, &inbound.caller.scope, &found.question.ids);
    let activity = plan::device_days(scope, found.row.device_no, params.from, params.to);
    let network = plan::device_verdicts(scope, found.row.device_no, params.from, params.to);
    let (activity_id, network_id) = (ids.of("days"), ids.of("verdicts"));
    let store = &found.known.readers.sources.store;
    let activity = store.fetch::<rows::DayRow>(&activity, &activity_id);
    let network = store.fetch::<rows::VerdictRow>(&network, &network_id);
    let (activity, network) = tokio::try_join!(activity, network)?;
    let mut version = found.version;
    activity.iter().for_each(|row| version.add(1, row.ver.into()));
    network.iter().for_each(|row| version.add(1, row.ver.into()));
    let answer = Days { meta: found.meta(), device: device(&found.row), rows: day_rows(&activity, &network) };
    let written = Answer { json: &answer, version, next: None };
    respond(&api, &inbound, &found.question, &found.known, &written, || tables::days(&answer, &found.org(&inbound)))
}

/// The days that have a row of either ledger, ascending.
fn day_rows(activity: &[rows::DayRow], network: &[rows::VerdictRow]) -> Vec<DayRow> {
    let mut days: BTreeMap<u16, DayRow> = BTreeMap::new();
    for row in network {
        days.insert(row.day, DayRow { verdict: verdict(row.verdict_code), ..empty_day(row.day, row.in_service) });
    }
    for row in activity {
        let day = days.entry(row.day).or_insert_with(|| empty_day(row.day, row.in_service));
        (day.on_s, day.active_s) = (Some(row.on_s), Some(row.active_s));
        (day.sessions, day.used, day.lessons) = (Some(row.sessions), Some(row.used), Some(row.lessons));
        (day.first_s, day.last_s, day.in_service) = (row.first_s, row.last_s, row.in_service);
    }
    days.into_values().collect()
}

fn empty_day(day: u16, in_service: u8) -> DayRow {
    DayRow {
        day: Day(i32::from(day)).to_string(),
        in_service,
        on_s: None,
        active_s: None,
        sessions: None,
        used: None,
        lessons: None,
        first_s: None,
        last_s: None,
        verdict: "unknown",
    }
}

fn verdict(code: i8) -> &'static str {
    match code {
        schemas::rows::verdict::PASS => "pass",
        schemas::rows::verdict::FAIL => "fail",
        _ => "unknown",
    }
}

/// Sessions of a device
///
/// Cut at local midnight; the flags tell which go on over it.
#[utoipa::path(get, path = "/v1/devices/{device_no}/sessions", tag = "devices", security(("token" = [])),
    params(DevicePath, DayQuery), responses((status = 200, description = "sessions", body = Sessions), Faults))]
pub async fn sessions(State(api): State<Arc<Api>>, inbound: Inbound) -> Result<Response, Problem> {
    let found = Found::read(&api, &inbound, Route::Sessions).await?;
    let params = &found.question.params;
    let statement = plan::device_sessions(&inbound.caller.scope, found.row.device_no, params.from, params.to);
    let (store, id) = (&found.known.readers.sources.store, found.question.ids.of("sessions"));
    let days = store.fetch::<rows::SessionsRow>(&statement, &id).await?;
    let mut version = found.version;
    days.iter().for_each(|row| version.add(1, row.ver.into()));
    let days: Vec<DaySessions> = days.into_iter().map(day_sessions).collect();
    let rows = listed(&days, params.from, params.to);
    let answer = Sessions { meta: found.meta(), device: device(&found.row), rows };
    let written = Answer { json: &answer, version, next: None };
    respond(&api, &inbound, &found.question, &found.known, &written, || tables::sessions(&answer, &found.org(&inbound)))
}

fn day_sessions(row: rows::SessionsRow) -> DaySessions {
    DaySessions {
        day: Day(i32::from(row.day)),
        spans: row.session_spans,
        from_start: row.from_start == 1,
        to_end: row.to_end == 1,
    }
}

/// A device inside the caller's scope, with the calendar of its school.
struct Found {
    question: Question,
    known: Known,
    row: DeviceRow,
    calendar: Calendar,
    sums: Sums,
    version: DataVersion,
}

impl Found {
    async fn read(api: &Api, inbound: &Inbound, route: Route) -> Result<Found, Problem> {
        let question = inbound.question(api, route)?;
        let known = api.known()?;
        let device_no = number(inbound.place()?)?;
        let rows = known.readers.sources.store.fetch::<DeviceRow>(&plan::device(device_no), &question.ids.0).await?;
        let row = rows.into_iter().next().ok_or(Problem::NotFound)?;
        let at = Location { division: row.division, school_no: row.school_no, class_no: row.class_no };
        require(inbound.caller.scope.device(at))?;
        let mut found = Found {
            question,
            known,
            row,
            calendar: Calendar::default(),
            sums: Sums::default(),
            version: DataVersion::default(),
        };
        found.read_coverage(inbound).await?;
        Ok(found)
    }

    /// Calendar and coverage: the days on which the device was in service and reported.
    async fn read_coverage(&mut self, inbound: &Inbound) -> Result<(), Problem> {
        let params = &self.question.params;
        let plan = DevicePlan {
            scope: &inbound.caller.scope,
            school_no: self.row.school_no,
            devices: &DevicesOf::School,
            from: params.from,
            to: params.to,
            figures: &[],
        };
        let (ids, store) = (&self.question.ids, &self.known.readers.sources.store);
        let calendar = store.fetch::<rows::SchoolDayRow>(&plan.calendar(), &ids.of("calendar")).await?;
        self.calendar.days = calendar.iter().map(rows::SchoolDayRow::day_count).collect();
        let reported = plan.reported(self.row.device_no, &self.calendar.school_days());
        let roster = plan.in_service(&[self.row.device_no]);
        let (roster_id, reported_id) = (ids.of("in-service"), ids.of("reported"));
        let roster = store.fetch::<rows::DeviceRosterRow>(&roster, &roster_id);
        let reported = store.fetch::<rows::ReportedRow>(&reported, &reported_id);
        let (roster, reported) = tokio::try_join!(roster, reported)?;
        self.sums.roster.in_service = roster.iter().map(|row| row.n_days).sum();
        self.sums.activity.reporting = reported.iter().map(|row| row.n_reporting).sum();
        self.version.add(self.sums.roster.in_service, self.row.ver);
        Ok(())
    }

    fn meta(&self) -> Meta {
        meta(&self.question, &self.known, &self.calendar, &self.sums, &self.question.ids)
    }

    /// The school that rows are named after; for those who see only a class, that class.
    fn org(&self, inbound: &Inbound) -> Org {
        let (tree, row) = (&self.known.tree, &self.row);
        match inbound.caller.scope.school(row.division, row.school_no) {
            Access::Allowed => tree.org(OrgId::School(row.school_no), row.division),
            Access::Forbidden | Access::Outside => tree.org(OrgId::Class(row.class_no), row.division),
        }
    }
}

/// A device in the list of a school: the class of one that is elsewhere now is no class of this school.
fn as_listed(row: &DeviceRow, school_no: u32) -> Device {
    let class_no = if row.school_no == school_no { row.class_no } else { 0 };
    Device { class_no, ..device(row) }
}

fn device(row: &DeviceRow) -> Device {
    let name = |code: i8, names: &[&'static str]| usize::try_from(code).ok().and_then(|code| names.get(code).copied());
    let kinds: Vec<&str> = DeviceKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let states: Vec<&str> = DeviceState::ALL.iter().map(|state| state.as_str()).collect();
    Device {
        device_no: row.device_no,
        device_id: row.device_id,
        class_no: row.class_no,
        kind: name(row.kind_code, &kinds).unwrap_or("other"),
        state: name(row.state_code, &states).unwrap_or("retired"),
    }
}

/// A canonical number; anything else names nothing.
fn number(text: &str) -> Result<u32, Problem> {
    match OrgId::parse(&format!("s{text}")) {
        Some(OrgId::School(no)) => Ok(no),
        _ => Err(Problem::NotFound),
    }
}
