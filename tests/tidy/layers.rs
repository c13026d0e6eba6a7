//! Services depend on `schemas` and `runtime`, never on each other.

use e2e::repository;
use serde_json::Value;
use std::process::Command;

/// Who may depend on which crates of this workspace; development dependencies are free.
const ARROWS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("runtime", &["schemas"]),
    ("ingest", &["schemas", "runtime"]),
    ("processors", &["schemas", "runtime"]),
    ("query-api", &["schemas", "runtime"]),
    ("registry", &["schemas", "runtime"]),
    ("agent", &["schemas", "runtime"]),
    ("stack", &["schemas", "runtime"]),
    ("benches", &["schemas", "runtime", "ingest", "processors", "query-api", "registry", "agent"]),
    ("e2e", &["schemas", "runtime", "processors"]),
    ("simulation", &["schemas", "processors"]),
    ("test-postgres", &[]),
];

fn violation(package: &str, dependency: &str) -> Option<String> {
    let allowed = ARROWS.iter().find(|(name, _)| *name == package).map(|(_, allowed)| *allowed);
    match allowed {
        Some(allowed) if allowed.contains(&dependency) => None,
        Some(_) => Some(format!("{package} must not depend on {dependency}")),
        None => Some(format!("{package} has no line in ARROWS")),
    }
}

#[test]
fn dependency_arrows_point_down() {
    assert!(violation("ingest", "processors").is_some(), "negative control");
    let command = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new("cargo").args(command).current_dir(repository()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let members: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && members.contains(&to) {
                assert_eq!(violation(name, to), None);
            }
        }
    }
}
