#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;

const EVENTS: &str = "telemetry.events.v1-value";

#[test]
fn every_schema_is_found_by_subject_id_and_text() {
    assert!(subjects().contains(&"device-post-value"));
    for entry in SCHEMAS {
        assert_eq!(Lookup::version(entry.subject, &entry.version.to_string()).unwrap(), *entry);
        assert_eq!(Lookup::id(&entry.id.to_string()).unwrap(), *entry);
        let value: Value = serde_json::from_str(entry.text).unwrap();
        assert_eq!(Lookup::same(entry.subject, &value.to_string()).unwrap(), *entry, "compact text");
    }
    assert_eq!(Lookup::version(EVENTS, "latest").unwrap().subject, EVENTS);
}

#[test]
fn what_is_not_there_has_its_code() {
    let code = |result: Result<SchemaEntry, SchemaError>| result.map(|_| 0).unwrap_or_else(|error| error.code());
    assert_eq!(code(Lookup::version("none", "1")), 40401);
    assert_eq!(code(Lookup::version(EVENTS, "99")), 40402);
    assert_eq!(code(Lookup::version(EVENTS, "0")), 42202);
    assert_eq!(code(Lookup::version(EVENTS, "x")), 42202);
    assert_eq!(code(Lookup::id("99")), 40403);
    assert_eq!(code(Lookup::id("x")), 40403);
    assert_eq!(code(Lookup::same(EVENTS, "\"string\"")), 40403);
    assert_eq!(code(Lookup::same(EVENTS, "not json")), 40403);
    assert_eq!(code(Lookup::same("none", "\"string\"")), 40401);
}
