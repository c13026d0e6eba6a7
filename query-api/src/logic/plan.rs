//! From a question to SQL. Every statement is built by a [`Plan`], which has a [`Scope`]: its condition stands in each
//! of them. Only numbers and dates of our own types reach the text, never a string that came from outside.
//!
//! An answer takes up to three statements over rows of school and day: `roster` (denominators and the calendar of the
//! range), then `activity` and `network` (numerators) side by side, over the days that the roster calls school days.
//! A join would cost more than all three: most days are a school day for every school of a unit, so a list of days does
//! the join's work. Where schools of a unit differ on a day, those that are off are excluded one by one.

use super::figures::{FIRST_SCHOOL_SLOT, SCHOOL_SLOTS};
use super::scope::{DevicesOf, Scope};
use super::tree::Target;
use schemas::figures::{FigureId, Source};
use schemas::org::area_range;
use schemas::time::Day;

/// SQL that carries the caller's scope. Made only here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(String);

impl Statement {
    /// The text to send.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// By what the rows of an answer are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One sum.
    Whole,
    /// The units right below an area: direct schools and child areas.
    Units,
    /// Days.
    Days,
}

/// What is asked of school-days.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// What the caller may see.
    pub scope: &'a Scope,
    /// Of which unit.
    pub target: Target,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// By what.
    pub grouping: Grouping,
    /// Which figures: columns that none of them needs are not read.
    pub figures: &'a [FigureId],
}

/// How many schools of a unit had school on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub day: Day,
    /// Schools for which it is a school day.
    pub on: u64,
    /// Schools for which it is not.
    pub off: u64,
    /// By a calendar that is not official yet.
    pub provisional: bool,
}

/// The school days of a range, as the roster tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Ascending; days without any row are absent.
    pub days: Vec<DayCount>,
}

impl Calendar {
    /// Is it a school day for any school of the unit?
    #[must_use]
    pub fn is_school_day(&self, day: Day) -> bool {
        self.days.iter().any(|count| count.day == day && count.on > 0)
    }

    /// Days that are a school day for any school of the unit.
    #[must_use]
    pub fn school_days(&self) -> Vec<Day> {
        self.days.iter().filter(|count| count.on > 0).map(|count| count.day).collect()
    }

    /// Of these: days on which some schools are off.
    fn mixed_days(&self) -> Vec<Day> {
        self.days.iter().filter(|count| count.on > 0 && count.off > 0).map(|count| count.day).collect()
    }

    /// Any day rests on a calendar that is not official yet.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.days.iter().any(|count| count.provisional)
    }
}

