//! Statements, and the parts that they are made of. Only numbers and dates of our own types reach the text, never a
//! string that came from outside.

use schemas::time::Day;

/// SQL that carries the caller's scope. Made only by the plans beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(pub(super) String);

impl Statement {
    /// The text to send.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Denominators of a group of rows of `roster_day`.
pub(super) const ROSTER_SUMS: &str = "count() AS n_rows, countIf(school_day = 1) AS n_school_days, \
                                      sumIf(toUInt64(in_service), school_day = 1) AS n_in_service, \
                                      sumIf(toUInt64(classes), school_day = 1) AS n_classes, \
                                      countIf(school_day = 1 AND in_service > 0) AS n_schools, \
                                      sumIf(toUInt64(in_service) * lessons, school_day = 1) AS n_lesson_slots, \
                                      max(provisional) AS n_provisional, sum(ver) AS n_ver";

/// Numerators of a group of rows of `school_day`; those of the curves where they are wanted.
pub(super) fn activity_sums(curves: bool) -> String {
    let online = if curves { "sum(online_slots)" } else { "toUInt64(0)" };
    format!(
        "count() AS n_rows, sum(toUInt64(reporting)) AS n_reporting, sum(toUInt64(powered)) AS n_powered, \
         sum(toUInt64(used)) AS n_used, sum(toUInt64(classes_used)) AS n_classes_used, \
         countIf(used > 0) AS n_schools_used, sum(on_s) AS n_on_s, sum(active_s) AS n_active_s, \
         sum(toUInt64(lessons_used)) AS n_lessons_used, {online} AS n_online_slots, sum(toUInt64(ver)) AS n_ver"
    )
}

/// Numerators of a group of rows of `school_network_day`; histograms where they are wanted.
pub(super) fn network_sums(histograms: bool) -> String {
    format!("count() AS n_rows, {NETWORK_SUMS}, {}, sum(toUInt64(ver)) AS n_ver", histogram_sums(histograms))
}

/// Leaves out the days of schools that the roster says are off, among the roster's rows of `filter`.
pub(super) fn not_off(filter: &str) -> String {
    format!(
        "(division, school_no, day) NOT IN (SELECT division, school_no, day FROM roster_day FINAL \
         WHERE {filter} AND school_day = 0)"
    )
}

/// Sums of the counters of a network table.
const NETWORK_SUMS: &str = "sum(toUInt64(pass)) AS n_pass, sum(toUInt64(fail)) AS n_fail, \
                            sum(toUInt64(outage)) AS n_outage, sum(toUInt64(partial)) AS n_partial, \
                            sum(toUInt64(valid)) AS n_valid, sum(toUInt64(probes_lost)) AS n_lost, \
                            sum(toUInt64(probes_sent)) AS n_sent";

/// Sums of the histograms of a network table, or empty arrays.
fn histogram_sums(wanted: bool) -> String {
    let column = |name: &str| {
        let sum = if wanted { format!("sumForEach({name}_hist)") } else { "[]".to_owned() };
        format!("CAST({sum} AS Array(UInt64)) AS n_{name}")
    };
    column("latency") + ", " + &column("jitter")
}

/// A range of days.
pub(super) fn between(from: Day, to: Day) -> String {
    format!("day BETWEEN {} AND {}", date(from), date(to))
}

/// Some days, ascending: the range for the partitions, the list for the rows.
pub(super) fn in_days(days: &[Day]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return "0".to_owned() };
    let range = between(*first, *last);
    let gapless = usize::try_from(last.0 - first.0 + 1).is_ok_and(|length| length == days.len());
    if gapless {
        return range;
    }
    format!("{range} AND day IN ({})", list(days.iter().map(|day| date(*day))))
}

/// A day.
pub(super) fn date(day: Day) -> String {
    format!("toDate('{day}')")
}

/// A list of numbers.
pub(super) fn numbers(numbers: &[u32]) -> String {
    format!("[{}]", list(numbers.iter().map(u32::to_string)))
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
