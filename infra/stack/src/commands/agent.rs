//! `agent`: the reference client on this machine, pointed at the stack. Its token and spool are in the stack's `agent/`.

use super::processors::port_base;
use crate::cli::Target;
use crate::logic::manifest::Manifest;
use crate::paths::Paths;
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Hands over to the reference client.
///
/// # Errors
/// A port base that is none, or a stack that was never up.
pub fn run(words: Vec<String>) -> Result<()> {
    let (port_base, words) = port_base(words)?;
    let paths = Paths::of(&Target { port_base })?;
    let file = paths.var.join("stack.json");
    let text = std::fs::read(&file).with_context(|| format!("read {}: ./classpulse up writes it", file.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))?;
    let directory = paths.var.join("agent");
    std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    let own = |name: &str| directory.join(name).display().to_string();
    let settings = [
        ("EDGE__URL", manifest.edge),
        ("REGISTRY__URL", manifest.admin),
        ("AGENT__TOKEN_FILE", own("device.token")),
        ("AGENT__SPOOL_DIR", own("spool")),
        ("CLOCK__VIRTUAL", manifest.clock.r#virtual),
        ("CLOCK__REAL", manifest.clock.real),
        ("CLOCK__SPEED", manifest.clock.speed.to_string()),
    ];
    let agent = paths.binary("agent");
    let settings = settings.map(|(key, value)| (format!("CLASSPULSE_AGENT__{key}"), value));
    let error = Command::new(&agent).envs(settings).args(words).exec();
    Err(error).with_context(|| format!("start {}", agent.display()))
}
