//! Which database the registry's store is in; remembered as long as the stack has data.

use crate::files;
use crate::logic::database::{DatabaseUrl, choose};
use crate::paths::Paths;
use anyhow::{Context, Result};
use std::fs;
use std::io;

/// Settles what `up` uses, and remembers it.
///
/// # Errors
/// `--database` is no URL of PostgreSQL, or the stack's data were made with another store.
pub fn settle(paths: &Paths, asked: Option<&str>) -> Result<Option<DatabaseUrl>> {
    let asked = asked.map(DatabaseUrl::parse).transpose()?;
    let made = paths.var.join("registry/seed.json").exists();
    let chosen = choose(made, remembered(paths)?, asked)?;
    if let Some(url) = &chosen {
        fs::create_dir_all(paths.var.join("registry"))?;
        files::replace_secret(&paths.database(), url.with_password()).context("remember --database")?;
    }
    Ok(chosen)
}

/// What an earlier `up` was told; none: SQLite.
///
/// # Errors
/// The file cannot be read, or is not what was written.
pub fn remembered(paths: &Paths) -> Result<Option<DatabaseUrl>> {
    match fs::read_to_string(paths.database()) {
        Ok(text) => Ok(Some(DatabaseUrl::parse(&text).context("read the remembered --database")?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("read the remembered --database"),
    }
}
