//! The README's tour, line by line: every `$ ` line of its `console` blocks must succeed, in one shell, in order.

use e2e::repository;
use std::net::TcpListener;
use std::process::Command;

/// Ports of the tour's stack; the README speaks of the default ones, 8700 and up.
const PORT_BASE: &str = "29500";

/// The commands of the `console` blocks; what stands below a `$ ` line is output.
fn tour(document: &str) -> Vec<&str> {
    let blocks = document.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// One script that stops at the first failure and tells which line it was.
fn script(lines: &[&str]) -> String {
    let mut script = String::from("set -euo pipefail\n");
    script += &format!("classpulse() {{ ./classpulse \"$@\" --port-base {PORT_BASE}; }}\n");
    for line in lines {
        let own = line.replace("./classpulse", "classpulse").replace("127.0.0.1:870", "127.0.0.1:2950");
        script += &format!("echo '$ {}'\n{own}\n", line.replace('\'', "'\\''"));
    }
    script
}

fn run(script: &str) -> (bool, String) {
    let mut command = Command::new("bash");
    let output = command.args(["-c", script]).current_dir(repository()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn the_tour_of_the_readme_works_line_by_line() {
    assert!(!run(&script(&["false"])).0, "negative control: a line that fails is noticed");
    let document = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let lines = tour(&document);
    assert!(lines.len() >= 8 && lines.last().is_some_and(|line| line.contains("down")), "the tour ends with down");
    let (passed, text) = run(&script(&lines));
    if !passed {
        run(&format!("./classpulse down --port-base {PORT_BASE}"));
    }
    assert!(passed, "{text}");
    // Nothing is left: every port of the stack can be taken.
    let first: u16 = PORT_BASE.parse().unwrap();
    for port in first..first + 9 {
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "port {port} is still in use after down");
    }
}
