//! The devices to play, from the file that the registry's seed writes.

use crate::logic::day::world::Device;
use anyhow::Context;
use schemas::time::{Day, parse_rfc3339_ms};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// A device and its token.
#[derive(Clone)]
pub struct Enrolled {
    /// The device.
    pub device: Device,
    /// Bearer token.
    pub token: String,
}

#[derive(Deserialize)]
struct Line {
    device_no: u32,
    token: String,
    school_no: u32,
    division: u32,
    #[serde(default)]
    state: String,
    #[serde(default)]
    enrolled_at: Value,
}

/// Reads the file; suspended and retired devices are left out.
///
/// # Errors
/// It cannot be read, or a line is not a device.
pub fn read(path: &Path) -> anyhow::Result<Vec<Enrolled>> {
    let file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut devices = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("read {}", path.display()))?;
        let parsed: Line = serde_json::from_str(&line).with_context(|| format!("{} line {}", path.display(), i + 1))?;
        devices.extend(enrolled(parsed));
    }
    Ok(devices)
}

fn enrolled(line: Line) -> Option<Enrolled> {
    if matches!(line.state.as_str(), "suspended" | "retired") {
        return None;
    }
    let enrolled_ms = match &line.enrolled_at {
        Value::String(text) => parse_rfc3339_ms(text),
        other => other.as_i64(),
    };
    // An agent runs from its enrolment on; the day after is its first whole one.
    let from_day = enrolled_ms.map_or(Day::FIRST, |ms| Day::of_ms(ms).plus(1));
    let (device_no, school_no, division) = (line.device_no, line.school_no, line.division);
    Some(Enrolled { device: Device { device_no, school_no, division, from_day }, token: line.token })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn devices_out_of_service_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("devices.ndjson");
        let line = |no: u32, state: &str| {
            let more = "\"device_id\":\"x\",\"class_no\":1,\"kind\":\"other\",\"in_service\":true";
            format!(
                "{{\"device_no\":{no},\"token\":\"t\",\"school_no\":7,\"division\":440106,\"state\":\"{state}\",\
                 \"enrolled_at\":\"2026-09-01T10:00:00+08:00\",{more}}}\n"
            )
        };
        std::fs::write(&path, line(0, "in_service") + &line(1, "retired") + &line(2, "suspended")).unwrap();
        let devices = read(&path).unwrap();
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].device.from_day.to_string(), "2026-09-02");
        std::fs::write(&path, "{}\n").unwrap();
        assert!(read(&path).is_err());
    }
}
