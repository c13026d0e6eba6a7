//! `schemas` and every `src/logic/` decide without doing: no I/O, clock, randomness, logs or metrics.

use crate::sources::{production, read, tracked};
use std::path::Path;

const BANNED: &[&str] = &[
    "tokio::",
    "rdkafka",
    "axum::",
    "clickhouse::Client",
    "reqwest",
    "sqlx",
    "std::env",
    "std::fs",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "thread_rng",
    "rand::rng",
    "Uuid::new_v4",
    "tracing::",
    "prometheus_client",
    "println!",
    "eprintln!",
    "async fn",
    ".await",
];

fn is_pure_by_rule(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.starts_with("schemas/src/") || name.contains("/src/logic/")
}

/// The first impure thing in the code, comments left out.
fn impurity(text: &str) -> Option<&'static str> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let lines: Vec<&str> = production(text).lines().filter(code).collect();
    BANNED.iter().copied().find(|word| lines.iter().any(|line| line.contains(word)))
}

#[test]
fn logic_is_pure() {
    assert_eq!(impurity("fn f() { std::fs::read(\"x\"); }"), Some("std::fs"), "negative control");
    assert_eq!(impurity("// std::fs is banned\nfn f() {}"), None, "comments may name what is banned");
    let files: Vec<_> = tracked(&[".rs"]).into_iter().filter(|path| is_pure_by_rule(path)).collect();
    assert!(files.len() > 20, "the rule looks at too few files: {}", files.len());
    for path in files {
        if path.ends_with("tests.rs") {
            continue;
        }
        assert_eq!(impurity(&read(&path)), None, "{}", path.display());
    }
}
