//! `up`: in the foreground, or as a launcher of its own.

use crate::cli::UpOptions;
use crate::console;
use crate::control::{self, Answer, Order};
use crate::database;
use crate::jobs;
use crate::launcher;
use crate::paths::Paths;
use anyhow::{Context, Result, bail};
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a new launcher may take to take orders.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// Brings a stack up.
///
/// # Errors
/// It does not come up.
pub fn run(options: &UpOptions) -> Result<()> {
    let paths = Paths::to_start(&options.target)?;
    if options.detach { detach(options, &paths) } else { launcher::run(options, &paths, true) }
}

/// The launcher that `up --detach` starts.
///
/// # Errors
/// The stack does not come up.
pub fn launch(options: &UpOptions) -> Result<()> {
    launcher::run(options, &Paths::to_start(&options.target)?, false)
}

/// Starts a launcher that stays, and waits until its stack is up.
fn detach(options: &UpOptions, paths: &Paths) -> Result<()> {
    let lock = launcher::take(paths)?;
    // Here as well, so that what is wrong is told at once and plainly.
    database::settle(paths, options.database.as_deref())?;
    drop(lock);
    let mut launcher = spawn(paths)?;
    wait_for_orders(paths, &mut launcher)?;
    control::give(&paths.var, &Order::Follow, |answer| {
        if let Answer::Line(line) = answer {
            console::say(&line);
        }
    })
}

/// The same command line, but `launch` for `up`, in a session of its own.
fn spawn(paths: &Paths) -> Result<Child> {
    let log = paths.log("launcher");
    fs::create_dir_all(paths.var.join("log"))?;
    let trouble = OpenOptions::new().create(true).append(true).open(&log)?;
    let arguments = std::env::args_os().skip(1).map(|word| if word == "up" { "launch".into() } else { word });
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(trouble);
    // SAFETY: one system call, async-signal-safe, between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(nix::unistd::setsid().map(|_session| ())?));
    }
    command.spawn().context("start the launcher")
}

fn wait_for_orders(paths: &Paths, launcher: &mut Child) -> Result<()> {
    let deadline = Instant::now() + LISTENS_WITHIN;
    while !control::answers(&paths.var) {
        if launcher.try_wait()?.is_some() || Instant::now() > deadline {
            bail!("the launcher did not start\n{}", jobs::last_lines(&paths.log("launcher")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
