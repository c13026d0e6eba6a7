//! The one place that writes to the terminal.

use std::io::{self, Write};

/// Prints a line; a reader that went away is no error.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush()).is_err();
}

/// Prints a line of trouble.
pub fn complain(line: &str) {
    let _gone = writeln!(io::stderr().lock(), "classpulse: {line}").is_err();
}
