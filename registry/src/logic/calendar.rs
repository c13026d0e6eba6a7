//! Changes of a calendar: the days that have begun stay as they were, and below the province a level only closes.

use super::conflict::{Faults, Invalid};
use schemas::registry::CalendarSpan;
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Spans of one calendar that have not passed.
const SPANS: usize = 200;
/// How far ahead a span may end, days.
const AHEAD: i32 = 800;

/// Days of one kind, as the console speaks of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpanForm {
    /// First day.
    #[schema(example = "2027-01-25")]
    pub from: String,
    /// Last day.
    #[schema(example = "2027-02-21")]
    pub until: String,
    /// False: no school. True: a make-up workday, which only the province has.
    pub school_day: bool,
    /// What it is.
    #[schema(example = "寒假")]
    pub name: String,
    /// Not settled yet; false unless given.
    #[serde(default)]
    pub provisional: bool,
}

/// A calendar whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarForm {
    /// Its spans, in any order; those that have passed have to be among them.
    pub spans: Vec<SpanForm>,
}

/// A calendar as it is shown.
#[must_use]
pub fn shown(spans: &[CalendarSpan]) -> CalendarForm {
    let shown = |span: &CalendarSpan| SpanForm {
        from: span.from_day.to_string(),
        until: span.until_day.plus(-1).to_string(),
        school_day: span.school_day,
        name: span.name.clone(),
        provisional: span.provisional,
    };
    CalendarForm { spans: spans.iter().map(shown).collect() }
}

impl CalendarForm {
    /// The calendar that follows on `before`, if nothing in it touches a day before `earliest`. `opens`: the level may
    /// make workdays of holidays.
    ///
    /// # Errors
    /// A value that cannot be accepted, or a day that has begun would change.
    pub fn check(&self, before: &[CalendarSpan], opens: bool, earliest: Day) -> Result<Vec<CalendarSpan>, Invalid> {
        let mut faults = Faults::default();
        let mut spans = Vec::new();
        for (i, form) in self.spans.iter().enumerate() {
            spans.extend(form.check(&mut faults, i, opens, earliest));
        }
        spans.sort_by(|a, b| (a.from_day, a.until_day, &a.name).cmp(&(b.from_day, b.until_day, &b.name)));
        let doubled =
            spans.windows(2).any(|pair| (pair[0].from_day, &pair[0].name) == (pair[1].from_day, &pair[1].name));
        let ahead = spans.iter().filter(|span| span.until_day > earliest).count();
        faults.unless(ahead <= SPANS, "/spans", "at most 200 to come");
        faults.unless(!doubled, "/spans", "two of one name begin on one day");
        faults.done()?;
        if begun(&spans, earliest) != begun(before, earliest) {
            return Err(Invalid::one("/spans", format!("days before {earliest} stay as they were")));
        }
        Ok(spans)
    }
}

impl SpanForm {
    fn check(&self, faults: &mut Faults, i: usize, opens: bool, earliest: Day) -> Option<CalendarSpan> {
        let days = Day::parse(&self.from).zip(Day::parse(&self.until)).filter(|(from, until)| from <= until);
        faults.unless(days.is_some(), &format!("/spans/{i}/from"), "two days as YYYY-MM-DD, in order");
        let near = days.is_none_or(|(_, until)| until <= earliest.plus(AHEAD));
        faults.unless(near, &format!("/spans/{i}/until"), "at most 800 days ahead");
        faults.unless(opens || !self.school_day, &format!("/spans/{i}/school_day"), "only the province opens days");
        faults.name(&self.name, 64, &format!("/spans/{i}/name"));
        let (from_day, until) = days?;
        let (school_day, name, provisional) = (self.school_day, self.name.clone(), self.provisional);
        Some(CalendarSpan { from_day, until_day: until.plus(1), school_day, name, provisional })
    }
}

/// A calendar that closes nothing from `from` up to `until`; closures that go beyond keep their other days. None: it closed
/// none of these days.
#[must_use]
pub fn reopened(spans: &[CalendarSpan], from: Day, until: Day) -> Option<Vec<CalendarSpan>> {
    let left = |span: &CalendarSpan| {
        if span.school_day {
            return [Some(span.clone()), None];
        }
        let before = CalendarSpan { until_day: span.until_day.min(from), ..span.clone() };
        let after = CalendarSpan { from_day: span.from_day.max(until), ..span.clone() };
        [before, after].map(|span| Some(span).filter(|span| span.from_day < span.until_day))
    };
    let after: Vec<_> = spans.iter().flat_map(left).flatten().collect();
    (after != spans).then_some(after)
}

