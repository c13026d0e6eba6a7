//! `registry`: the registry's own commands, on the stack's store.

use super::processors::port_base;
use crate::cli::Target;
use crate::paths::Paths;
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Hands over to the registry.
///
/// # Errors
/// A port base that is none, or a stack without a registry.
pub fn run(words: Vec<String>) -> Result<()> {
    let (port_base, words) = port_base(words)?;
    hand_over(port_base, words.into_iter())
}

/// Becomes the registry with these words and the stack's configuration.
///
/// # Errors
/// The stack has no registry yet.
pub fn hand_over(port_base: Option<u16>, words: impl Iterator<Item = String>) -> Result<()> {
    let paths = Paths::of(&Target { port_base })?;
    let config = paths.config("registry");
    if !config.exists() {
        bail!("this stack has no registry yet: ./classpulse up makes one");
    }
    let registry = paths.binary("registry");
    let error = Command::new(&registry).arg("--config").arg(config).args(words).exec();
    Err(error).with_context(|| format!("start {}", registry.display()))
}
