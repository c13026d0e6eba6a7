//! The README's tour, line by line: every `$ ` line of its `console` blocks must succeed, in one shell, in order.

use e2e::repository;
use std::net::TcpListener;
use std::process::Command;
use test_postgres::Server;

/// First ports of the tours' stacks; the README speaks of the default ones, 8700 and up.
const TOUR: u16 = 29_500;
const POSTGRES: u16 = 29_600;
/// The database that the README speaks of.
const DATABASE: &str = "postgres://registry@127.0.0.1:5432/registry";

/// The section under a heading, and the document without it.
fn apart<'d>(document: &'d str, heading: &str) -> (&'d str, String) {
    let begin = document.find(heading).unwrap_or_else(|| panic!("no section {heading}"));
    let length = document[begin..].find("\n## ").unwrap_or(document.len() - begin);
    let section = &document[begin..begin + length];
    (section, document.replace(section, ""))
}

/// The commands of the `console` blocks; what stands below a `$ ` line is output.
fn tour(document: &str) -> Vec<&str> {
    let blocks = document.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).collect()
}

/// One script that stops at the first failure and tells which line it was, on a stack of its own.
fn script(lines: &[&str], port_base: u16) -> String {
    let mut script = String::from("set -euo pipefail\n");
    script += &format!("classpulse() {{ ./classpulse \"$@\" --port-base {port_base}; }}\n");
    let ports = format!("127.0.0.1:{}", port_base / 10);
    for line in lines {
        let own = line.replace("./classpulse", "classpulse").replace("127.0.0.1:870", &ports);
        script += &format!("echo '$ {}'\n{own}\n", line.replace('\'', "'\\''"));
    }
    script
}

fn run(script: &str, password: &str) -> (bool, String) {
    let mut command = Command::new("bash");
    let output = command.args(["-c", script]).current_dir(repository()).env("PGPASSWORD", password).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// Runs a tour on a stack that has no data yet; nothing of it runs on afterwards.
fn passes(lines: &[&str], port_base: u16, password: &str) {
    assert!(lines.last().is_some_and(|line| line.contains("down")), "the tour ends with down");
    let end = format!("./classpulse down --port-base {port_base}");
    let reset = format!("./classpulse reset --port-base {port_base}");
    let (fresh, text) = run(&reset, password);
    assert!(fresh, "{text}");
    let (passed, text) = run(&script(lines, port_base), password);
    if !passed {
        run(&end, password);
    }
    assert!(passed, "{text}");
    // Nothing is left: every port of the stack can be taken.
    for port in port_base..port_base + 9 {
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "port {port} is still in use after down");
    }
    run(&reset, password);
}

fn readme() -> String {
    std::fs::read_to_string(repository().join("README.md")).unwrap()
}

#[test]
fn the_tour_of_the_readme_works_line_by_line() {
    assert!(!run(&script(&["false"], TOUR), "").0, "negative control: a line that fails is noticed");
    let (_, document) = apart(&readme(), "## On PostgreSQL\n");
    let lines = tour(&document);
    assert!(lines.len() >= 8);
    passes(&lines, TOUR, "");
}

#[test]
fn the_administrators_tour_works_on_postgresql_as_well() {
    let server = Server::start().unwrap();
    let document = readme();
    let section = apart(&document, "## On PostgreSQL\n").0.replace(DATABASE, &server.address());
    let administrators = tour(apart(&document, "## The administrator's tour\n").0);
    assert!(administrators.len() >= 20 && section.contains(&server.address()));
    let own = tour(&section);
    let (up, rest) = own.split_at(1);
    passes(&[up, administrators.as_slice(), rest].concat(), POSTGRES, Server::PASSWORD);
}
