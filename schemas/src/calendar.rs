//! Whether a day is a school day, from the calendars of the organisations above a school.
//!
//! The rule, by falling precedence:
//! 1. a span with `school_day: false` at **any** level that covers the day (national holiday and vacation at the
//!    province, closure at province, city, county or school): no school day;
//! 2. a span with `school_day: true` of the **province** (make-up workday): a school day;
//! 3. Monday to Friday: a school day; Saturday and Sunday: none.
//!
//! So a level below the province can only narrow. A year is *published* once a span of the province that is not
//! provisional begins in it; a day of any other year, or one decided by a provisional span, is provisional
//! (METRICS section 10.18).

use crate::registry::CalendarSpan;
use crate::time::Day;

/// What the calendars say about a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// It is a school day.
    pub school_day: bool,
    /// The official calendar of the year is not published yet.
    pub provisional: bool,
    /// Name of the span that decides, e.g. `国庆节`; empty where the day of the week decides.
    pub name: &'a str,
}

/// Judges `day` by the calendars of the province, then city, county and school, as far as they exist. The first
/// calendar of `chain` is taken for the province's.
#[must_use]
pub fn school_day<'a>(chain: &[&'a [CalendarSpan]], day: Day) -> Verdict<'a> {
    let province = chain.first().copied().unwrap_or_default();
    let closed = chain.iter().find_map(|spans| covering(spans, day, false));
    let decisive = closed.or_else(|| covering(province, day, true));
    Verdict {
        school_day: decisive.map_or(day.weekday() < 5, |span| span.school_day),
        provisional: decisive.is_some_and(|span| span.provisional) || !is_published(province, day.year()),
        name: decisive.map_or("", |span| &span.name),
    }
}

fn covering(spans: &[CalendarSpan], day: Day, school_day: bool) -> Option<&CalendarSpan> {
    spans.iter().find(|span| span.school_day == school_day && span.from_day <= day && day < span.until_day)
}

fn is_published(province: &[CalendarSpan], year: i32) -> bool {
    province.iter().any(|span| !span.provisional && span.from_day.year() == year)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn span(from: &str, until: &str, school_day: bool, name: &str) -> CalendarSpan {
        let (from_day, until_day) = (day(from), day(until));
        CalendarSpan { from_day, until_day, school_day, name: name.into(), provisional: false }
    }

    fn province() -> Vec<CalendarSpan> {
        vec![
            span("2026-02-01", "2026-03-02", false, "寒假"),
            span("2026-02-14", "2026-02-15", true, "春节调休上班"),
            span("2026-10-01", "2026-10-08", false, "国庆节"),
            span("2026-10-10", "2026-10-11", true, "国庆节调休上班"),
        ]
    }

    #[track_caller]
    fn check(chain: &[&[CalendarSpan]], on: &str, expected: bool, name: &str) {
        let verdict = school_day(chain, day(on));
        assert_eq!((verdict.school_day, verdict.name), (expected, name), "{on}");
    }

    #[test]
    fn the_week_decides_where_no_span_does() {
        let province = province();
        check(&[&province], "2026-10-09", true, "");
        check(&[&province], "2026-10-11", false, "");
        check(&[], "2026-10-12", true, "");
    }

    #[test]
    fn holidays_close_and_make_up_days_open_a_weekend() {
        let province = province();
        check(&[&province], "2026-10-01", false, "国庆节");
        check(&[&province], "2026-10-07", false, "国庆节");
        check(&[&province], "2026-10-08", true, "");
        check(&[&province], "2026-10-10", true, "国庆节调休上班");
    }

    #[test]
    fn a_vacation_wins_over_a_make_up_day() {
        check(&[&province()], "2026-02-14", false, "寒假");
    }

    #[test]
    fn lower_levels_only_narrow() {
        let (province, none) = (province(), vec![]);
        let closed = vec![span("2026-10-09", "2026-10-11", false, "台风停课")];
        let opened = vec![span("2026-10-11", "2026-10-12", true, "补课")];
        check(&[&province, &none, &closed], "2026-10-09", false, "台风停课");
        check(&[&province, &none, &closed], "2026-10-10", false, "台风停课");
        check(&[&province, &opened], "2026-10-11", false, "");
    }

    #[test]
    fn an_unpublished_year_is_provisional() {
        let mut province = province();
        province.push(CalendarSpan { provisional: true, ..span("2027-01-23", "2027-02-25", false, "寒假") });
        assert!(!school_day(&[&province], day("2026-11-20")).provisional);
        assert!(school_day(&[&province], day("2027-03-01")).provisional);
        assert!(school_day(&[&province], day("2027-01-25")).provisional);
        assert!(school_day(&[], day("2026-11-20")).provisional);
    }
}
