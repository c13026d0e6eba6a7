//! The audit: every school row computed again from its device rows, in ClickHouse, by another way than the fold's.

use schemas::definitions::Definitions;
use schemas::sets::{SHOWN, SHOWN_SCHOOLS, SetName};
use schemas::time::Day;

/// Figures of a school row: the column, and how device rows make it. Device rows are called by their columns.
const ACTIVITY: &[(&str, &str, &str)] = &[
    ("ver", "ver - hidden_ver", "sum(ver - length(corrections))"),
    ("reporting", "reporting", "countIf(in_service = 1 AND events > 0)"),
    ("powered", "powered", "countIf(in_service = 1 AND on_s >= {power_on_min_s})"),
    ("used", "used", "countIf(in_service = 1 AND active_s >= {use_min_s})"),
    ("classes_used", "classes_used", "uniqExactIf(class_no, in_service = 1 AND used = 1 AND class_no != 0)"),
    ("on_s", "on_s", "sumIf(on_s, in_service = 1)"),
    ("active_s", "active_s", "sumIf(active_s, in_service = 1)"),
    ("active_s_reporting", "active_s_reporting", "sumIf(active_s, in_service = 1 AND events > 0)"),
    ("lessons_used", "lessons_used", "sumIf(bitCount(lessons), in_service = 1)"),
    ("online", "online", "sumForEach(if(in_service = 1, {slots_on}, {no_slots}))"),
    ("active", "active", "sumForEach(if(in_service = 1, {slots_in_use}, {no_slots}))"),
    ("reporting_unlisted", "reporting_unlisted", "countIf(in_service = 0 AND events > 0)"),
    (
        "session_devices",
        "arraySort(bitmapToArray(session_devices))",
        "arraySort(groupArrayIf(device_no, notEmpty(on_spans)))",
    ),
];

const NETWORK: &[(&str, &str, &str)] = &[
    ("ver", "ver - hidden_ver", "sum(ver - length(corrections))"),
    ("pass", "pass", "countIf(in_service = 1 AND verdict = 'pass')"),
    ("fail", "fail", "countIf(in_service = 1 AND verdict = 'fail')"),
    ("unknown", "unknown", "countIf(in_service = 1 AND verdict = 'unknown')"),
    ("bursts", "bursts", "sumIf(bursts, in_service = 1)"),
    ("busy", "busy", "sumIf(busy, in_service = 1)"),
    ("outage", "outage", "sumIf(outage, in_service = 1)"),
    ("partial", "partial", "sumIf(partial, in_service = 1)"),
    ("valid", "valid", "sumIf(valid, in_service = 1)"),
    ("probes_sent", "probes_sent", "sumIf(probes_sent, in_service = 1)"),
    ("probes_lost", "probes_lost", "sumIf(probes_lost, in_service = 1)"),
    ("probes_invalid", "probes_invalid", "sumIf(probes_invalid, in_service = 1)"),
    ("latency_hist", "latency_hist", "sumForEach(arrayMap(n -> n * in_service, latency_hist))"),
    ("jitter_hist", "jitter_hist", "sumForEach(arrayMap(n -> n * in_service, jitter_hist))"),
];

/// A ledger's school table and the device table that it is the sum of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// School rows.
    pub schools: &'static str,
    /// Device rows.
    pub devices: &'static str,
    figures: &'static [(&'static str, &'static str, &'static str)],
}

/// Both ledgers.
pub const LEDGERS: [Ledger; 2] = [
    Ledger { schools: "school_day", devices: "device_day", figures: ACTIVITY },
    Ledger { schools: "school_network_day", devices: "network_day", figures: NETWORK },
];

/// A school row that is not the sum of its device rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Table of the school row.
    pub table: &'static str,
    /// Its day.
    pub day: Day,
    /// Its division.
    pub division: u32,
    /// Its school.
    pub school_no: u32,
    /// Column, what the table has, what the device rows make.
    pub figures: Vec<(&'static str, String, String)>,
}

impl Ledger {
    /// Rows of a day on either side, and those that differ: division, school, what the table has, what the device rows
    /// make; an empty list is a row that is not there.
    #[must_use]
    pub fn statement(&self, set: &SetName, day: Day, definitions: &Definitions) -> String {
        let figures = |of: fn(&(&str, &str, &str)) -> String| {
            self.figures.iter().map(|figure| format!("toString({})", of(figure))).collect::<Vec<_>>().join(", ")
        };
        let stored = figures(|(_, column, _)| (*column).to_owned());
        let computed = filled(&figures(|(_, _, sum)| (*sum).to_owned()), definitions);
        let (schools, devices, day) = (set.table(self.schools), set.table(self.devices), day.0.max(0));
        format!(
            "SELECT count() AS n_rows, groupArrayIf((division, school_no, stored, computed), stored != computed) AS differing \
             FROM (SELECT division, school_no, anyIf(v, s = 1) AS stored, anyIf(v, s = 0) AS computed FROM \
             (SELECT division, school_no, 1 AS s, [{stored}] AS v FROM {schools} FINAL WHERE day = toDate({day}) \
             AND {SHOWN_SCHOOLS} UNION ALL SELECT division, school_no, 0 AS s, [{computed}] AS v FROM {devices} FINAL \
             WHERE day = toDate({day}) AND {SHOWN} GROUP BY division, school_no) GROUP BY division, school_no)"
        )
    }

