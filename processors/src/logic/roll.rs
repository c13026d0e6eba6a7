//! The roller's statements, and when it is time for the nightly run.

use schemas::org::{OrgId, area_range};
use schemas::registry::CorrectionRecord;
use schemas::sets::SetName;
use schemas::time::Day;

/// A range of days: first, and day after the last.
pub type Days = (Day, Day);

fn between((from, until): Days) -> String {
    format!("day >= toDate({}) AND day < toDate({})", from.0.max(0), until.0.clamp(1, Day::OPEN.0))
}

/// Sums of school rows over the areas that directly manage the schools, as METRICS wants them: over the schools for which
/// it is a school day. `ver` adds up the rows', so it never falls and says which row is newer; a row that would be the
/// same is not written again.
#[must_use]
pub fn county_days(set: &SetName, days: Days) -> String {
    let (table, filter) = (set.table("county_day"), between(days));
    let (schools, networks) = (set.table("school_day"), set.table("school_network_day"));
    let network = ["pass", "fail", "outage", "partial", "valid", "probes_sent", "probes_lost"];
    let sum = |name: &str, of: &str| format!("sumIf(toUInt64({of}.{name}), counts) AS {name}_");
    let networks_sums: Vec<String> = network.iter().map(|name| sum(name, "n")).collect();
    let activity = ["reporting", "powered", "used", "classes_used"];
    let activity_sums: Vec<String> = activity.iter().map(|name| sum(name, "s")).collect();
    let times = ["on_s", "active_s", "active_s_reporting", "lessons_used", "online_slots"];
    let times_sums: Vec<String> = times.iter().map(|name| sum(name, "s")).collect();
    let hist =
        |name: &str| format!("sumForEach(arrayMap(c -> toUInt64(c * counts), arrayResize(n.{name}, 22))) AS {name}_");
    format!(
        "INSERT INTO {table} SELECT fresh.* FROM (SELECT r.division AS division, r.day AS day, \
         sum(r.ver) + sum(toUInt64(s.ver)) + sum(toUInt64(n.ver)) AS ver, \
         toUInt32(countIf(counts)) AS school_days, sumIf(toUInt64(r.in_service), counts) AS in_service_, \
         sumIf(toUInt64(r.classes), counts) AS classes_, toUInt32(countIf(counts AND r.in_service > 0)) AS schools_, \
         sumIf(toUInt64(r.in_service) * r.lessons, counts) AS lesson_slots_, {}, \
         toUInt32(countIf(counts AND s.used > 0)) AS schools_used_, {}, {}, {}, {}, max(r.provisional) AS provisional_ FROM \
         (SELECT *, school_day = 1 AS counts FROM roster_day FINAL WHERE {filter}) AS r LEFT JOIN \
         (SELECT *, online_slots FROM {schools} FINAL WHERE {filter}) AS s USING (division, school_no, day) LEFT JOIN \
         (SELECT * FROM {networks} FINAL WHERE {filter}) AS n USING (division, school_no, day) \
         GROUP BY r.division, r.day) AS fresh LEFT ANTI JOIN \
         (SELECT division, day, ver FROM {table} FINAL WHERE {filter}) AS there USING (division, day, ver)",
        activity_sums.join(", "),
        times_sums.join(", "),
        networks_sums.join(", "),
        hist("latency_hist"),
        hist("jitter_hist"),
    )
}

/// School rows as they are now, both ledgers in one.
fn now_of(set: &SetName, days: Days) -> String {
    let (schools, networks, filter) = (set.table("school_day"), set.table("school_network_day"), between(days));
    format!(
        "(SELECT division, school_no, day, sum(v) AS events, sum(reporting) AS reporting, sum(used) AS used, \
         sum(on_s) AS on_s, sum(active_s) AS active_s, sum(pass) AS pass, sum(fail) AS fail, sum(unknown) AS unknown FROM \
         (SELECT division, school_no, day, toUInt64(ver) AS v, reporting, used, on_s, active_s, 0 AS pass, 0 AS fail, \
         0 AS unknown FROM {schools} FINAL WHERE {filter} UNION ALL \
         SELECT division, school_no, day, toUInt64(ver), 0, 0, 0, 0, pass, fail, unknown FROM {networks} FINAL \
         WHERE {filter}) GROUP BY division, school_no, day)"
    )
}

/// The newest edition of each school day that has one.
fn newest(set: &SetName, days: Days) -> String {
    format!(
        "(SELECT * FROM published_day FINAL WHERE set_name = '{set}' AND {} \
         ORDER BY edition DESC LIMIT 1 BY division, school_no, day)",
        between(days)
    )
}