impl Plan<'_> {
    /// Denominators by group, and (`k_by_day` = 1) the calendar by day.
    #[must_use]
    pub fn roster(&self) -> Statement {
        let (keys, group) = self.roster_groups();
        let filter = self.filter();
        Statement(format!(
            "SELECT {keys}, count() AS n_rows, countIf(school_day = 1) AS n_school_days, \
             sumIf(toUInt64(in_service), school_day = 1) AS n_in_service, \
             sumIf(toUInt64(classes), school_day = 1) AS n_classes, \
             countIf(school_day = 1 AND in_service > 0) AS n_schools, \
             sumIf(toUInt64(in_service) * lessons, school_day = 1) AS n_lesson_slots, \
             max(provisional) AS n_provisional, sum(ver) AS n_ver \
             FROM roster_day FINAL WHERE {filter} AND {} GROUP BY {group} ORDER BY k_day",
            between(self.from, self.to),
        ))
    }

    /// Numerators of the ledger `activity`; none where no figure needs them or there is no school day.
    #[must_use]
    pub fn activity(&self, calendar: &Calendar) -> Option<Statement> {
        let days = self.school_day_rows(calendar)?;
        let curves = self.needs(Source::Curves);
        let online = if curves {
            format!("sum(arraySum(arraySlice(online, {}, {SCHOOL_SLOTS})))", FIRST_SCHOOL_SLOT + 1)
        } else {
            "toUInt64(0)".to_owned()
        };
        let (keys, group) = (keys(self.target, self.grouping), group_by(self.grouping));
        Some(Statement(format!(
            "SELECT {keys}, count() AS n_rows, sum(toUInt64(reporting)) AS n_reporting, \
             sum(toUInt64(powered)) AS n_powered, sum(toUInt64(used)) AS n_used, \
             sum(toUInt64(classes_used)) AS n_classes_used, countIf(used > 0) AS n_schools_used, \
             sum(on_s) AS n_on_s, sum(active_s) AS n_active_s, sum(toUInt64(lessons_used)) AS n_lessons_used, \
             {online} AS n_online_slots, sum(toUInt64(ver)) AS n_ver \
             FROM school_day FINAL WHERE {} AND {days}{group}",
            self.filter(),
        )))
    }

    /// Numerators of the ledger `network`; none where no figure needs them or there is no school day.
    #[must_use]
    pub fn network(&self, calendar: &Calendar) -> Option<Statement> {
        let histograms = self.needs(Source::Histograms);
        if !histograms && !self.needs(Source::Network) {
            return None;
        }
        let days = self.school_day_rows(calendar)?;
        let (keys, group) = (keys(self.target, self.grouping), group_by(self.grouping));
        Some(Statement(format!(
            "SELECT {keys}, count() AS n_rows, {}, {}, sum(toUInt64(ver)) AS n_ver \
             FROM school_network_day FINAL WHERE {} AND {days}{group}",
            NETWORK_SUMS,
            histogram_sums(histograms),
            self.filter(),
        )))
    }

    /// Devices in service on the days given, by school: what sets of devices are counted against.
    #[must_use]
    pub fn in_service_devices(&self, days: &[Day]) -> Statement {
        let (area, school) = (area_key(self.target, self.grouping), school_key(self.target, self.grouping));
        Statement(format!(
            "SELECT {area} AS k_area, {school} AS k_school, day AS k_day, bitmapToArray(in_service_devices) AS devices \
             FROM roster_day FINAL WHERE {} AND {}",
            self.filter(),
            in_days(days),
        ))
    }

    /// The calendar needs days in any case; units are summed beside it, from one read.
    fn roster_groups(&self) -> (String, &'static str) {
        let (area, school) = (area_key(self.target, self.grouping), school_key(self.target, self.grouping));
        let (by_day, group) = match self.grouping {
            Grouping::Whole | Grouping::Days => ("toUInt8(1)", "k_day"),
            Grouping::Units => ("toUInt8(grouping(k_day) = 0)", "GROUPING SETS ((k_area, k_school), (k_day))"),
        };
        (format!("{area} AS k_area, {school} AS k_school, day AS k_day, {by_day} AS k_by_day"), group)
    }

    fn needs(&self, source: Source) -> bool {
        self.figures.iter().any(|id| id.entry().source == source)
    }

    /// Rows of the unit that are inside the scope.
    fn filter(&self) -> String {
        format!("{} AND {}", self.scope.school_rows(), target_rows(self.target))
    }

    /// The condition for rows of school days.
    fn school_day_rows(&self, calendar: &Calendar) -> Option<String> {
        let school_days = calendar.school_days();
        if school_days.is_empty() {
            return None;
        }
        let mixed = calendar.mixed_days();
        if mixed.is_empty() {
            return Some(in_days(&school_days));
        }
        let (all, mixed) = (in_days(&school_days), in_days(&mixed));
        Some(format!(
            "{all} AND (school_no, day) NOT IN (SELECT school_no, day FROM roster_day FINAL \
             WHERE {} AND {mixed} AND school_day = 0)",
            self.filter(),
        ))
    }
}

/// What is asked of the devices of one school.
#[derive(Clone, Debug)]
pub struct DevicePlan<'a> {
    /// What the caller may see.
    pub scope: &'a Scope,
    /// The school.
    pub school_no: u32,
    /// Which of its devices.
    pub devices: &'a DevicesOf,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// Which figures.
    pub figures: &'a [FigureId],
}

