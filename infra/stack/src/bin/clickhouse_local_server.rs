//! `clickhouse-local-server`: a genuine ClickHouse HTTP and native server out of `libchdb.so`.
//!
//! ClickHouse has no package in the registries a build machine reaches, but its whole engine is in chDB's library. Its
//! command-line entry point is `clickhouse local`, which can open the server's listeners and then lives as long as the
//! query it was given: here a query that reads standard input. So the process serves until its stdin is closed, which
//! is also the clean stop. Production runs `clickhouse-server` with the same tables.

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use libloading::{Library, Symbol};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// After its stdin is closed the engine has this long to stop by itself.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// Opens the listeners, then waits for the end of stdin.
const SERVE: &str = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; \
                     SELECT count() FROM file('-', 'LineAsString', 'l String') FORMAT Null";

type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

/// Serves ClickHouse on loopback until standard input is closed.
#[derive(Parser)]
struct Args {
    /// libchdb.so
    #[arg(long)]
    library: PathBuf,
    /// Data directory.
    #[arg(long)]
    path: PathBuf,
    /// Server configuration (XML); it names the users file.
    #[arg(long)]
    config_file: PathBuf,
    #[arg(long)]
    http_port: u16,
    #[arg(long)]
    tcp_port: u16,
    /// The one address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    listen_host: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    // `SYSTEM SHUTDOWN` and the engine's own signals go to the whole process group: let that be ours alone. It fails
    // only where we lead a group already, which is as good.
    let _leads_already = nix::unistd::setsid().is_err();
    thread::spawn(enforce_stop);
    // SAFETY: loading runs the library's initialisers; it is the pinned engine itself.
    let library = unsafe { Library::new(&args.library) }.with_context(|| format!("load {}", args.library.display()))?;
    run(&library, &command_line(&args)?)
}

fn command_line(args: &Args) -> Result<Vec<CString>> {
    [
        "clickhouse".to_owned(),
        format!("--path={}", args.path.display()),
        format!("--http_port={}", args.http_port),
        format!("--tcp_port={}", args.tcp_port),
        format!("--listen_host={}", args.listen_host),
        format!("--config-file={}", args.config_file.display()),
        "--query".to_owned(),
        SERVE.to_owned(),
    ]
    .into_iter()
    .map(|argument| CString::new(argument).context("pass an argument"))
    .collect()
}

fn run(library: &Library, arguments: &[CString]) -> Result<()> {
    let mut argv: Vec<*mut c_char> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    let argc = c_int::try_from(argv.len())?;
    argv.push(std::ptr::null_mut());
    // SAFETY: the signatures are those of chdb.h; argv is null-terminated and outlives the call.
    let error = unsafe {
        let query: Symbol<'_, QueryCmdline> = library.get(b"chdb_query_cmdline")?;
        let error: Symbol<'_, ResultError> = library.get(b"chdb_result_error")?;
        let result = query(argc, argv.as_mut_ptr());
        if result.is_null() { None } else { text(error(result)) }
    };
    match error {
        Some(error) => bail!("clickhouse ended: {error}"),
        None => Ok(()),
    }
}

/// A copy of a C string that may be null.
///
/// # Safety
/// A pointer that is not null must point at a null-terminated string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::ffi::CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// Waits for the end of stdin without reading from it; an engine that has not stopped some time later is ended.
fn enforce_stop() {
    let stdin = io::stdin();
    // No events are asked for: a hang-up is always reported, and data for the engine must not wake us.
    let mut watched = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
    while matches!(poll(&mut watched, PollTimeout::NONE), Err(nix::errno::Errno::EINTR)) {}
    thread::sleep(STOP_GRACE);
    std::process::exit(70);
}
