//! A log file that is cut into generations by size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A generation's size in bytes.
const GENERATION_BYTES: u64 = 16 << 20;
/// Older generations kept beside the one written: `name.log.1` is the youngest of them.
const GENERATIONS: u32 = 3;

/// Appends lines; rotates by itself.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    limit: u64,
}

impl LogFile {
    /// Opens a log, or begins it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path) -> io::Result<LogFile> {
        LogFile::with_limit(path, GENERATION_BYTES)
    }

    fn with_limit(path: &Path, limit: u64) -> io::Result<LogFile> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(LogFile { path: path.to_owned(), file, bytes, limit })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// What the file system says.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes >= self.limit {
            self.rotate()?;
        }
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        self.file.write_all(&whole)?;
        self.bytes += whole.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for generation in (1..GENERATIONS).rev() {
            let older = self.generation(generation + 1);
            match fs::rename(self.generation(generation), older) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.generation(1))?;
        *self = LogFile::with_limit(&self.path, self.limit)?;
        Ok(())
    }

    fn generation(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn old_generations_move_on_and_the_oldest_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.log");
        let mut log = LogFile::with_limit(&path, 4).unwrap();
        for number in 0..6 {
            log.line(format!("{number}....").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(directory.path().join(name)).ok();
        assert_eq!(read("a.log").as_deref(), Some("5....\n"));
        assert_eq!(read("a.log.1").as_deref(), Some("4....\n"));
        assert_eq!(read("a.log.3").as_deref(), Some("2....\n"));
        assert_eq!(read("a.log.4"), None);
    }
}