    /// What differs in a row.
    #[must_use]
    pub fn difference(&self, day: Day, key: (u32, u32), stored: &[String], computed: &[String]) -> Difference {
        let absent = || "no row".to_owned();
        let cell = |side: &[String], index: usize| side.get(index).cloned().unwrap_or_else(absent);
        let figures = self
            .figures
            .iter()
            .enumerate()
            .map(|(index, (name, ..))| (*name, cell(stored, index), cell(computed, index)));
        Difference {
            table: self.schools,
            day,
            division: key.0,
            school_no: key.1,
            figures: figures.filter(|(_, stored, computed)| stored != computed).collect(),
        }
    }
}

/// Puts parameters and slots into the sums. A slot of ten minutes counts a device that has a second in it.
fn filled(sums: &str, definitions: &Definitions) -> String {
    let pairs = |spans: &str| {
        format!("arrayMap(i -> ({spans}[2 * i + 1], {spans}[2 * i + 2]), range(intDiv(length({spans}), 2)))")
    };
    let (on, active) = (pairs("on_spans"), pairs("active_spans"));
    let in_use =
        format!("arrayFlatten(arrayMap(a -> arrayMap(o -> (greatest(a.1, o.1), least(a.2, o.2)), {on}), {active}))");
    let slots = |pairs: &str| {
        format!(
            "arrayMap(k -> toUInt32(arrayExists(p -> greatest(p.1, 600 * k) < least(p.2, 600 * (k + 1)), {pairs})), range(144))"
        )
    };
    sums.replace("{slots_on}", &slots(&on))
        .replace("{slots_in_use}", &slots(&in_use))
        .replace("{no_slots}", "arrayWithConstant(144, toUInt32(0))")
        .replace("{power_on_min_s}", &definitions.power_on_min_s.to_string())
        .replace("{use_min_s}", &definitions.use_min_s.to_string())
}

/// Differences that two looks found alike: what was on its way at the first is not one.
#[must_use]
pub fn confirmed(first: &[Difference], second: Vec<Difference>) -> Vec<Difference> {
    second.into_iter().filter(|difference| first.contains(difference)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::definitions::CURRENT_TOML;
    use schemas::rows::MIGRATIONS;

    /// The columns of a table, out of the migrations.
    fn columns(table: &str) -> Vec<String> {
        let all: Vec<&str> = MIGRATIONS.iter().map(|(_, _, sql)| *sql).collect();
        let sql = all.join("\n");
        let (_, rest) = sql.split_once(&format!("{{database}}.{table}\n(\n")).unwrap();
        let (body, _) = rest.split_once("\n)\n").unwrap();
        let stored = body.lines().filter(|line| !line.contains(" EPHEMERAL "));
        stored.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    }

    #[test]
    fn every_column_of_a_school_row_is_audited() {
        for ledger in LEDGERS {
            let audited: Vec<&str> =
                ["division", "school_no", "day"].into_iter().chain(ledger.figures.iter().map(|f| f.0)).collect();
            assert_eq!(columns(ledger.schools), audited, "{}", ledger.schools);
        }
    }

    #[test]
    fn a_statement_reads_the_tables_of_its_set() {
        let definitions = Definitions::parse(CURRENT_TOML).unwrap();
        let text = LEDGERS[0].statement(&SetName::parse("r2").unwrap(), Day(20_000), &definitions);
        assert!(text.contains("FROM school_day__r2 FINAL") && text.contains("FROM device_day__r2 FINAL"), "{text}");
        assert!(!text.contains('{') && text.contains("on_s >= 300"), "{text}");
    }

    #[test]
    fn a_difference_names_its_columns_and_rows_that_are_not_there() {
        let row = |used: &str| -> Vec<String> { ["7", "5", "5", used].map(str::to_owned).to_vec() };
        let difference = LEDGERS[0].difference(Day(1), (440_106, 10), &row("4"), &row("3"));
        assert_eq!(difference.figures, [("used", "4".to_owned(), "3".to_owned())]);
        let lost = LEDGERS[0].difference(Day(1), (440_106, 10), &[], &row("3"));
        assert_eq!(lost.figures[0], ("ver", "no row".to_owned(), "7".to_owned()));
    }

    #[test]
    fn only_what_stays_different_is_told() {
        let one = |school_no| LEDGERS[0].difference(Day(1), (1, school_no), &["1".to_owned()], &["2".to_owned()]);
        assert_eq!(confirmed(&[one(1), one(2)], vec![one(2), one(3)]), [one(2)]);
    }
}
