//! Child processes that never outlive the launcher, and whose output goes to a log.

use crate::log_file::LogFile;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getppid};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// A command whose process dies with the launcher.
///
/// The kernel ties the death signal to the thread that forked. The launcher therefore runs on a single-threaded runtime
/// on its main thread, which lives as long as the process; never spawn from another thread.
#[must_use]
pub fn command(program: &Path, arguments: &[OsString]) -> Command {
    let launcher = std::process::id();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    // SAFETY: the closure runs between fork and exec and makes only two system calls, which are async-signal-safe.
    unsafe {
        command.pre_exec(move || die_with(launcher));
    }
    command
}

/// In the child: asks for SIGKILL at the launcher's end. Between the fork and the request it may have ended already.
fn die_with(launcher: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if u32::try_from(getppid().as_raw()) == Ok(launcher) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
}

/// Sends a signal; a process that is gone is what was wanted.
pub fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        let _gone = kill(Pid::from_raw(pid), signal).is_err();
    }
}

/// Copies a child's stdout and stderr into its log, line by line, until both end.
///
/// # Errors
/// A log that cannot be opened.
pub fn log_output(child: &mut Child, log: &Path) -> io::Result<()> {
    let log = Arc::new(Mutex::new(LogFile::open(log)?));
    if let Some(out) = child.stdout.take() {
        tokio::spawn(copy_lines(out, log.clone()));
    }
    if let Some(err) = child.stderr.take() {
        tokio::spawn(copy_lines(err, log));
    }
    Ok(())
}

async fn copy_lines(source: impl AsyncRead + Unpin, log: Arc<Mutex<LogFile>>) {
    let mut lines = BufReader::new(source).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        // A full disk must not stop the service whose line this is.
        let _lost = log.lock().unwrap_or_else(PoisonError::into_inner).line(&line).is_err();
    }
}

/// Resident memory in bytes, while the process lives.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status"))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
