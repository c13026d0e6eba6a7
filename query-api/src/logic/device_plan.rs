//! Statements about devices: of one school, of one device, and sets of devices.

use super::scope::{DevicesOf, Scope};
use super::sql::{Statement, between, date, in_days, network_sums, numbers};
use schemas::figures::{FigureId, Source};
use schemas::sets::SHOWN;
use schemas::time::Day;

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

    /// The devices that were in service in the school on a day of the range, wherever they are now: a day's figures are told
    /// where the day belongs (METRICS section 7). None: who sees classes only is told of those that are there now.
    #[must_use]
    pub fn were_here(&self) -> Option<Statement> {
        let days = between(self.from, self.to);
        match self.devices {
            DevicesOf::Classes(_) => None,
            DevicesOf::School => Some(Statement(format!(
                "SELECT DISTINCT toUInt32(arrayJoin(bitmapToArray(in_service_devices))) AS k_device \
                 FROM roster_day FINAL WHERE {} AND school_no = {} AND {days}",
                self.scope.school_rows(),
                self.school_no
            ))),
        }
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
        let sums = network_sums(histograms)
            .replace("sum(toUInt64(pass))", "countIf(verdict = 'pass')")
            .replace("sum(toUInt64(fail))", "countIf(verdict = 'fail')");
        Some(Statement(format!(
            "SELECT device_no AS k_device, {sums} FROM network_day FINAL WHERE {rows} GROUP BY k_device",
        )))
    }

    /// On how many of these days one device reported.
    #[must_use]
    pub fn reported(&self, device_no: u32, school_days: &[Day]) -> Statement {
        Statement(format!(
            "SELECT countIf(events > 0) AS n_reporting FROM device_day FINAL \
             WHERE {} AND school_no = {} AND device_no = {device_no} AND {} AND in_service = 1 AND {SHOWN}",
            self.scope.device_rows(),
            self.school_no,
            in_days(school_days),
        ))
    }

    /// Does any figure ask who is online, and does the range end today?
    #[must_use]
    pub fn asks_who_is_online(&self, today: Day) -> bool {
        self.needs(Source::Receipts) && self.to == today
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
        let days = in_days(school_days);
        Some(format!("{scope} AND school_no = {} AND {days} AND in_service = 1 AND {SHOWN}", self.school_no))
    }
}

/// Devices as they are now, wherever they are, which a statement with a scope listed.
#[must_use]
pub fn devices(device_nos: &[u32]) -> Statement {
    let numbers = numbers(device_nos);
    Statement(format!("SELECT {DEVICE_COLUMNS} FROM devices FINAL WHERE device_no IN {numbers} ORDER BY device_no"))
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
         FROM device_day FINAL WHERE {} AND device_no = {device_no} AND {} AND {SHOWN} ORDER BY day",
        scope.device_rows(),
        between(from, to),
    ))
}

/// The verdicts of a device's days.
#[must_use]
pub fn device_verdicts(scope: &Scope, device_no: u32, from: Day, to: Day) -> Statement {
    Statement(format!(
        "SELECT day, in_service, toInt8(verdict) AS verdict_code, ver FROM network_day FINAL \
         WHERE {} AND device_no = {device_no} AND {} AND {SHOWN} ORDER BY day",
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
         FROM device_day FINAL WHERE {} AND device_no = {device_no} AND {} AND {SHOWN} ORDER BY day",
        scope.device_rows(),
        between(from.plus(-1), to.plus(1)),
    ))
}

/// Devices of which a heartbeat was received since an instant, among the rows of days from `from` on: whatever day a
/// heartbeat speaks of, and wherever its device was on that day. An index finds the rows, so that this is asked for all
/// schools at once.
#[must_use]
pub fn heard(from: Day, since_ms: i64) -> Statement {
    let from = date(from);
    Statement(format!(
        "SELECT DISTINCT device_no AS k_device FROM device_day \
         WHERE day >= {from} AND last_heartbeat >= fromUnixTimestamp64Milli({since_ms}, 'UTC')"
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

/// What readers read.
#[must_use]
pub fn readers() -> Statement {
    Statement("SELECT set_name, definitions, ver FROM readers FINAL WHERE what = 'ledgers'".to_owned())
}

/// The latest receipt of an event in the rows of days from `from` on: what answers call `data_as_of`.
#[must_use]
pub fn freshness(from: Day) -> Statement {
    let from = date(from);
    Statement(format!(
        "SELECT toUnixTimestamp64Milli(max(last_received)) AS received_ms FROM device_day WHERE day >= {from}"
    ))
}

const DEVICE_COLUMNS: &str = "device_no, device_id, school_no, class_no, division, \
                              toInt8(kind) AS kind_code, toInt8(state) AS state_code, ver";

/// Slots within school hours that a device is on for at least one second, from its packed intervals.
const ONLINE_SLOTS: &str = "sum(toUInt64(arrayCount(k -> arrayExists(i -> i % 2 = 1 AND on_spans[i] < 600 * (k + 1) \
                            AND on_spans[i + 1] > 600 * k, arrayEnumerate(on_spans)), range(45, 108))))";
