//! Sessions of a device: each row knows only its own day, so what goes on over midnight is read from both.

use schemas::time::{Day, format_rfc3339_ms};
use serde::Serialize;
use utoipa::ToSchema;

/// A day's sessions as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaySessions {
    /// The day.
    pub day: Day,
    /// `[from, to, from, to, …]`, seconds after local midnight.
    pub spans: Vec<u32>,
    /// The device was on at second 0.
    pub from_start: bool,
    /// The device was on at the last second.
    pub to_end: bool,
}

/// A session of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Session {
    /// Local day.
    pub day: String,
    /// First second on, RFC 3339.
    pub from: String,
    /// The instant after the last second on.
    pub to: String,
    /// Length in seconds.
    pub seconds: u32,
    /// It goes on from the day before.
    pub continues_before: bool,
    /// It goes on the next day.
    pub continues_after: bool,
}

/// The sessions of the days `from..=to`, out of these days and their neighbours, all ascending.
#[must_use]
pub fn sessions(days: &[DaySessions], from: Day, to: Day) -> Vec<Session> {
    let neighbour = |day: Day| days.iter().find(|other| other.day == day);
    let mut found = Vec::new();
    for row in days.iter().filter(|row| (from..=to).contains(&row.day)) {
        let before = row.from_start && neighbour(row.day.plus(-1)).is_some_and(|other| other.to_end);
        let after = row.to_end && neighbour(row.day.plus(1)).is_some_and(|other| other.from_start);
        for span in row.spans.chunks_exact(2) {
            found.push(session(row.day, span[0], span[1], before, after));
        }
    }
    found
}

fn session(day: Day, from: u32, to: u32, day_before: bool, day_after: bool) -> Session {
    let instant = |second: u32| format_rfc3339_ms(day.start_ms() + i64::from(second) * 1000);
    Session {
        day: day.to_string(),
        from: instant(from),
        to: instant(to),
        seconds: to.saturating_sub(from),
        continues_before: day_before && from == 0,
        continues_after: day_after && to == schemas::time::DAY_S,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn row(day: &str, spans: &[u32]) -> DaySessions {
        DaySessions {
            day: Day::parse(day).unwrap(),
            spans: spans.to_vec(),
            from_start: spans.first() == Some(&0),
            to_end: spans.last() == Some(&86_400),
        }
    }

    #[test]
    fn a_session_over_midnight_is_two_rows_that_point_at_each_other() {
        let days = [row("2026-11-19", &[100, 200, 80_000, 86_400]), row("2026-11-20", &[0, 60, 30_000, 30_600])];
        let found = sessions(&days, days[0].day, days[1].day);
        let flags: Vec<_> = found.iter().map(|s| (s.seconds, s.continues_before, s.continues_after)).collect();
        assert_eq!(flags, [(100, false, false), (6400, false, true), (60, true, false), (600, false, false)]);
        assert_eq!(found[1].to, "2026-11-20T00:00:00.000+08:00");
        assert_eq!(found[2].from, "2026-11-20T00:00:00.000+08:00");
    }

    #[test]
    fn midnight_alone_does_not_join() {
        let days = [row("2026-11-18", &[80_000, 86_400]), row("2026-11-20", &[0, 60])];
        assert!(sessions(&days, days[0].day, days[1].day).iter().all(|s| !s.continues_before && !s.continues_after));
        let other = [row("2026-11-19", &[80_000, 86_399]), row("2026-11-20", &[0, 60])];
        assert!(sessions(&other, other[0].day, other[1].day).iter().all(|s| !s.continues_before));
    }

    #[test]
    fn neighbours_outside_the_range_tell_but_are_not_listed() {
        let days = [row("2026-11-19", &[80_000, 86_400]), row("2026-11-20", &[0, 60])];
        let found = sessions(&days, days[1].day, days[1].day);
        assert_eq!(found.len(), 1);
        assert!(found[0].continues_before);
    }
}
