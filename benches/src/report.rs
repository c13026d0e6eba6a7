//! What a bench run prints: the machine, then a line per figure as soon as it is known.

use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;

/// Figures of one run, with the machine and the commit they were taken on.
pub struct Report {
    machine: Value,
    section: String,
    figures: Vec<Value>,
}

impl Report {
    /// Notes machine and commit, and prints them.
    pub fn new() -> anyhow::Result<Report> {
        let machine = json!({
            "cpu": first_value("/proc/cpuinfo", "model name"),
            "cores": std::thread::available_parallelism()?.get(),
            "memory": first_value("/proc/meminfo", "MemTotal"),
            "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
            "commit": commit(),
        });
        print_line(&format!("machine {machine}"));
        Ok(Report { machine, section: String::new(), figures: Vec::new() })
    }

    /// Begins a bench.
    pub fn section(&mut self, name: &str, about: &str) {
        self.section = name.to_owned();
        print_line(&format!("\n== {name}: {about}"));
    }

    /// Tells what the next figures were measured on, or how far the work is.
    pub fn note(&self, text: &str) {
        print_line(&format!("   {text}"));
    }

    /// Adds a figure. `bar` is the most that is acceptable, if there is one.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str, bar: Option<f64>) {
        let verdict = match bar {
            Some(bar) if value <= bar => format!("  (bar {bar}: met)"),
            Some(bar) => format!("  (bar {bar}: NOT met)"),
            None => String::new(),
        };
        print_line(&format!("   {name:<58} {value:>12.2} {unit}{verdict}"));
        let mut figure = Map::new();
        figure.insert("bench".into(), json!(self.section));
        figure.insert("name".into(), json!(name));
        figure.insert("value".into(), json!(value));
        figure.insert("unit".into(), json!(unit));
        figure.insert("bar".into(), json!(bar));
        self.figures.push(Value::Object(figure));
    }

    /// Writes the JSON file, if one is asked for.
    pub fn finish(self, json_file: Option<&Path>) -> anyhow::Result<()> {
        if let Some(path) = json_file {
            let all = json!({ "machine": self.machine, "figures": self.figures });
            std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
        }
        Ok(())
    }
}

#[allow(clippy::print_stdout, reason = "the bench's output is its product")]
fn print_line(text: &str) {
    println!("{text}");
}

fn first_value(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    output.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
}
