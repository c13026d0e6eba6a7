//! Documents name only what exists: paths, commands of the front door, links.

use crate::sources::{read, tracked};
use e2e::repository;
use std::path::Path;

/// Texts between single backticks.
fn quoted(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// A quoted text that claims to be a path of this repository: it begins with a top-level folder that is tracked.
fn claimed_path(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    let folders = [
        "schemas/",
        "ingest/",
        "processors/",
        "query-api/",
        "registry/",
        "agent/",
        "infra/",
        "benches/",
        "tests/",
        "docs/",
    ];
    (plain && folders.iter().any(|folder| text.starts_with(folder))).then_some(text)
}

fn missing_paths(text: &str, root: &Path) -> Vec<String> {
    let exists = |path: &&str| root.join(path.trim_end_matches('/')).exists();
    quoted(text).into_iter().filter_map(claimed_path).filter(|path| !exists(path)).map(str::to_owned).collect()
}

/// Relative targets of Markdown links.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn documents_name_paths_that_exist() {
    let control = missing_paths("see `schemas/nothing.rs`", &repository());
    assert_eq!(control, ["schemas/nothing.rs"], "negative control");
    for document in tracked(&[".md"]) {
        let missing = missing_paths(&read(&document), &repository());
        assert!(missing.is_empty(), "{} names {missing:?}", document.display());
    }
}

#[test]
fn links_lead_somewhere() {
    assert_eq!(links("[a](b.md) [c](https://d) [e](#f)"), ["b.md"], "negative control");
    for document in tracked(&[".md"]) {
        let folder = repository().join(&document).parent().unwrap().to_path_buf();
        for link in links(&read(&document)) {
            let file = link.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{} links to {link}", document.display());
        }
    }
}

/// The words after `./classpulse` in a document.
fn commands(text: &str) -> Vec<&str> {
    let after = text.split("./classpulse ").skip(1);
    let word = |rest: &'_ str| rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
    after.map(|rest| &rest[..word(rest)]).filter(|name| !name.is_empty()).collect()
}

#[test]
fn documents_use_commands_that_the_front_door_has() {
    assert_eq!(commands("run `./classpulse frobnicate --now`"), ["frobnicate"], "negative control");
    let front_door = read(Path::new("classpulse"));
    for document in tracked(&[".md"]) {
        for command in commands(&read(&document)) {
            let known = front_door.contains(&format!("{command})"))
                || front_door.contains(&format!("{command} |"))
                || front_door.contains(&format!("{command}|"));
            assert!(known, "{} uses ./classpulse {command}", document.display());
        }
    }
}
