//! Orders to the launcher about a bench's own stack.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Runs `stack ARGUMENTS --port-base P`.
pub fn order(port_base: u16, arguments: &[&str]) -> anyhow::Result<()> {
    answer(port_base, arguments).map(drop)
}

/// The same, and gives what it prints.
pub fn answer(port_base: u16, arguments: &[&str]) -> anyhow::Result<String> {
    let program = std::env::current_exe()?.with_file_name("stack");
    let output = Command::new(program).args(arguments).args(["--port-base", &port_base.to_string()]).output()?;
    ensure!(output.status.success(), "stack {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Where a bench's own stack keeps everything.
pub fn directory(port_base: u16) -> PathBuf {
    PathBuf::from("var").join(port_base.to_string())
}

/// `stack.json` of a bench's own stack.
pub struct Manifest(Value);

impl Manifest {
    /// As the launcher has written it last.
    pub fn read(port_base: u16) -> anyhow::Result<Manifest> {
        let path = directory(port_base).join("stack.json");
        let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(Manifest(serde_json::from_slice(&text)?))
    }

    /// An address or URL of the top level.
    pub fn text(&self, name: &str) -> anyhow::Result<String> {
        self.0[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in the manifest"))
    }

    /// The process of a service that runs.
    pub fn pid(&self, service: &str) -> anyhow::Result<u32> {
        let services = self.0["services"].as_array().context("no services in the manifest")?;
        let pid = services.iter().find(|one| one["name"] == service).and_then(|one| one["pid"].as_u64());
        Ok(u32::try_from(pid.with_context(|| format!("no pid of {service} in the manifest"))?)?)
    }
}

/// Stops the stack and removes its data, at the end of a measurement.
pub fn remove(port_base: u16) {
    // Nothing more can be done about a failure here, and the measurement is over.
    drop(order(port_base, &["down"]));
    drop(order(port_base, &["reset"]));
}
