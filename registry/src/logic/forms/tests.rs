#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use schemas::time::parse_rfc3339_ms;

fn pointers(outcome: Result<(), Invalid>) -> Vec<String> {
    outcome.err().map(|invalid| invalid.0.into_iter().map(|fault| fault.pointer).collect()).unwrap_or_default()
}

fn school() -> SchoolForm {
    SchoolForm { name: "虚构第一小学".into(), school_type: "小学".into(), ..SchoolForm::default() }
}

#[test]
fn a_school_is_told_of_all_its_faults_at_once() {
    assert_eq!(pointers(school().check()), Vec::<String>::new());
    let bad = SchoolForm {
        name: " x".into(),
        school_type: "大学".into(),
        code: Some("a-1".into()),
        tags: vec!["好".into(), "a\nb".into()],
        post_code: "51000".into(),
        ownership: "我办".into(),
        ..SchoolForm::default()
    };
    let expected = ["/name", "/school_type", "/ownership", "/code", "/tags/1", "/post_code"];
    assert_eq!(pointers(bad.check()), expected);
}

#[test]
fn an_edit_changes_what_it_names() {
    let edit = SchoolEdit { weak: Some(true), ..SchoolEdit::default() };
    let after = edit.applied(SchoolForm { code: Some("A1".into()), ..school() });
    assert_eq!((after.weak, after.code.as_deref(), after.name), (true, Some("A1"), school().name));
}

#[test]
fn changes_begin_at_a_midnight_to_come() {
    let noon = parse_rfc3339_ms("2026-11-20T12:00:00+08:00").unwrap();
    let late = parse_rfc3339_ms("2026-11-20T23:00:00+08:00").unwrap();
    let day = |text: &str| Day::parse(text).unwrap();
    assert_eq!(from_day(None, noon), Ok(day("2026-11-21")));
    assert_eq!(from_day(None, late), Ok(day("2026-11-22")));
    assert_eq!(from_day(Some("2027-01-01"), noon), Ok(day("2027-01-01")));
    for (text, now) in [("2026-11-20", noon), ("2026-11-21", late), ("2028-11-21", noon), ("tomorrow", noon)] {
        assert!(from_day(Some(text), now).is_err(), "{text}");
    }
}

#[test]
fn an_area_lies_right_below_its_area() {
    let form = |code| AreaForm { code, name: "虚构区".into(), from_day: None };
    assert!(form(440_199).check(440_100).is_ok());
    for (code, above) in [(440_299, 440_100), (440_100, 440_100), (440_199, 440_000), (449_900, 440_106)] {
        assert_eq!(pointers(form(code).check(above)), ["/code"], "{code} below {above}");
    }
    assert!(form(449_900).check(440_000).is_ok());
}

#[test]
fn a_group_names_areas_below_once() {
    let form = |members: &[u32]| GroupForm { name: "珠三角".into(), members: members.to_vec() };
    assert!(form(&[440_100, 440_300]).check(440_000).is_ok());
    assert_eq!(pointers(form(&[440_100, 440_100]).check(440_000)), ["/members/1"]);
    assert_eq!(pointers(form(&[440_300]).check(440_100)), ["/members/0"]);
    assert_eq!(pointers(form(&[]).check(440_000)), ["/members"]);
}

#[test]
fn nobody_enters_enrolled_or_a_class_of_nowhere() {
    let now = parse_rfc3339_ms("2026-11-20T12:00:00+08:00").unwrap();
    let faults = |edit: DeviceEdit| pointers(edit.check(now).map(|_| ()));
    assert_eq!(faults(DeviceEdit { state: Some("enrolled".into()), ..DeviceEdit::default() }), ["/state"]);
    assert_eq!(faults(DeviceEdit { school_no: Some(1), ..DeviceEdit::default() }), ["/class_no"]);
    assert_eq!(
        faults(DeviceEdit { procured_on: Some("2026-11-21".into()), ..DeviceEdit::default() }),
        ["/procured_on"]
    );
    assert!(faults(DeviceEdit { state: Some("retired".into()), ..DeviceEdit::default() }).is_empty());
}
