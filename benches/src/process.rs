//! A process under measurement.

use anyhow::Context;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// Killed when dropped.
pub struct Process(Child);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> anyhow::Result<Process> {
        command.spawn().map(Process).with_context(|| format!("start {command:?}"))
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// CPU time of all its threads.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.0.id())
    }

    /// Resident memory now, bytes.
    pub fn resident(&self) -> anyhow::Result<f64> {
        self.memory("VmRSS:")
    }

    /// Highest resident memory so far, bytes.
    pub fn peak(&self) -> anyhow::Result<f64> {
        self.memory("VmHWM:")
    }

    /// Ends it without warning.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
        let kib: f64 = line.split_whitespace().next().context("malformed status")?.parse()?;
        Ok(kib * 1024.0)
    }
}

/// CPU time of all threads of a process.
pub fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').context("malformed stat")?.1.split_whitespace();
    // utime and stime, 14th and 15th of the file, in hundredths of a second.
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 10))
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before; either way it is over.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
