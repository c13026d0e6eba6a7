//! A province from files: 30,000 schools, then 3,000,000 devices, into an empty store; then the same files again, as after
//! an import that was cut off.

use crate::launcher;
use crate::process::Process;
use crate::report::Report;
use anyhow::ensure;
use registry::logic::divisions;
use schemas::registry::Level;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is imported.
const SCHOOLS: usize = 30_000;
const DEVICES: usize = 3_000_000;
/// The most that is acceptable for both files, s, and of memory, MB.
const BAR_S: f64 = 600.0;
const BAR_MB: f64 = 1_000.0;
/// Between two looks at the process's memory.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the measurement.
///
/// # Errors
/// An import fails, or a file cannot be written.
pub fn run(report: &mut Report, port_base: u16) -> anyhow::Result<()> {
    let place = Place::make(port_base)?;
    place.command(&["seed", "--schools", "1"])?.status()?;
    let (schools, devices) = (place.schools()?, place.devices()?);
    report.note(&format!(
        "{SCHOOLS} schools, then {DEVICES} devices, as CSV into SQLite; durable, 10,000 devices a transaction"
    ));
    let first = place.import(&schools, "schools")?;
    report.figure("schools", first.took.as_secs_f64(), "s", None);
    let second = place.import(&devices, "devices")?;
    report.figure("devices", second.took.as_secs_f64(), "s", None);
    report.figure("both files", (first.took + second.took).as_secs_f64(), "s", Some(BAR_S));
    report.figure("memory at its peak", first.peak.max(second.peak) / 1e6, "MB", Some(BAR_MB));
    report.figure("size of the store", place.size()?, "MB", None);
    let again = place.import(&devices, "devices")?;
    report.figure("the devices again, nothing to do", again.took.as_secs_f64(), "s", None);
    Ok(())
}

/// What an import took.
struct Took {
    took: Duration,
    peak: f64,
}

/// A directory of the bench's own; removed when dropped.
struct Place(PathBuf);

impl Place {
    fn make(port_base: u16) -> anyhow::Result<Place> {
        let place = Place(launcher::directory(port_base).join("bench-import"));
        std::fs::create_dir_all(&place.0)?;
        Ok(place)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn command(&self, words: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?.with_file_name("registry"));
        command.args(words).stdout(Stdio::null());
        let settings =
            [("STORE__PATH", "store.sqlite"), ("KEYS__DIR", "keys"), ("FLEET__DEVICES_FILE", "devices.ndjson")];
        command.envs(settings.map(|(key, name)| (format!("CLASSPULSE_REGISTRY__{key}"), self.file(name))));
        Ok(command)
    }

    /// Schools of all counties, in turn.
    fn schools(&self) -> anyhow::Result<PathBuf> {
        let all = divisions::parse(divisions::GUANGDONG_CSV)?;
        let counties: Vec<u32> = all.iter().filter(|area| area.level == Level::County).map(|area| area.code).collect();
        let path = self.file("schools.csv");
        let mut file = BufWriter::new(File::create(&path)?);
        writeln!(file, "code,name,school_type,division")?;
        for no in 0..SCHOOLS {
            writeln!(file, "G{no},虚构第{no}小学,小学,{}", counties[no % counties.len()])?;
        }
        file.flush()?;
        Ok(path)
    }

    fn devices(&self) -> anyhow::Result<PathBuf> {
        let path = self.file("devices.csv");
        let mut file = BufWriter::new(File::create(&path)?);
        writeln!(file, "code,school,kind,procured_on,mac")?;
        for no in 0..DEVICES {
            writeln!(file, "D{no},G{},all_in_one,2024-09-01,{no:012X}", no / (DEVICES / SCHOOLS))?;
        }
        file.flush()?;
        Ok(path)
    }

    fn import(&self, file: &Path, kind: &str) -> anyhow::Result<Took> {
        let file = file.display().to_string();
        let begun = Instant::now();
        let mut process = Process::start(&mut self.command(&["import", &file, "--kind", kind])?)?;
        let mut peak = 0_f64;
        loop {
            // The last look finds no memory of a process that has just ended.
            peak = process.peak().unwrap_or(0.0).max(peak);
            if let Some(status) = process.ended()? {
                ensure!(status.success(), "the import of {kind} ended: {status}");
                return Ok(Took { took: begun.elapsed(), peak });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// MB.
    fn size(&self) -> anyhow::Result<f64> {
        Ok(std::fs::metadata(self.file("store.sqlite"))?.len() as f64 / 1e6)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The files go with the rest of the stack's directory, too; either way nothing more can be done here.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