impl DevicePlan<'_> {
    /// The devices that are in the school now.
    #[must_use]
    pub fn listed(&self) -> Statement {
        let school = format!("school_no = {}{}", self.school_no, self.classes());
        let scope = self.scope.device_rows();
        Statement(format!("SELECT {DEVICE_COLUMNS} FROM devices FINAL WHERE {scope} AND {school} ORDER BY device_no"))
    }

    /// The calendar of the school.
    #[must_use]
    pub fn calendar(&self) -> Statement {
        Statement(format!(
            "SELECT day AS k_day, school_day AS n_school_day, provisional AS n_provisional, \
             toUInt64(ver) AS n_ver FROM roster_day FINAL WHERE school_no = {} AND {} ORDER BY day",
            self.school_no,
            between(self.from, self.to),
        ))
    }

    /// In-service school days and timetabled lessons of these devices, which a statement with a scope listed.
    #[must_use]
    pub fn in_service(&self, device_nos: &[u32]) -> Statement {
        Statement(format!(
            "SELECT toUInt32(arrayJoin(arrayIntersect(bitmapToArray(in_service_devices), {}))) AS k_device, \
             countIf(school_day = 1) AS n_days, sumIf(toUInt64(lessons), school_day = 1) AS n_lessons, \
             toUInt8(max(day = {})) AS n_on_to \
             FROM roster_day FINAL WHERE school_no = {} AND {} GROUP BY k_device",
            numbers(device_nos),
            date(self.to),
            self.school_no,
            between(self.from, self.to),
        ))
    }

    /// Numerators of the ledger `activity` by device.
    #[must_use]
    pub fn activity(&self, school_days: &[Day]) -> Option<Statement> {
        let online = if self.needs(Source::Curves) { ONLINE_SLOTS } else { "toUInt64(0)" };
        let rows = self.device_rows(school_days)?;
        Some(Statement(format!(
            "SELECT device_no AS k_device, countIf(events > 0) AS n_reporting, countIf(on_s >= 300) AS n_powered, \
             sum(toUInt64(used)) AS n_used, sum(toUInt64(on_s)) AS n_on_s, sum(toUInt64(active_s)) AS n_active_s, \
             sum(toUInt64(bitCount(lessons))) AS n_lessons_used, {online} AS n_online_slots, \
             count() AS n_rows, sum(toUInt64(ver)) AS n_ver FROM device_day FINAL WHERE {rows} GROUP BY k_device",
        )))
    }

    /// Numerators of the ledger `network` by device.
    #[must_use]
    pub fn network(&self, school_days: &[Day]) -> Option<Statement> {
        let histograms = self.needs(Source::Histograms);
        if !histograms && !self.needs(Source::Network) {
            return None;
        }
        let rows = self.device_rows(school_days)?;
        let sums = NETWORK_SUMS
            .replace("sum(toUInt64(pass))", "countIf(verdict = 'pass')")
            .replace("sum(toUInt64(fail))", "countIf(verdict = 'fail')");
        Some(Statement(format!(
            "SELECT device_no AS k_device, {sums}, {}, count() AS n_rows, sum(toUInt64(ver)) AS n_ver \
             FROM network_day FINAL WHERE {rows} GROUP BY k_device",
            histogram_sums(histograms),
        )))
    }

    /// On how many of these days one device reported.
    #[must_use]
    pub fn reported(&self, device_no: u32, school_days: &[Day]) -> Statement {
        Statement(format!(
            "SELECT countIf(events > 0) AS n_reporting FROM device_day FINAL \
             WHERE {} AND school_no = {} AND device_no = {device_no} AND {} AND in_service = 1",
            self.scope.device_rows(),
            self.school_no,
            in_days(school_days),
        ))
    }

    fn needs(&self, source: Source) -> bool {
        self.figures.iter().any(|id| id.entry().source == source)
    }

    fn classes(&self) -> String {
        match self.devices {
            DevicesOf::School => String::new(),
            DevicesOf::Classes(classes) => format!(" AND class_no IN {}", numbers(classes)),
        }
    }

    fn device_rows(&self, school_days: &[Day]) -> Option<String> {
        if school_days.is_empty() {
            return None;
        }
        let scope = self.scope.device_rows();
        Some(format!("{scope} AND school_no = {} AND {} AND in_service = 1", self.school_no, in_days(school_days)))
    }
}

