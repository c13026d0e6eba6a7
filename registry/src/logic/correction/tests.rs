#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use schemas::time::parse_rfc3339_ms;

fn day(text: &str) -> Day {
    Day::parse(&format!("2026-11-{text}")).unwrap()
}

/// A history of letters: `"01a 10b"`.
fn history(text: &str) -> Vec<Change<char>> {
    let change = |word: &str| Change { from_day: day(&word[..2]), value: word.chars().last().unwrap() };
    text.split_whitespace().map(change).collect()
}

fn words(history: &[Change<char>]) -> String {
    let word = |change: &Change<char>| match change.from_day {
        Day::FIRST => format!("..{}", change.value),
        from => format!("{}{}", &from.to_string()[8..], change.value),
    };
    history.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Corrected on the 20th, so that the 21st is the first day to come.
fn check(before: &str, from: &str, until: Option<&str>, expected: &str) {
    let days = Days { from: day(from), until: until.map(day) };
    let corrected = overwrite(&history(before), days, day("21"), 'x', None);
    assert_eq!(words(&corrected), expected, "{before}: {from} to {until:?}");
    assert!(corrected.is_sorted_by(|a, b| a.from_day < b.from_day), "{corrected:?}");
}

#[test]
fn only_its_days_are_overwritten() {
    check("01a", "16", Some("18"), "01a 16x 18a");
    check("01a 17b", "16", Some("18"), "01a 16x 18b");
    check("01a 17b 18c", "16", Some("18"), "01a 16x 18c");
    check("01a 16b", "16", Some("18"), "01a 16x 18b");
    check("01a 18b 25c", "16", Some("18"), "01a 16x 18b 25c");
    check("10a", "10", Some("12"), "..a 10x 12a");
    check("10a 15b", "05", Some("08"), "..a 05x 08a 10a 15b");
}

#[test]
fn without_a_last_day_it_goes_on_to_what_is_to_come() {
    check("01a", "16", None, "01a 16x");
    check("01a 17b 19c", "16", None, "01a 16x");
    check("01a 17b 21c", "16", None, "01a 16x 21c");
}

#[test]
fn a_history_without_entries_falls_back_to_what_was_before() {
    let days = Days { from: day("16"), until: Some(day("18")) };
    assert_eq!(words(&overwrite(&[], days, day("21"), 'x', Some('a'))), "16x 18a");
    let later = history("17b");
    assert_eq!(
        words(&overwrite(&later, Days { until: Some(day("17")), ..days }, day("21"), 'x', Some('a'))),
        "16x 17b"
    );
}

#[test]
fn days_have_begun_and_are_still_accepted() {
    let now = parse_rfc3339_ms("2026-11-20T09:00:00+08:00").unwrap();
    let fault = |from: &str, until: Option<&str>| {
        Days::read(from, until, now, 45).err().map(|invalid| invalid.0[0].pointer.clone())
    };
    assert_eq!(fault("2026-11-16", Some("2026-11-20")), None);
    assert_eq!(fault("2026-11-20", None), None);
    assert_eq!(fault("2026-10-06", None), None);
    assert_eq!(fault("2026-10-05", None).as_deref(), Some("/from"));
    assert_eq!(fault("2026-11-21", None).as_deref(), Some("/from"));
    assert_eq!(fault("2026-11-16", Some("2026-11-15")).as_deref(), Some("/until"));
    assert_eq!(fault("2026-11-16", Some("2026-11-21")).as_deref(), Some("/until"));
    assert_eq!(fault("yesterday", None).as_deref(), Some("/from"));
    let late = parse_rfc3339_ms("2026-11-20T23:00:00+08:00").unwrap();
    assert_eq!(Days::read("2026-11-16", None, late, 45).unwrap().end(late), day("22"), "edges may know tomorrow");
    assert_eq!(Days::read("2026-11-16", Some("2026-11-17"), now, 45).unwrap().end(now), day("18"));
}

fn belonging(from: &str, school_no: u32, in_service: bool) -> BelongingFrom {
    let from_day = if from.is_empty() { Day::FIRST } else { day(from) };
    BelongingFrom { from_day, school_no, class_no: 1, division: 440_106, in_service }
}

#[test]
fn shifts_are_the_days_that_differ_and_no_others() {
    let before = [belonging("", 1, true), belonging("18", 2, true)];
    let after = [belonging("", 1, true), belonging("16", 3, true), belonging("20", 2, true)];
    let found = shifts(5, &before, &after, day("10"), day("21"));
    let told: Vec<_> = found.iter().map(|s| (s.from_day, s.until_day, s.old_school_no, s.school_no)).collect();
    assert_eq!(told, [(day("16"), day("18"), 1, 3), (day("18"), day("20"), 2, 3)]);
    assert_eq!(shifts(5, &before, &before, day("10"), day("21")), []);
    let out = [belonging("", 1, true), belonging("18", 2, false)];
    assert_eq!(shifts(5, &before, &out, day("10"), day("21")).len(), 1, "whether it counts is part of it");
}
