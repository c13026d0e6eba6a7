//! Small file habits: whole or not at all.

use std::fs;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces a file so that a reader sees the old text or the new one, never a part.
///
/// # Errors
/// What the file system says.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    replace_with_mode(path, text, 0o666)
}

/// The same, for a file that nobody else may read.
///
/// # Errors
/// What the file system says.
pub fn replace_secret(path: &Path, text: &str) -> io::Result<()> {
    replace_with_mode(path, text, 0o600)
}

fn replace_with_mode(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    // A draft that was left behind keeps the mode that it has.
    let _absent = fs::remove_file(&draft).is_err();
    OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?.write_all(text.as_bytes())?;
    fs::rename(&draft, path)
}
