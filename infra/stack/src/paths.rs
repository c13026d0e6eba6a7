//! Where things are: the checkout, and the stack's own directory under `var/`.

use crate::cli::{DEFAULT_PORT_BASE, Target};
use crate::control;
use anyhow::{Context, Result};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The directories of one stack.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The checkout.
    pub root: PathBuf,
    /// What does not belong to one stack: jars, the ClickHouse library. `var/` of the checkout.
    pub shared: PathBuf,
    /// Everything that the stack writes.
    pub var: PathBuf,
    /// The stack's ports begin here.
    pub port_base: u16,
}

impl Paths {
    /// The stack that `--port-base` (or its absence) means.
    ///
    /// `$CLASSPULSE_VAR` names the directory; without it the default base has `var/`, and any other `var/<base>`.
    ///
    /// # Errors
    /// A directory that cannot be made.
    pub fn of(target: &Target) -> Result<Paths> {
        let root = checkout()?;
        let shared = root.join("var");
        let port_base = target.port_base.or_else(|| lone_base(&shared)).unwrap_or(DEFAULT_PORT_BASE);
        Paths::at(root, shared, port_base)
    }

    /// The stack that `up` is to start: without `--port-base` always the default one.
    ///
    /// # Errors
    /// A directory that cannot be made.
    pub fn to_start(target: &Target) -> Result<Paths> {
        let root = checkout()?;
        let shared = root.join("var");
        Paths::at(root, shared, target.port_base.unwrap_or(DEFAULT_PORT_BASE))
    }

    fn at(root: PathBuf, shared: PathBuf, port_base: u16) -> Result<Paths> {
        let var = match env::var_os("CLASSPULSE_VAR") {
            Some(directory) => PathBuf::from(directory),
            None if port_base == DEFAULT_PORT_BASE => shared.clone(),
            None => shared.join(port_base.to_string()),
        };
        fs::create_dir_all(&var).with_context(|| format!("make {}", var.display()))?;
        let var = var.canonicalize().with_context(|| format!("find {}", var.display()))?;
        Ok(Paths { root, shared, var, port_base })
    }

    /// `etc/<name>.toml`
    #[must_use]
    pub fn config(&self, name: &str) -> PathBuf {
        self.var.join("etc").join(format!("{name}.toml"))
    }

    /// Where the URL of the registry's database is kept, if it is not SQLite's file; it may hold a password.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.var.join("registry/database")
    }

    /// `log/<name>.log`
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.var.join("log").join(format!("{name}.log"))
    }

    /// A binary of the workspace.
    #[must_use]
    pub fn binary(&self, name: &str) -> PathBuf {
        env::current_exe()
            .ok()
            .and_then(|exe| exe.parent().map(|directory| directory.join(name)))
            .unwrap_or_else(|| self.root.join("target/release").join(name))
    }

    /// What runs as a service: its binary, or for tests what `$CLASSPULSE_BIN_INGEST_2` (one instance) or
    /// `$CLASSPULSE_BIN_INGEST` (all of them) names, with the same arguments: a broken twin of the service that a check
    /// must notice, or a wrapper that puts it into a network namespace.
    #[must_use]
    pub fn program(&self, instance: &str, kind: &str) -> PathBuf {
        let named = |name: &str| env::var_os(format!("CLASSPULSE_BIN_{}", name.to_uppercase().replace('-', "_")));
        named(instance).or_else(|| named(kind)).map_or_else(|| self.binary(kind), PathBuf::from)
    }

    /// `stack.json`
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.var.join("stack.json")
    }

    /// Where `stack.json` is found by those who know of one stack only: in `var/`, as long as no stack of the default
    /// base runs.
    #[must_use]
    pub fn manifest_copy(&self) -> Option<PathBuf> {
        (self.var.parent() == Some(&self.shared)).then(|| self.shared.join("stack.json"))
    }
}

/// `$CLASSPULSE_HOME`, which `./classpulse` sets, else three up from `target/release/stack`.
fn checkout() -> Result<PathBuf> {
    let home = match env::var_os("CLASSPULSE_HOME") {
        Some(home) => PathBuf::from(home),
        None => env::current_exe()?.ancestors().nth(3).map(Path::to_owned).context("find the checkout")?,
    };
    home.canonicalize().with_context(|| format!("find {}", home.display()))
}

/// With no stack at the default base and exactly one at another, that one is meant.
fn lone_base(shared: &Path) -> Option<u16> {
    if env::var_os("CLASSPULSE_VAR").is_some() || control::answers(shared) {
        return None;
    }
    let entries = fs::read_dir(shared).ok()?;
    let mut bases = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| control::answers(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    bases.next().filter(|_| bases.next().is_none())
}
