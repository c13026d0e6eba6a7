//! `token`: the registry's, printed bare.

use crate::cli::{Target, Token, TokenOptions};
use crate::paths::Paths;
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Hands over to the registry's own command.
///
/// # Errors
/// The stack has no registry yet.
pub fn run(options: &TokenOptions) -> Result<()> {
    let paths = Paths::of(&Target { port_base: options.port_base })?;
    let config = paths.config("registry");
    if !config.exists() {
        bail!("this stack has no registry yet: ./classpulse up makes one");
    }
    let words = match &options.token {
        Token::Device { number } => vec!["device".to_owned(), number.to_string()],
        Token::User { role, scope } => ["user", "--role", role, "--scope", scope].map(str::to_owned).into(),
    };
    let registry = paths.binary("registry");
    let error = Command::new(&registry).arg("token").args(words).arg("--config").arg(config).exec();
    Err(error).with_context(|| format!("start {}", registry.display()))
}
