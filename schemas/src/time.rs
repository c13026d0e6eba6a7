//! Instants in milliseconds, local days of Asia/Shanghai (UTC+08:00, no daylight saving), RFC 3339.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

/// Offset of the reporting zone Asia/Shanghai from UTC, in milliseconds.
pub const ZONE_OFFSET_MS: i64 = 8 * 3_600_000;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
/// Seconds in a day.
pub const DAY_S: u32 = 86_400;

/// A local calendar day of Asia/Shanghai: days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// Lower bound of the first belonging of a device.
    pub const FIRST: Day = Day(0);
    /// Upper bound of a belonging that is still open: the last day that ClickHouse's `Date` can hold.
    pub const OPEN: Day = Day(65_535);

    /// The local day of an instant.
    #[must_use]
    pub fn of_ms(ms: i64) -> Day {
        Day((ms + ZONE_OFFSET_MS).div_euclid(DAY_MS) as i32)
    }

    /// The instant of this day's 00:00 Asia/Shanghai.
    #[must_use]
    pub fn start_ms(self) -> i64 {
        i64::from(self.0) * DAY_MS - ZONE_OFFSET_MS
    }

    /// The day `n` days later.
    #[must_use]
    pub fn plus(self, n: i32) -> Day {
        Day(self.0 + n)
    }

    /// Parses `YYYY-MM-DD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Day> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes[4] == b'-'
            && bytes[7] == b'-'
            && bytes.iter().enumerate().all(|(i, b)| i == 4 || i == 7 || b.is_ascii_digit());
        if !shaped {
            return None;
        }
        let month = text[5..7].parse::<u8>().ok()?.try_into().ok()?;
        let date = Date::from_calendar_date(text[..4].parse().ok()?, month, text[8..].parse().ok()?).ok()?;
        Some(Day(date.to_julian_day() - EPOCH_JULIAN_DAY))
    }

    /// Day of the week, Monday = 0.
    #[must_use]
    pub fn weekday(self) -> u8 {
        (self.0 + 3).rem_euclid(7) as u8
    }

    /// The calendar year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.date().year()
    }

    fn date(self) -> Date {
        Date::from_julian_day(self.0.saturating_add(EPOCH_JULIAN_DAY)).unwrap_or(Date::MAX)
    }
}

const EPOCH_JULIAN_DAY: i32 = 2_440_588;

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

/// Parses RFC 3339 with any offset; what is finer than a millisecond is cut off.
#[must_use]
pub fn parse_rfc3339_ms(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// Writes an instant as RFC 3339 with milliseconds in Asia/Shanghai, e.g. `2026-11-20T09:15:04.120+08:00`.
#[must_use]
pub fn format_rfc3339_ms(ms: i64) -> String {
    let in_day = (ms + ZONE_OFFSET_MS).rem_euclid(DAY_MS);
    let (h, m, s, f) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1000 % 60, in_day % 1000);
    format!("{}T{h:02}:{m:02}:{s:02}.{f:03}+08:00", Day::of_ms(ms))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let day = Day::parse("2026-11-20").unwrap();
        assert_eq!(format_rfc3339_ms(day.start_ms()), "2026-11-20T00:00:00.000+08:00");
        assert_eq!(Day::of_ms(day.start_ms()), day);
        assert_eq!(Day::of_ms(day.start_ms() - 1), day.plus(-1));
        assert_eq!(day.to_string(), "2026-11-20");
        assert_eq!(day.weekday(), 4, "a Friday");
    }

    #[test]
    fn rfc3339_is_cut_to_milliseconds_not_rounded() {
        let ms = parse_rfc3339_ms("2026-11-20T09:15:04.1209+08:00").unwrap();
        assert_eq!(format_rfc3339_ms(ms), "2026-11-20T09:15:04.120+08:00");
        assert_eq!(parse_rfc3339_ms("2026-11-20T01:15:04.120Z"), Some(ms));
        assert_eq!(parse_rfc3339_ms("2026-11-20 09:15"), None);
    }

    #[test]
    fn malformed_days_are_refused() {
        for text in ["2026-13-01", "2026-02-30", "2026-1-01", "+026-01-01", "", "2026-01-0a"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
