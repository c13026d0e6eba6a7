//! Programs that run once: formatting, migrations, seeding, tokens.

use crate::process;
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// Lines of a log that explain a failure.
const LAST_LINES: usize = 8;
/// Characters of each that are shown; the log has the rest.
const LINE_LENGTH: usize = 300;

/// Runs a program to its end with its output in a log.
///
/// # Errors
/// A program that does not start, or fails; the log's last lines come with it.
pub async fn run(program: &Path, arguments: &[OsString], log: &Path) -> Result<()> {
    let mut command = process::command(program, arguments);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", program.display()))?;
    process::log_output(&mut child, log)?;
    let status = child.wait().await?;
    if !status.success() {
        // The copies of its last lines are under way: let them arrive.
        tokio::task::yield_now().await;
        bail!("{} failed ({status})\n{}", program.display(), last_lines(log));
    }
    Ok(())
}

/// Runs a program to its end and returns what it printed.
///
/// # Errors
/// A program that does not start, or fails; what it said comes with it.
pub async fn output(program: &Path, arguments: &[OsString]) -> Result<String> {
    let output =
        process::command(program, arguments).output().await.with_context(|| format!("start {}", program.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The end of a log, indented, with its name.
#[must_use]
pub fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(LAST_LINES)..];
    let mut words = format!("the end of {}:", log.display());
    for line in tail {
        words.push_str("\n    ");
        words.extend(line.chars().take(LINE_LENGTH));
    }
    words
}
