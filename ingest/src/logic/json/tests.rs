#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn accepts(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.skip().and_then(|()| cursor.end()).is_ok()
}

#[track_caller]
fn check(text: &str, expected: bool) {
    assert_eq!(accepts(text), expected, "{text}");
}

#[test]
fn what_json_allows_is_taken() {
    let texts = [
        "0",
        "-0",
        "1.5e+3",
        "1E2",
        "[]",
        "{}",
        " [ 1 , 2 ] ",
        r#"{"a":{"a":[null,true,false]}}"#,
        r#""\u00e9\ud83d\ude00""#,
        r#""\"\\\/\b\f\n\r\t""#,
        "\"\u{7f}\"",
        "123456789012345678901234567890123456789012345678901234567890",
    ];
    texts.iter().for_each(|text| check(text, true));
}

#[test]
fn what_it_does_not_allow_is_refused() {
    let texts = [
        "",
        " ",
        "NaN",
        "Infinity",
        "-",
        "01",
        "-01",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "tru",
        "nul",
        "'a'",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        r#"{"a" 1}"#,
        "{a:1}",
        "[",
        "{",
        r#"""#,
        r#""\x""#,
        r#""\u12""#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        r#""\ud800x""#,
        "\"\u{1}\"",
        "\"a\nb\"",
        "1 x",
        "[] []",
        "/* */ 1",
        "\u{feff}1",
    ];
    texts.iter().for_each(|text| check(text, false));
}

#[test]
fn duplicate_keys_are_found_at_any_level_however_they_are_written() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"x":{"b":0,"c":0,"b":0}}]"#,
        r#"{"":1,"":2}"#,
        r#"{"\n":1,"\u000a":2}"#,
    ] {
        check(text, false);
    }
    check(r#"{"a":{"a":1},"b":{"a":1}}"#, true);
    let many = |last: &str| {
        let keys: Vec<String> = (0..5000).map(|i| format!("\"k{i}\":{i}")).collect();
        format!("{{{},\"{last}\":0}}", keys.join(","))
    };
    check(&many("k5000"), true);
    check(&many("k17"), false);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    check(&nested(MAX_DEPTH as usize), true);
    check(&nested(MAX_DEPTH as usize + 1), false);
    check(&"[".repeat(1_000_000), false);
    check(&r#"{"a":"#.repeat(1_000_000), false);
}

#[test]
fn integers_saturate_and_reals_are_told_apart() {
    let number = |text: &str| Cursor::new(text).number().unwrap();
    assert_eq!(number("-0"), Some(Number::Integer(0)));
    assert_eq!(number("18446744073709551616"), Some(Number::Integer(1 << 64)));
    assert_eq!(number("9999999999999999999"), Some(Number::Integer(9_999_999_999_999_999_999)));
    assert_eq!(number(&"9".repeat(60)), Some(Number::Integer(i128::MAX)));
    assert_eq!(number("1.0"), Some(Number::Real));
    assert_eq!(number("1e2"), Some(Number::Real));
    assert_eq!(number("true"), None);
}

#[test]
fn escapes_are_resolved() {
    let text = r#""a\u00e9\ud83d\ude00\n\/\"z""#;
    assert_eq!(Cursor::new(text).string().unwrap().unwrap(), "aé😀\n/\"z");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[\\\\\"\u{0}-\u{20}é😀]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A text, mostly JSON, with some of its bytes changed.
fn mangled() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9eE+.a-f\\- tn]"), 0..3);
    (value(), edits).prop_map(|(value, edits)| {
        let mut characters: Vec<char> = value.to_string().chars().collect();
        for (at, with) in edits {
            let at = at.index(characters.len());
            characters.splice(at..=at, with.chars());
        }
        characters.into_iter().collect()
    })
}

/// What the reference says, which takes duplicate keys (found by counting) and refuses numbers beyond a double.
fn reference(text: &str) -> Option<bool> {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().contains("number out of range") => None,
        Err(_) => Some(false),
    }
}

/// Duplicates, by the plainest means: every object is rebuilt from its members and has to keep them all.
fn has_duplicates(text: &str) -> bool {
    struct Members(bool);
    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Visitor)
        }
    }
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Members;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_bool<E>(self, _: bool) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_str<E>(self, _: &str) -> Result<Members, E> {
            Ok(Members(false))
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut elements: A) -> Result<Members, A::Error> {
            let mut twice = false;
            while let Some(element) = elements.next_element::<Members>()? {
                twice |= element.0;
            }
            Ok(Members(twice))
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Members, A::Error> {
            let (mut seen, mut twice) = (std::collections::HashSet::new(), false);
            while let Some((key, value)) = members.next_entry::<String, Members>()? {
                twice |= !seen.insert(key) | value.0;
            }
            Ok(Members(twice))
        }
    }
    serde_json::from_str::<Members>(text).is_ok_and(|members| members.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_the_reference(text in mangled()) {
        if let Some(valid) = reference(&text) {
            prop_assert_eq!(accepts(&text), valid && !has_duplicates(&text), "{}", text);
        }
    }
}

/// The comparison above finds a reader that is too lenient: one that does not look for the end of the text.
#[test]
fn the_comparison_can_fail() {
    let lenient = |text: &str| Cursor::new(text).skip().is_ok();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let found = runner.run(&mangled(), |text| match reference(&text) {
        Some(valid) => {
            prop_assert_eq!(lenient(&text), valid && !has_duplicates(&text));
            Ok(())
        }
        None => Ok(()),
    });
    assert!(found.is_err());
}
