//! Which days an event touches, and where its spans lie in a day (METRICS sections 10.1 to 10.3).

use schemas::event::{Heartbeat, Span};
use schemas::time::{DAY_S, Day, ZONE_OFFSET_MS};

/// Local seconds since 1970-01-01 00:00 Asia/Shanghai, floored.
#[must_use]
fn local_s(ms: i64) -> i64 {
    (ms + ZONE_OFFSET_MS).div_euclid(1000)
}

/// First local second of a day.
fn start_s(day: Day) -> i64 {
    i64::from(day.0) * i64::from(DAY_S)
}

/// Second of the day of an instant.
#[must_use]
pub fn second_of_day(at_ms: i64) -> u32 {
    local_s(at_ms).rem_euclid(i64::from(DAY_S)) as u32
}

/// The part of a span in `day`, in seconds of that day; `None` if it is empty there.
#[must_use]
pub fn clip(at_ms: i64, span: Span, day: Day) -> Option<(u32, u32)> {
    let within = |ms_ago: u32| (local_s(at_ms - i64::from(ms_ago)) - start_s(day)).clamp(0, i64::from(DAY_S)) as u32;
    let (from, to) = (within(span.from_ms_ago), within(span.to_ms_ago));
    (from < to).then_some((from, to))
}

/// Days touched by an event: that of its `at`, and perhaps the one before. A span reaches at most 24 h back, so
/// there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The day of `at`.
    pub day: Day,
    /// A span of it, floored, is not empty in the day before.
    pub before: bool,
}

impl Touched {
    /// The day of `at` alone.
    #[must_use]
    pub fn at(at_ms: i64) -> Touched {
        Touched { day: Day::of_ms(at_ms), before: false }
    }

    /// The days of a heartbeat.
    #[must_use]
    pub fn by(beat: &Heartbeat) -> Touched {
        let day = Day::of_ms(beat.at_ms);
        let midnight = start_s(day);
        let back_s = (local_s(beat.at_ms) - midnight) * 1000;
        // Only a span that begins more than this far back can lie in the day before.
        let mut candidates = spans(beat).filter(|span| i64::from(span.from_ms_ago) >= back_s);
        Touched { day, before: candidates.any(|span| clip(beat.at_ms, *span, day.plus(-1)).is_some()) }
    }

    /// The touched days within `[from, until)`.
    pub fn within(self, from: Day, until: Day) -> impl Iterator<Item = Day> {
        let before = self.before.then(|| self.day.plus(-1));
        before.into_iter().chain([self.day]).filter(move |day| from <= *day && *day < until)
    }
}

fn spans(beat: &Heartbeat) -> impl Iterator<Item = &Span> {
    beat.on.iter().chain(&beat.active).chain(beat.apps.iter().flat_map(|app| &app.spans))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::event::AppSpans;
    use schemas::time::parse_rfc3339_ms;

    fn beat(at: &str, spans: &[(u32, u32)]) -> Heartbeat {
        let span = |(from_ms_ago, to_ms_ago): &(u32, u32)| Span { from_ms_ago: *from_ms_ago, to_ms_ago: *to_ms_ago };
        let apps = vec![AppSpans { app: "ppt".into(), spans: spans.iter().map(span).collect() }];
        Heartbeat { seq: 0, at_ms: parse_rfc3339_ms(at).unwrap(), on: vec![], active: vec![], apps }
    }

    fn check(at: &str, spans: &[(u32, u32)], before: bool) {
        let day = Day::parse("2026-11-20").unwrap();
        assert_eq!(Touched::by(&beat(at, spans)), Touched { day, before }, "{at} {spans:?}");
    }

    #[test]
    fn the_day_before_is_touched_by_a_floored_span_that_is_not_empty_in_it() {
        check("2026-11-20T00:00:10.000+08:00", &[(10_000, 0)], false);
        check("2026-11-20T00:00:10.000+08:00", &[(10_001, 0)], true);
        check("2026-11-20T00:00:10.000+08:00", &[(10_001, 10_000)], true);
        check("2026-11-20T00:00:10.500+08:00", &[(10_500, 0)], false);
        check("2026-11-20T00:00:10.500+08:00", &[(10_501, 0)], true);
        check("2026-11-20T00:00:10.500+08:00", &[(11_400, 10_600)], false);
        check("2026-11-20T23:59:59.999+08:00", &[(86_400_000, 0)], true);
        check("2026-11-20T00:00:00.000+08:00", &[(86_400_000, 86_399_000)], true);
        check("2026-11-20T09:00:00.000+08:00", &[], false);
    }

    #[test]
    fn spans_are_floored_at_both_ends_and_cut_at_midnight() {
        let at = parse_rfc3339_ms("2026-11-20T00:01:00.400+08:00").unwrap();
        let day = Day::parse("2026-11-20").unwrap();
        let span = |from_ms_ago, to_ms_ago| Span { from_ms_ago, to_ms_ago };
        assert_eq!(clip(at, span(120_000, 30_400), day), Some((0, 30)));
        assert_eq!(clip(at, span(120_000, 30_400), day.plus(-1)), Some((86_340, 86_400)));
        assert_eq!(clip(at, span(30_401, 400), day), Some((29, 60)));
        assert_eq!(clip(at, span(399, 0), day), None, "both ends in second 60");
        assert_eq!(clip(at, span(401, 400), day), Some((59, 60)));
    }

    #[test]
    fn only_days_of_the_belonging_are_touched() {
        let day = Day(100);
        let touched = Touched { day, before: true };
        assert_eq!(touched.within(Day(99), Day(101)).collect::<Vec<_>>(), [Day(99), Day(100)]);
        assert_eq!(touched.within(Day(100), Day(200)).collect::<Vec<_>>(), [Day(100)]);
        assert_eq!(touched.within(Day(0), Day(100)).collect::<Vec<_>>(), [Day(99)]);
    }
}
