//! Orders to the launcher about a bench's own stack.

use anyhow::ensure;
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

/// Stops the stack and removes its data, at the end of a measurement.
pub fn remove(port_base: u16) {
    // Nothing more can be done about a failure here, and the measurement is over.
    drop(order(port_base, &["down"]));
    drop(order(port_base, &["reset"]));
}
