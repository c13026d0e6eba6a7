//! The schemas in the repository, the embedded ones and the ids agree.

use apache_avro::Schema;
use schemas::avro::SCHEMAS;
use schemas::event::*;
use schemas::registry::*;
use serde::Deserialize;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

pub fn avro_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("avro")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    schema: Vec<Id>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    subject: String,
    version: u32,
    id: u32,
    file: String,
}

#[test]
fn ids_toml_agrees_with_the_code() {
    let ids: Ids = toml::from_str(&fs::read_to_string(avro_dir().join("ids.toml")).unwrap()).unwrap();
    assert_eq!(ids.schema.len(), SCHEMAS.len());
    for (id, entry) in ids.schema.iter().zip(SCHEMAS) {
        assert_eq!((id.subject.as_str(), id.version, id.id), (entry.subject, entry.version, entry.id));
        assert_eq!(fs::read_to_string(avro_dir().join(&id.file)).unwrap(), entry.text, "{}", id.file);
    }
    let distinct: HashSet<u32> = ids.schema.iter().map(|id| id.id).collect();
    assert_eq!(distinct.len(), ids.schema.len(), "an id names one schema");
}

#[test]
fn every_kept_version_is_embedded() {
    let history = fs::read_dir(avro_dir().join("history")).unwrap();
    let kept = history.map(|subject| fs::read_dir(subject.unwrap().path()).unwrap().count()).sum::<usize>();
    assert_eq!(kept, SCHEMAS.len());
}

/// Changing a schema without keeping a new version of it goes red here.
#[test]
fn each_avsc_is_the_latest_version_of_its_subject() {
    let files = [
        "event_record",
        "rejected_record",
        "dead_record",
        "org_record",
        "device_record",
        "device_post",
        "correction_record",
    ];
    let subjects: Vec<&str> = SCHEMAS.iter().map(|entry| entry.subject).collect();
    let mut distinct = subjects.clone();
    distinct.dedup();
    for (file, subject) in files.iter().zip(distinct) {
        let latest = SCHEMAS.iter().rev().find(|entry| entry.subject == subject).unwrap();
        let text = fs::read_to_string(avro_dir().join(format!("{file}.avsc"))).unwrap();
        assert_eq!(text, latest.text, "{file}: keep a new version under history/{subject}");
    }
}

#[test]
fn every_schema_parses_and_every_record_and_field_is_documented() {
    for entry in SCHEMAS {
        Schema::parse_str(entry.text).unwrap();
        let json: serde_json::Value = serde_json::from_str(entry.text).unwrap();
        assert_eq!(undocumented(&json), Vec::<String>::new(), "{}", entry.subject);
    }
    let bare =
        serde_json::json!({"type": "record", "name": "R", "doc": "bare", "fields": [{"name": "f", "type": "int"}]});
    assert_eq!(undocumented(&bare), ["f"], "the check sees what is missing");
}

/// Names of the records, enums and fields without a doc.
fn undocumented(json: &serde_json::Value) -> Vec<String> {
    let mut bare = Vec::new();
    match json {
        serde_json::Value::Array(items) => items.iter().for_each(|item| bare.extend(undocumented(item))),
        serde_json::Value::Object(object) => {
            let named = object.get("name").and_then(|name| name.as_str());
            let documented = object.get("doc").and_then(|doc| doc.as_str()).is_some_and(|doc| doc.len() > 3);
            bare.extend(named.filter(|_| !documented).map(str::to_owned));
            object.values().for_each(|value| bare.extend(undocumented(value)));
        }
        _ => {}
    }
    bare
}

#[test]
fn symbols_are_the_wire_names_in_order() {
    let mut symbols = std::collections::HashMap::new();
    for entry in SCHEMAS {
        collect_symbols(&serde_json::from_str(entry.text).unwrap(), &mut symbols);
    }
    macro_rules! check {
        ($($type:ident),+) => {$(
            let names: Vec<&str> = $type::ALL.iter().map(|symbol| symbol.as_str()).collect();
            assert_eq!(symbols.remove(stringify!($type)).unwrap(), names, stringify!($type));
        )+};
    }
    check!(PowerKind, Method, Link, Direction, Media, SoftwareCategory, FaultClass, FaultState, ResourceKind);
    check!(Level, SchoolStatus, DeviceKind, DeviceState);
    assert!(symbols.is_empty(), "{symbols:?}");
}

fn collect_symbols(json: &serde_json::Value, found: &mut std::collections::HashMap<String, Vec<String>>) {
    if let (Some(name), Some(symbols)) = (json["name"].as_str(), json["symbols"].as_array()) {
        let symbols = symbols.iter().map(|symbol| symbol.as_str().unwrap().to_owned());
        found.insert(name.to_owned(), symbols.collect());
    }
    match json {
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_symbols(item, found)),
        serde_json::Value::Object(object) => object.values().for_each(|value| collect_symbols(value, found)),
        _ => {}
    }
}
