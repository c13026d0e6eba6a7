//! Organisation ids: areas by GB/T 2260 code, schools `s<no>`, classes `c<no>`.

use std::fmt;
use std::ops::RangeInclusive;

/// Level of an area, read off its GB/T 2260 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaLevel {
    /// `440000`
    Province,
    /// `440100`
    City,
    /// `440106`
    County,
}

/// Id of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrgId {
    /// Province, city or county by its code.
    Area(u32),
    /// School by its number.
    School(u32),
    /// Class by its number.
    Class(u32),
}

impl OrgId {
    /// Parses `440106`, `s1024`, `c77`: canonical decimal only, no sign, no leading zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<OrgId> {
        match text.as_bytes().first()? {
            b's' => canonical(&text[1..]).map(OrgId::School),
            b'c' => canonical(&text[1..]).map(OrgId::Class),
            _ => canonical(text).filter(|code| (100_000..1_000_000).contains(code)).map(OrgId::Area),
        }
    }
}

fn canonical(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrgId::Area(code) => write!(f, "{code}"),
            OrgId::School(no) => write!(f, "s{no}"),
            OrgId::Class(no) => write!(f, "c{no}"),
        }
    }
}

/// Level of an area's code.
#[must_use]
pub fn area_level(code: u32) -> AreaLevel {
    if code.is_multiple_of(10_000) {
        AreaLevel::Province
    } else if code.is_multiple_of(100) {
        AreaLevel::City
    } else {
        AreaLevel::County
    }
}

/// Codes of an area and of everything below it: a range, because codes nest by decimal prefix.
#[must_use]
pub fn area_range(code: u32) -> RangeInclusive<u32> {
    match area_level(code) {
        AreaLevel::Province => code..=code + 9_999,
        AreaLevel::City => code..=code + 99,
        AreaLevel::County => code..=code,
    }
}

/// County, city and province of an area's code, the nearest first; an area above the county level stands for those below
/// it as well.
#[must_use]
pub const fn area_chain(code: u32) -> [u32; 3] {
    [code, code / 100 * 100, code / 10_000 * 10_000]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ids_are_canonical() {
        assert_eq!(OrgId::parse("440106"), Some(OrgId::Area(440_106)));
        assert_eq!(OrgId::parse("s1024"), Some(OrgId::School(1024)));
        assert_eq!(OrgId::parse("c77"), Some(OrgId::Class(77)));
        for text in ["", "s", "s01", "s-1", "44010", "4401066", "x1", "s4294967296", "440106 ", "０"] {
            assert_eq!(OrgId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn areas_nest_by_prefix() {
        assert_eq!(area_range(440_000), 440_000..=449_999);
        assert_eq!(area_range(440_100), 440_100..=440_199);
        assert_eq!(area_range(440_106), 440_106..=440_106);
    }
}