/// One device as it is now, wherever it is: the handler asks the scope about its place before anything is told.
#[must_use]
pub fn device(device_no: u32) -> Statement {
    Statement(format!("SELECT {DEVICE_COLUMNS} FROM devices FINAL WHERE device_no = {device_no}"))
}

/// The rows of a device's days, as far as they are inside the scope.
#[must_use]
pub fn device_days(scope: &Scope, device_no: u32, from: Day, to: Day) -> Statement {
    Statement(format!(
        "SELECT day, in_service, on_s, active_s, sessions, used, lessons, first_s, last_s, ver \
         FROM device_day FINAL WHERE {} AND device_no = {device_no} AND {} ORDER BY day",
        scope.device_rows(),
        between(from, to),
    ))
}

/// The verdicts of a device's days.
#[must_use]
pub fn device_verdicts(scope: &Scope, device_no: u32, from: Day, to: Day) -> Statement {
    Statement(format!(
        "SELECT day, in_service, toInt8(verdict) AS verdict_code, ver FROM network_day FINAL \
         WHERE {} AND device_no = {device_no} AND {} ORDER BY day",
        scope.device_rows(),
        between(from, to),
    ))
}

/// The sessions of a device's days, with what tells whether they go on over midnight.
#[must_use]
pub fn device_sessions(scope: &Scope, device_no: u32, from: Day, to: Day) -> Statement {
    Statement(format!(
        "SELECT day, session_spans, toUInt8(notEmpty(on_spans) AND on_spans[1] = 0) AS from_start, \
         toUInt8(on_spans[-1] = 86400) AS to_end, ver \
         FROM device_day FINAL WHERE {} AND device_no = {device_no} AND {} ORDER BY day",
        scope.device_rows(),
        between(from.plus(-1), to.plus(1)),
    ))
}

/// Versions of the days of sessions, everywhere. It has no scope on purpose, like [`session_devices`]: where a device
/// had its session does not matter for `active7_rate` (METRICS 10.20), and only counts of devices inside leave.
#[must_use]
pub fn session_versions(from: Day, to: Day) -> Statement {
    let days = between(from, to);
    Statement(format!(
        "SELECT day AS k_day, count() AS n_rows, sum(toUInt64(ver)) AS n_ver FROM school_day WHERE {days} GROUP BY day"
    ))
}

/// Devices with a session on these days, everywhere; see [`session_versions`].
#[must_use]
pub fn session_devices(days: &[Day]) -> Statement {
    Statement(format!(
        "SELECT day AS k_day, bitmapToArray(session_devices) AS devices FROM school_day FINAL WHERE {}",
        in_days(days)
    ))
}

/// Devices heard of since an instant, everywhere; see [`session_versions`].
#[must_use]
pub fn heard_devices(since_ms: i64, today: Day) -> Statement {
    Statement(format!(
        "SELECT DISTINCT device_no AS k_device FROM device_day \
         WHERE {} AND last_received >= fromUnixTimestamp64Milli({since_ms}, 'UTC')",
        between(today.plus(-1), today),
    ))
}

/// All organisations; they stay in memory, and answers take from them what the scope allows.
#[must_use]
pub fn orgs() -> Statement {
    Statement("SELECT id, toInt8(level) AS level_code, division, school_no, name FROM orgs FINAL".to_owned())
}

/// How far the organisations have come.
#[must_use]
pub fn orgs_version() -> Statement {
    Statement("SELECT count() AS n_rows, sum(ver) AS n_ver FROM orgs FINAL".to_owned())
}

