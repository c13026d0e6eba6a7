//! `--clock START[@SPEED]`, and the line that is suggested at night.

use schemas::time::{Day, ZONE_OFFSET_MS, format_rfc3339_ms, parse_rfc3339_ms};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Where the services' clock starts, and how fast it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockStart {
    /// Virtual instant, ms since the epoch.
    pub virtual_ms: i64,
    /// Virtual seconds per second.
    pub speed: f64,
}

impl FromStr for ClockStart {
    type Err = String;

    fn from_str(text: &str) -> Result<ClockStart, String> {
        let (start, speed) = text.split_once('@').unwrap_or((text, "1"));
        let speed = speed.parse().ok().filter(|speed| *speed > 0.0 && *speed <= 10_000.0);
        Ok(ClockStart {
            virtual_ms: instant(start).ok_or("expected an instant like 2026-11-20T09:00 (Shanghai) or RFC 3339")?,
            speed: speed.ok_or("expected a speed above 0 and at most 10000")?,
        })
    }
}

/// An RFC 3339 instant, or a local time of Asia/Shanghai with or without seconds.
fn instant(text: &str) -> Option<i64> {
    [text.to_owned(), format!("{text}+08:00"), format!("{text}:00+08:00")]
        .iter()
        .find_map(|text| parse_rfc3339_ms(text))
}

/// `clock` of `stack.json` and `[clock]` of every service: virtual time = `virtual` + (wall - `real`) * `speed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// RFC 3339.
    pub r#virtual: String,
    /// RFC 3339.
    pub real: String,
    /// Virtual seconds per second.
    pub speed: f64,
}

impl Anchor {
    /// The clock of a stack that is started at `real_ms`.
    #[must_use]
    pub fn new(start: Option<ClockStart>, real_ms: i64) -> Anchor {
        let start = start.unwrap_or(ClockStart { virtual_ms: real_ms, speed: 1.0 });
        Anchor { r#virtual: format_rfc3339_ms(start.virtual_ms), real: format_rfc3339_ms(real_ms), speed: start.speed }
    }
}

/// At night and on a weekend nobody is at school: a `--clock` argument that shows a school morning, else nothing.
#[must_use]
pub fn suggestion(virtual_ms: i64) -> Option<String> {
    let day = Day::of_ms(virtual_ms);
    let hour = (virtual_ms + ZONE_OFFSET_MS).div_euclid(3_600_000).rem_euclid(24);
    if day.weekday() < 5 && (8..17).contains(&hour) {
        return None;
    }
    let back = match day.weekday() {
        0 => 3,
        6 => 2,
        _ => 1,
    };
    Some(format!("{}T09:00", day.plus(-back)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        parse_rfc3339_ms(text).unwrap()
    }

    #[test]
    fn a_start_is_local_or_rfc3339_with_an_optional_speed() {
        let nine = at("2026-11-20T09:00:00+08:00");
        for text in ["2026-11-20T09:00", "2026-11-20T09:00:00", "2026-11-20T01:00:00Z"] {
            assert_eq!(text.parse(), Ok(ClockStart { virtual_ms: nine, speed: 1.0 }), "{text}");
        }
        assert_eq!("2026-11-20T09:00@60".parse(), Ok(ClockStart { virtual_ms: nine, speed: 60.0 }));
        for text in ["", "now", "2026-11-20", "2026-11-20T09:00@", "2026-11-20T09:00@0", "2026-11-20T09:00@NaN"] {
            assert!(text.parse::<ClockStart>().is_err(), "{text}");
        }
    }

    #[test]
    fn without_a_clock_virtual_time_is_real_time() {
        let anchor = Anchor::new(None, at("2026-11-21T20:00:00Z"));
        assert_eq!(anchor.r#virtual, anchor.real);
        assert_eq!(anchor.real, "2026-11-22T04:00:00.000+08:00");
    }

    #[test]
    fn a_school_morning_is_suggested_at_night_and_on_weekends() {
        for (now, suggested) in [
            ("2026-11-20T10:00:00+08:00", None),
            ("2026-11-20T07:59:00+08:00", Some("2026-11-19T09:00")),
            ("2026-11-21T10:00:00+08:00", Some("2026-11-20T09:00")),
            ("2026-11-22T10:00:00+08:00", Some("2026-11-20T09:00")),
            ("2026-11-23T05:00:00+08:00", Some("2026-11-20T09:00")),
        ] {
            assert_eq!(suggestion(at(now)).as_deref(), suggested, "{now}");
        }
    }
}