const FIGURES: [&str; 7] = ["reporting", "used", "on_s", "active_s", "pass", "fail", "unknown"];

/// The first edition of school days that have ended and have none.
#[must_use]
pub fn first_editions(set: &SetName, days: Days, now_ms: i64) -> String {
    let (columns, now) = (FIGURES.join(", "), now_of(set, days));
    format!(
        "INSERT INTO published_day (set_name, division, school_no, day, edition, at, events, {columns}) \
         SELECT '{set}', division, school_no, day, 0, fromUnixTimestamp64Milli({now_ms}, 'UTC'), events, {columns} \
         FROM {now} AS fresh LEFT ANTI JOIN \
         (SELECT division, school_no, day FROM published_day WHERE set_name = '{set}' AND {}) AS there \
         USING (division, school_no, day)",
        between(days)
    )
}

/// What late events changed since the newest editions. It counts nothing that came twice: `ver` does not.
#[must_use]
pub fn restate(set: &SetName, days: Days, now_ms: i64) -> String {
    let columns = FIGURES.map(|name| format!("{name}_before, {name}")).join(", ");
    let values = FIGURES.map(|name| format!("p.{name}, fresh.{name}")).join(", ");
    format!(
        "INSERT INTO restatements (set_name, division, school_no, day, edition, at, late_events, events, {columns}) \
         SELECT '{set}', fresh.division, fresh.school_no, fresh.day, p.edition + 1, fromUnixTimestamp64Milli({now_ms}, 'UTC'), \
         fresh.events - p.events, fresh.events, {values} FROM {} AS fresh INNER JOIN {} AS p \
         USING (division, school_no, day) WHERE fresh.events > p.events",
        now_of(set, days),
        newest(set, days),
    )
}

/// What a correction that reaches back changed, by school and day, once: `?` is bound to who and why.
#[must_use]
pub fn restate_corrected(set: &SetName, days: Days, now_ms: i64, record: &CorrectionRecord) -> String {
    let columns = FIGURES.map(|name| format!("{name}_before, {name}")).join(", ");
    let values = FIGURES.map(|name| format!("p.{name}, fresh.{name}")).join(", ");
    format!(
        "INSERT INTO restatements (set_name, division, school_no, day, edition, at, late_events, events, {columns}, \
         correction_no, changed_by, reason) \
         SELECT '{set}', k.division, k.school_no, k.day, p.edition + 1, fromUnixTimestamp64Milli({now_ms}, 'UTC'), \
         0, fresh.events, {values}, {no}, ?, ? FROM ({keys}) AS k \
         LEFT JOIN {fresh} AS fresh USING (division, school_no, day) LEFT JOIN {newest} AS p USING (division, school_no, day) \
         WHERE {filter} AND (k.division, k.school_no, k.day) NOT IN (SELECT division, school_no, day FROM restatements \
         WHERE set_name = '{set}' AND correction_no = {no})",
        no = record.no,
        keys = corrected_keys(record),
        fresh = now_of(set, days),
        newest = newest(set, days),
        filter = between(days).replace("day ", "k.day "),
    )
}

/// Each day of a row of `corrected_days`.
const DAYS_OF_SHIFT: &str = "toDate(arrayJoin(range(toUInt16(from_day), toUInt16(until_day))))";

/// What a correction of a calendar finds in `roster_day.school_day`: a closure school days, its end days without school.
fn former_school_day(record: &CorrectionRecord) -> Option<u8> {
    match record.kind.as_str() {
        "closure" => Some(1),
        "reopening" => Some(0),
        _ => None,
    }
}

/// The school days that a correction changes: where device-days were said to be and where they are; or those of the schools
/// of a calendar.
fn corrected_keys(record: &CorrectionRecord) -> String {
    if former_school_day(record).is_none() {
        let side = |prefix: &str| {
            format!(
                "SELECT {prefix}division AS a, {prefix}school_no AS b, {DAYS_OF_SHIFT} AS c FROM corrected_days FINAL \
                 WHERE seq = {}",
                record.seq
            )
        };
        let (here, there) = (side(""), side("old_"));
        return format!(
            "SELECT DISTINCT a AS division, b AS school_no, c AS day FROM (SELECT * FROM ({here}) UNION ALL SELECT * FROM ({there}))"
        );
    }
    let days = between((record.from_day, record.until_day));
    format!("SELECT division, school_no, day FROM roster_day FINAL WHERE {days} AND {}", schools_of(&record.object))
}

