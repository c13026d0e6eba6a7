//! The files under git, and the rules that hold for all of them.

use e2e::repository;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that git tracks, relative to the repository, with one of the endings.
pub fn tracked(endings: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "git ls-files failed");
    let names = String::from_utf8(output.stdout).unwrap();
    let wanted = |name: &&str| endings.iter().any(|ending| name.ends_with(ending));
    names.split('\0').filter(wanted).map(PathBuf::from).filter(|path| repository().join(path).is_file()).collect()
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_default()
}

/// The part of a Rust file before its test module.
pub fn production(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or(text)
}

/// Words that nobody may commit: other people's hosts and paths of one machine.
fn forbidden(text: &str) -> Option<&'static str> {
    let words = [
        concat!("..", "/shared"),
        concat!("/work", "/main"),
        concat!("registry.npm", "js.org"),
        concat!("repo.maven", ".apache"),
        concat!("repo1.mav", "en.org"),
        concat!("py", "pi.org"),
        concat!("deb.deb", "ian.org"),
        concat!("static.crates", ".io"),
    ];
    words.into_iter().find(|word| text.contains(word))
}

#[test]
fn no_file_names_a_registry_host_or_a_path_of_one_machine() {
    assert!(forbidden(concat!("see ..", "/shared")).is_some(), "negative control");
    let endings = ["rs", "md", "toml", "sh", "py", "json", "xml", "sql", "avsc", "run", "classpulse", "yml", "yaml"];
    for path in tracked(&endings) {
        assert_eq!(forbidden(&read(&path)), None, "{}", path.display());
    }
}

#[test]
fn no_module_is_called_utils_or_common() {
    let banned = |path: &Path| {
        path.components().any(|part| {
            let name = part.as_os_str().to_string_lossy().to_lowercase();
            ["utils", "util", "common", "helpers", "misc"].contains(&name.trim_end_matches(".rs"))
        })
    };
    assert!(banned(Path::new("ingest/src/utils.rs")), "negative control");
    for path in tracked(&[".rs"]) {
        assert!(!banned(&path), "{}", path.display());
    }
}

/// Longest production part that a file may have without saying why.
const FILE_LINES: usize = 400;

#[test]
fn files_are_small() {
    for path in tracked(&[".rs"]) {
        if path.components().any(|part| ["tests", "benches", "fuzz"].iter().any(|name| part.as_os_str() == *name)) {
            continue;
        }
        let text = read(&path);
        let lines = production(&text).lines().count();
        let excused = text.contains("tidy: long because");
        assert!(
            lines <= FILE_LINES || excused,
            "{} has {lines} lines; split it or write `tidy: long because …`",
            path.display()
        );
    }
}

/// A test that never runs, or code that is not done.
fn unfinished(text: &str) -> Option<&'static str> {
    let marks = [concat!("#[ign", "ore"), concat!("todo", "!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    marks.into_iter().find(|mark| text.contains(mark))
}

#[test]
fn nothing_is_ignored_or_left_for_later() {
    assert!(unfinished(concat!("#[ign", "ore]\nfn t() {}")).is_some(), "negative control");
    for path in tracked(&[".rs"]) {
        assert_eq!(unfinished(&read(&path)), None, "{}", path.display());
    }
}
