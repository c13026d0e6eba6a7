//! What commands say: results on standard output, progress on standard error.

use std::io::{self, Write};

/// Prints a result. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Tells how it goes.
pub fn tell(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
