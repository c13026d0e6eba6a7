//! Small file habits: whole or not at all.

use std::fs;
use std::io;
use std::path::Path;

/// Replaces a file so that a reader sees the old text or the new one, never a part.
///
/// # Errors
/// What the file system says.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    fs::write(&draft, text)?;
    fs::rename(&draft, path)
}
