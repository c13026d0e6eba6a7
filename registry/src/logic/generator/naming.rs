//! Names that nobody takes for real ones.

use crate::logic::model::Division;
use std::collections::HashMap;

/// Gives each school of an area and type its ordinal.
#[derive(Debug)]
pub(super) struct Names<'a> {
    areas: HashMap<u32, &'a str>,
    given: HashMap<(u32, &'static str), u32>,
}

impl<'a> Names<'a> {
    pub(super) fn new(divisions: &'a [Division]) -> Names<'a> {
        let areas = divisions.iter().map(|division| (division.code, division.name.as_str())).collect();
        Names { areas, given: HashMap::new() }
    }

    /// E.g. 天河区示例第一小学.
    pub(super) fn school(&mut self, division: u32, school_type: &'static str) -> String {
        let given = self.given.entry((division, school_type)).or_default();
        *given += 1;
        let area = self.areas.get(&division).copied().unwrap_or_default();
        format!("{area}示例第{}{}", numeral(*given), suffix(school_type))
    }
}

fn suffix(school_type: &'static str) -> &'static str {
    match school_type {
        "初中" => "初级中学",
        "9年一贯制" => "九年一贯制学校",
        "高中" => "高级中学",
        "完全中学" => "中学",
        "十二年一贯制" => "十二年一贯制学校",
        "中职" => "中等职业学校",
        "高职" => "职业技术学院",
        other => other,
    }
}

/// E.g. 三年级2班, 高一1班.
pub(super) fn class(school_type: &str, grade: u32, number: u32) -> String {
    const SENIOR: [&str; 3] = ["高一", "高二", "高三"];
    match (school_type, grade) {
        ("中职" | "高职", _) => format!("{}年级{number}班", numeral((grade - 1) % 3 + 1)),
        (_, 10..=12) => format!("{}{number}班", SENIOR[grade as usize - 10]),
        _ => format!("{}年级{number}班", numeral(grade)),
    }
}

/// A Chinese numeral, 1 to 9,999.
pub(super) fn numeral(n: u32) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    const UNITS: [(u32, &str); 4] = [(1000, "千"), (100, "百"), (10, "十"), (1, "")];
    let mut text = String::new();
    let mut gap = false;
    for (unit, name) in UNITS {
        let digit = n / unit % 10;
        if digit == 0 {
            gap = !text.is_empty();
            continue;
        }
        if gap {
            text.push_str(DIGITS[0]);
        }
        if (unit, digit) != (10, 1) || !text.is_empty() {
            text.push_str(DIGITS[digit as usize]);
        }
        text.push_str(name);
        gap = false;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_read_as_spoken() {
        let cases = [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (101, "一百零一"), (110, "一百一十")];
        for (n, text) in cases.into_iter().chain([(1005, "一千零五"), (300, "三百"), (2310, "二千三百一十")])
        {
            assert_eq!(numeral(n), text);
        }
    }

    #[test]
    fn classes_are_named_by_stage() {
        assert_eq!(class("小学", 3, 2), "三年级2班");
        assert_eq!(class("高中", 12, 1), "高三1班");
        assert_eq!(class("高职", 14, 1), "二年级1班");
    }
}