/// What a calendar says of the days before `earliest`.
fn begun(spans: &[CalendarSpan], earliest: Day) -> Vec<(Day, Day, bool, String)> {
    let before = spans.iter().filter(|span| span.from_day < earliest);
    let mut begun: Vec<_> =
        before.map(|span| (span.from_day, span.until_day.min(earliest), span.school_day, span.name.clone())).collect();
    begun.sort();
    begun
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn form(from: &str, until: &str, school_day: bool) -> SpanForm {
        SpanForm { from: from.into(), until: until.into(), school_day, name: "假".into(), provisional: false }
    }

    #[test]
    fn a_closure_that_is_taken_back_keeps_its_other_days() {
        let day = |text: &str| Day::parse(text).unwrap();
        let earliest = day("2026-11-01");
        let spans = [
            form("2026-11-10", "2026-11-13", false),
            form("2026-11-12", "2026-11-12", true),
            form("2026-11-16", "2026-11-16", false),
        ];
        let before = CalendarForm { spans: spans.to_vec() }.check(&[], true, earliest).unwrap();
        let left = |from: &str, until: &str| {
            let after = reopened(&before, day(from), day(until).plus(1))?;
            Some(
                shown(&after)
                    .spans
                    .iter()
                    .map(|s| format!("{}-{} {}", &s.from[8..], &s.until[8..], s.school_day))
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        };
        assert_eq!(
            left("2026-11-11", "2026-11-12").as_deref(),
            Some("10-10 false, 13-13 false, 12-12 true, 16-16 false")
        );
        assert_eq!(left("2026-11-10", "2026-11-16").as_deref(), Some("12-12 true"));
        assert_eq!(left("2026-11-14", "2026-11-15"), None, "nothing was closed");
        assert_eq!(left("2026-11-09", "2026-11-09"), None);
    }

    /// What the change is told to be at fault, on 20 November 2026.
    fn fault(before: &[SpanForm], after: &[SpanForm], opens: bool) -> Option<String> {
        let today = Day::parse("2026-11-20").unwrap();
        let calendar = |spans: &[SpanForm]| CalendarForm { spans: spans.to_vec() };
        // Entered on the first of all days, when everything was to come.
        let before = calendar(before).check(&[], true, today.plus(-100)).unwrap();
        let checked = calendar(after).check(&before, opens, today.plus(1));
        checked.err().map(|invalid| invalid.0[0].pointer.clone())
    }

    #[test]
    fn only_days_to_come_change() {
        let (past, now) = (form("2026-10-01", "2026-10-07", false), form("2026-11-16", "2026-11-30", false));
        let kept = [past.clone(), now.clone()];
        let allowed = |after: &[SpanForm]| fault(&kept, after, false).is_none();
        assert!(allowed(&[past.clone(), now.clone(), form("2026-12-01", "2026-12-02", false)]));
        assert!(allowed(&[past.clone(), form("2026-11-16", "2026-11-20", false)]), "it may end with today");
        assert!(!allowed(&[past.clone(), form("2026-11-16", "2026-11-19", false)]), "today was closed");
        assert!(!allowed(std::slice::from_ref(&now)), "what has passed stays");
        assert!(!allowed(&[past, now, form("2026-11-20", "2026-12-02", false)]), "today is not closed after the fact");
    }

    #[test]
    fn values_are_pointed_at() {
        let one = |from: &str, until: &str, school_day: bool, opens: bool| {
            fault(&[], &[form(from, until, school_day)], opens)
        };
        assert_eq!(one("2026-12-02", "2026-12-01", false, true).as_deref(), Some("/spans/0/from"));
        assert_eq!(one("2026-12-05", "2026-12-05", true, false).as_deref(), Some("/spans/0/school_day"));
        assert_eq!(one("2026-12-05", "2026-12-05", true, true), None);
        assert_eq!(one("2026-12-05", "2036-12-05", false, true).as_deref(), Some("/spans/0/until"));
        let twice = [form("2026-12-05", "2026-12-05", false), form("2026-12-05", "2026-12-06", false)];
        assert_eq!(fault(&[], &twice, true).as_deref(), Some("/spans"));
    }
}