/// The schools of an area or the school of an id, as a condition.
fn schools_of(object: &str) -> String {
    match OrgId::parse(object) {
        Some(OrgId::Area(code)) => {
            let range = area_range(code);
            format!("division BETWEEN {} AND {}", range.start(), range.end())
        }
        Some(OrgId::School(no)) => format!("school_no = {no}"),
        _ => "0".to_owned(),
    }
}

/// Rows of `roster_day` that do not say yet what a correction says: device-days that count where they do not, or do not
/// where they do; or school days of a closure, or days without school of its end.
#[must_use]
pub fn roster_behind(record: &CorrectionRecord) -> String {
    if let Some(former) = former_school_day(record) {
        let days = between((record.from_day, record.until_day));
        let schools = schools_of(&record.object);
        return format!("SELECT count() FROM roster_day FINAL WHERE {days} AND {schools} AND school_day = {former}");
    }
    let days = between((record.from_day, record.until_day));
    format!(
        "SELECT count() FROM (SELECT device_no, division, school_no, in_service, {DAYS_OF_SHIFT} AS day \
         FROM corrected_days FINAL WHERE seq = {}) AS c \
         INNER JOIN (SELECT division, school_no, day, in_service_devices FROM roster_day FINAL WHERE {days}) AS r \
         USING (division, school_no, day) WHERE bitmapContains(r.in_service_devices, c.device_no) != c.in_service",
        record.seq
    )
}

/// The editions that restatements made: taken from them, so that what comes between two statements is in the next one.
#[must_use]
pub fn next_editions(set: &SetName, days: Days) -> String {
    let columns = FIGURES.join(", ");
    format!(
        "INSERT INTO published_day (set_name, division, school_no, day, edition, at, events, {columns}) \
         SELECT set_name, division, school_no, day, edition, at, events, {columns} FROM restatements FINAL \
         WHERE set_name = '{set}' AND {0} AND (division, school_no, day, edition) NOT IN \
         (SELECT division, school_no, day, edition FROM published_day WHERE set_name = '{set}' AND {0})",
        between(days)
    )
}

/// The day that a nightly run is due for, now: yesterday, once it is late enough and it was not audited yet.
#[must_use]
pub fn due(now_ms: i64, audit_after_ms: i64, audited: Option<Day>) -> Option<Day> {
    let today = Day::of_ms(now_ms);
    let yesterday = today.plus(-1);
    let late_enough = now_ms - today.start_ms() >= audit_after_ms;
    (late_enough && audited.is_none_or(|day| day < yesterday)).then_some(yesterday)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::time::parse_rfc3339_ms;

    #[test]
    fn the_audit_is_due_once_a_night() {
        let at = |text: &str| parse_rfc3339_ms(text).unwrap();
        let yesterday = Day::parse("2026-11-19").unwrap();
        let two_hours = 7_200_000;
        assert_eq!(due(at("2026-11-20T01:59:59+08:00"), two_hours, None), None);
        assert_eq!(due(at("2026-11-20T02:00:00+08:00"), two_hours, None), Some(yesterday));
        assert_eq!(due(at("2026-11-20T09:00:00+08:00"), two_hours, Some(yesterday.plus(-1))), Some(yesterday));
        assert_eq!(due(at("2026-11-20T09:00:00+08:00"), two_hours, Some(yesterday)), None);
    }

    #[test]
    fn the_denominators_of_a_calendar_are_waited_for_both_ways() {
        let record = |kind: &str| CorrectionRecord {
            no: 1,
            seq: 1,
            kind: kind.into(),
            object: "s7".into(),
            from_day: Day(20_000),
            until_day: Day(20_001),
            reason: String::new(),
            proposed_by: String::new(),
            approved_by: String::new(),
            approved_at_ms: 0,
            shifts: Vec::new(),
            rev: 0,
        };
        assert!(roster_behind(&record("closure")).ends_with("school_day = 1"));
        assert!(roster_behind(&record("reopening")).ends_with("school_day = 0"));
        assert!(roster_behind(&record("school")).contains("corrected_days"));
        assert_eq!(corrected_keys(&record("closure")), corrected_keys(&record("reopening")));
    }

    #[test]
    fn statements_stay_within_their_set_and_days() {
        let (set, days) = (SetName::parse("r2").unwrap(), (Day(20_000), Day(20_002)));
        for text in
            [county_days(&set, days), first_editions(&set, days, 5), restate(&set, days, 5), next_editions(&set, days)]
        {
            assert!(text.contains("day >= toDate(20000) AND day < toDate(20002)"), "{text}");
            assert!(text.contains("__r2") || text.contains("set_name = 'r2'"), "{text}");
        }
    }
}
