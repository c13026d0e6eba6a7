//! What commands are given, and how they print numbers.

use schemas::time::Day;
use std::str::FromStr;

/// `A..B` or one day: local days, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// First day.
    pub first: Day,
    /// Last day.
    pub last: Day,
}

impl FromStr for DayRange {
    type Err = String;

    fn from_str(text: &str) -> Result<DayRange, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let day =
            |text: &str| Day::parse(text.trim()).ok_or(format!("{text:?} is no day; expected 2026-11-02..2026-11-20"));
        let range = DayRange { first: day(first)?, last: day(last)? };
        if range.first > range.last { Err(format!("{first} is after {last}")) } else { Ok(range) }
    }
}

impl DayRange {
    /// First day, and day after the last.
    #[must_use]
    pub fn half_open(self) -> (Day, Day) {
        (self.first, self.last.plus(1))
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate in percent; without a denominator a dash.
#[must_use]
pub fn percent(num: u64, den: u64) -> String {
    if den == 0 { "-".to_owned() } else { format!("{:.2} %", num as f64 * 100.0 / den as f64) }
}

/// Columns of text, as wide as their widest cell; the first row is the heading.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - wide(cell))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Chinese characters are two columns wide.
fn wide(text: &str) -> usize {
    text.chars().map(|c| if ('\u{2e80}'..='\u{ffef}').contains(&c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn days_are_inclusive() {
        let range: DayRange = "2026-11-02..2026-11-20".parse().unwrap();
        assert_eq!(range.half_open(), (Day::parse("2026-11-02").unwrap(), Day::parse("2026-11-21").unwrap()));
        assert_eq!("2026-11-02".parse::<DayRange>().unwrap().first, range.first);
        for text in ["", "2026-11-02..", "2026-11-20..2026-11-02", "2..3", "2026-13-01"] {
            assert!(text.parse::<DayRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1_000, 1_234_567].map(grouped).each_ref().map(|s| &**s)
        );
        assert_eq!((percent(1, 3).as_str(), percent(0, 0).as_str()), ("33.33 %", "-"));
    }

    #[test]
    fn columns_line_up_also_under_chinese_names() {
        let rows = [["a", "b"], ["天河", "1"], ["x", "22"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "a     b\n天河  1\nx     22");
    }
}
