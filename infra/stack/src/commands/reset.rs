//! `reset`: removes what a stack has written.

use crate::cli::Target;
use crate::console;
use crate::database;
use crate::launcher;
use crate::paths::Paths;
use anyhow::{Context, Result};
use std::fs;
use std::io;
use std::path::Path;

/// What a stack writes below its directory.
const WRITTEN: [&str; 10] =
    ["kafka", "clickhouse", "registry", "keys", "fleet", "etc", "log", "events.json", "stack.json", "control.sock"];

/// Removes a stack's data, configuration, keys and logs.
///
/// # Errors
/// The stack is up, or a file cannot be removed.
pub fn run(target: &Target) -> Result<()> {
    let paths = Paths::to_start(target)?;
    let _lock = launcher::take(&paths).context("take it down first: ./classpulse down")?;
    let database = database::remembered(&paths)?;
    for name in WRITTEN {
        remove(&paths.var.join(name)).with_context(|| format!("remove {name}"))?;
    }
    console::say(&format!("all data of the stack in {} are gone", paths.var.display()));
    if let Some(url) = database {
        console::say(&format!("the registry's store in {url} is as it was; it is not this command's to remove"));
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