/// The latest receipt of an event that is in the tables: what answers call `data_as_of`.
#[must_use]
pub fn freshness(today: Day) -> Statement {
    let days = between(today.plus(-1), today);
    Statement(format!("SELECT toUnixTimestamp64Milli(max(last_received)) AS received_ms FROM device_day WHERE {days}"))
}

const DEVICE_COLUMNS: &str = "device_no, device_id, school_no, class_no, division, \
                              toInt8(kind) AS kind_code, toInt8(state) AS state_code, ver";

const NETWORK_SUMS: &str = "sum(toUInt64(pass)) AS n_pass, sum(toUInt64(fail)) AS n_fail, \
                            sum(toUInt64(outage)) AS n_outage, sum(toUInt64(partial)) AS n_partial, \
                            sum(toUInt64(valid)) AS n_valid, sum(toUInt64(probes_lost)) AS n_lost, \
                            sum(toUInt64(probes_sent)) AS n_sent";

/// Slots within school hours that a device is on for at least one second, from its packed intervals.
const ONLINE_SLOTS: &str = "sum(toUInt64(arrayCount(k -> arrayExists(i -> i % 2 = 1 AND on_spans[i] < 600 * (k + 1) \
                            AND on_spans[i + 1] > 600 * k, arrayEnumerate(on_spans)), range(45, 108))))";

fn histogram_sums(wanted: bool) -> String {
    let column = |name: &str| {
        let sum = if wanted { format!("sumForEach({name}_hist)") } else { "[]".to_owned() };
        format!("CAST({sum} AS Array(UInt64)) AS n_{name}")
    };
    column("latency") + ", " + &column("jitter")
}

/// `k_area` (0: a direct school), `k_school` (0: an area), `k_day`.
fn keys(target: Target, grouping: Grouping) -> String {
    let (area, school) = (area_key(target, grouping), school_key(target, grouping));
    let day = if grouping == Grouping::Days { "day" } else { "toDate(0)" };
    format!("{area} AS k_area, {school} AS k_school, {day} AS k_day")
}

fn school_key(target: Target, grouping: Grouping) -> String {
    match (grouping, target) {
        (Grouping::Units, Target::Area(code)) => format!("toUInt32(if(division = {code}, school_no, 0))"),
        _ => "toUInt32(0)".to_owned(),
    }
}

fn area_key(target: Target, grouping: Grouping) -> String {
    match (grouping, target) {
        // Children of a province are its cities; children of a city its counties.
        (Grouping::Units, Target::Area(code)) if code % 10_000 == 0 => {
            format!("toUInt32(if(division = {code}, 0, intDiv(division, 100) * 100))")
        }
        (Grouping::Units, Target::Area(code)) => format!("toUInt32(if(division = {code}, 0, division))"),
        _ => "toUInt32(0)".to_owned(),
    }
}

fn group_by(grouping: Grouping) -> &'static str {
    match grouping {
        Grouping::Whole => "",
        Grouping::Units => " GROUP BY k_area, k_school",
        Grouping::Days => " GROUP BY k_day",
    }
}

fn target_rows(target: Target) -> String {
    match target {
        Target::Area(code) => {
            let range = area_range(code);
            format!("division BETWEEN {} AND {}", range.start(), range.end())
        }
        Target::School(no) => format!("school_no = {no}"),
    }
}

fn between(from: Day, to: Day) -> String {
    format!("day BETWEEN {} AND {}", date(from), date(to))
}

/// The range for the partitions, the list for the rows.
fn in_days(days: &[Day]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return "0".to_owned() };
    let range = between(*first, *last);
    let gapless = usize::try_from(last.0 - first.0 + 1).is_ok_and(|length| length == days.len());
    if gapless {
        return range;
    }
    format!("{range} AND day IN ({})", list(days.iter().map(|day| date(*day))))
}

fn date(day: Day) -> String {
    format!("toDate('{day}')")
}

fn numbers(numbers: &[u32]) -> String {
    format!("[{}]", list(numbers.iter().map(u32::to_string)))
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "plan/tests.rs"]
mod tests;
