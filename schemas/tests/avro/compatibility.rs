//! FULL_TRANSITIVE: every version of a subject reads every other, both ways.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use schemas::avro::SCHEMAS;
use std::collections::BTreeMap;

/// The pairs (writer, reader), by their index, that do not hold.
fn broken_pairs(versions: &[Schema]) -> Vec<(usize, usize)> {
    let pairs = (0..versions.len()).flat_map(|writer| (0..versions.len()).map(move |reader| (writer, reader)));
    pairs
        .filter(|&(writer, reader)| {
            SchemaCompatibility::can_read(&versions[writer], &versions[reader]) != Ok(Compatibility::Full)
        })
        .collect()
}

fn subjects() -> BTreeMap<&'static str, Vec<Schema>> {
    let mut subjects: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in SCHEMAS {
        let versions = subjects.entry(entry.subject).or_default();
        versions.push(Schema::parse_str(entry.text).unwrap());
        assert_eq!(versions.len(), entry.version as usize, "{}: versions count from 1", entry.subject);
    }
    subjects
}

#[test]
fn every_version_reads_every_other() {
    for (subject, versions) in subjects() {
        assert_eq!(broken_pairs(&versions), [], "{subject}");
    }
}

fn changed(from: &str, to: &str) -> Vec<Schema> {
    let latest = SCHEMAS.iter().find(|entry| entry.subject == "telemetry.events.v1-value").unwrap().text;
    let next = latest.replacen(from, to, 1);
    assert_ne!(next, latest, "the fixture must change something");
    vec![Schema::parse_str(latest).unwrap(), Schema::parse_str(&next).unwrap()]
}

#[test]
fn incompatible_changes_are_found() {
    let agent = r#"{"name": "agent", "type": "string", "doc": "Agent version."}"#;
    let added = format!(r#"{agent}, {{"name": "added", "type": "string"}}"#);
    assert_eq!(broken_pairs(&changed(agent, &added)), [(0, 1)], "a new field without a default");
    assert_eq!(broken_pairs(&changed(&format!("{agent},"), "")), [(1, 0)], "a field without a default taken away");
    let retyped = agent.replace("string", "long");
    assert_eq!(broken_pairs(&changed(agent, &retyped)), [(0, 1), (1, 0)], "another type");
    let symbols = r#"["boot", "shutdown", "sleep", "resume"]"#;
    let more = r#"["boot", "shutdown", "sleep", "resume", "hibernate"]"#;
    assert_eq!(broken_pairs(&changed(symbols, more)), [(1, 0)], "a symbol that old readers do not know");
}

#[test]
fn compatible_changes_pass() {
    let agent = r#"{"name": "agent", "type": "string", "doc": "Agent version."}"#;
    let added = format!(r#"{agent}, {{"name": "added", "type": ["null", "string"], "default": null}}"#);
    assert_eq!(broken_pairs(&changed(agent, &added)), []);
}
