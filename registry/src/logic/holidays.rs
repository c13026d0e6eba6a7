//! The province's calendar: published holidays and make-up workdays, and the vacations between terms.

use schemas::registry::CalendarSpan;
use schemas::time::Day;
use serde::Deserialize;

/// The calendar that is embedded in this build, with its sources.
pub const HOLIDAYS_TOML: &str = include_str!("../../data/holidays.toml");

/// A calendar file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HolidaysError {
    /// Not TOML of this shape.
    #[error("read the calendar")]
    Toml(#[from] toml::de::Error),
    /// Not `YYYY-MM-DD`, or a span that ends before it begins.
    #[error("calendar: {0} is no day, or ends a span before its begin")]
    Day(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    notice: Vec<Notice>,
    vacation: Vec<Holiday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the citation is data for readers of the file, and required")]
struct Notice {
    year: u32,
    title: String,
    number: String,
    date: String,
    holidays: Vec<Holiday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    name: String,
    from: String,
    to: String,
    #[serde(default)]
    make_up: Vec<String>,
    #[serde(default)]
    provisional: bool,
}

/// Reads a calendar file into the province's spans, ascending.
///
/// # Errors
/// Not TOML of this shape, or days that are none.
pub fn parse(text: &str) -> Result<Vec<CalendarSpan>, HolidaysError> {
    let file: File = toml::from_str(text)?;
    let holidays = file.notice.iter().flat_map(|notice| &notice.holidays);
    let mut spans = Vec::new();
    for holiday in holidays.chain(&file.vacation) {
        spans.push(closed(holiday)?);
        for day in &holiday.make_up {
            spans.push(make_up(&holiday.name, parse_day(day)?));
        }
    }
    spans.sort_by_key(|span| (span.from_day, span.until_day));
    Ok(spans)
}

fn closed(holiday: &Holiday) -> Result<CalendarSpan, HolidaysError> {
    let (from_day, last) = (parse_day(&holiday.from)?, parse_day(&holiday.to)?);
    if last < from_day {
        return Err(HolidaysError::Day(holiday.to.clone()));
    }
    Ok(CalendarSpan {
        from_day,
        until_day: last.plus(1),
        school_day: false,
        name: holiday.name.clone(),
        provisional: holiday.provisional,
    })
}

fn make_up(holiday: &str, day: Day) -> CalendarSpan {
    CalendarSpan {
        from_day: day,
        until_day: day.plus(1),
        school_day: true,
        name: format!("{holiday}调休上班"),
        provisional: false,
    }
}

fn parse_day(text: &str) -> Result<Day, HolidaysError> {
    Day::parse(text).ok_or_else(|| HolidaysError::Day(text.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::calendar::school_day;

    #[track_caller]
    fn check(day: &str, expected: (bool, bool, &str)) {
        let province = parse(HOLIDAYS_TOML).unwrap();
        let verdict = school_day(&[&province], Day::parse(day).unwrap());
        assert_eq!((verdict.school_day, verdict.provisional, verdict.name), expected, "{day}");
    }

    #[test]
    fn the_published_calendar_of_2026_holds() {
        check("2026-10-01", (false, false, "国庆节"));
        check("2026-10-07", (false, false, "国庆节"));
        check("2026-10-08", (true, false, ""));
        check("2026-10-10", (true, false, "国庆节调休上班"));
        check("2026-09-20", (true, false, "国庆节调休上班"));
        check("2026-09-19", (false, false, ""));
        check("2026-01-04", (true, false, "元旦调休上班"));
        check("2026-11-20", (true, false, ""));
        check("2025-09-28", (true, false, "国庆节、中秋节调休上班"));
    }

    #[test]
    fn vacations_close_weekdays_and_make_up_days() {
        check("2026-02-14", (false, false, "寒假"));
        check("2026-02-28", (false, false, "寒假"));
        check("2026-08-31", (false, false, "暑假"));
        check("2026-09-01", (true, false, ""));
    }

    #[test]
    fn a_year_without_a_notice_is_provisional() {
        check("2027-03-01", (true, true, ""));
        check("2027-10-01", (true, true, ""));
        check("2027-02-01", (false, true, "寒假"));
        check("2028-03-06", (true, true, ""));
    }

    #[test]
    fn every_make_up_day_is_a_weekend() {
        let spans = parse(HOLIDAYS_TOML).unwrap();
        let make_up: Vec<_> = spans.iter().filter(|span| span.school_day).collect();
        assert_eq!(make_up.len(), 11);
        assert!(make_up.iter().all(|span| span.from_day.weekday() >= 5));
    }

    #[test]
    fn a_span_that_ends_before_its_begin_is_refused() {
        let text = HOLIDAYS_TOML.replace("to = \"2027-08-31\"", "to = \"2027-07-01\"");
        assert!(matches!(parse(&text), Err(HolidaysError::Day(_))));
    }
}
