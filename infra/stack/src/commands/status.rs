//! `status`: a table of the services.

use crate::cli::Target;
use crate::console;
use crate::control::{self, Answer, Order, ServiceStatus};
use crate::paths::Paths;
use anyhow::Result;

/// Prints the table.
///
/// # Errors
/// The stack is not up.
pub fn run(target: &Target) -> Result<()> {
    let paths = Paths::of(target)?;
    let mut heading =
        Some(format!("{:<14}{:>8}  {:>10}  {:>8}  {:>8}  health", "service", "pid", "uptime", "MiB", "restarts"));
    control::give(&paths.var, &Order::Status, |answer| {
        if let Some(heading) = heading.take() {
            console::say(&heading);
        }
        match answer {
            Answer::Service(service) => console::say(&row(&service)),
            Answer::Line(line) => console::say(&line),
            Answer::Done | Answer::Failed(_) => {}
        }
    })
}

fn row(service: &ServiceStatus) -> String {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    format!(
        "{:<14}{:>8}  {:>10}  {:>8}  {:>8}  {}",
        service.name,
        or_dash(service.pid.map(|pid| pid.to_string())),
        or_dash(service.pid.map(|_| duration(service.uptime_s))),
        or_dash(service.resident_bytes.map(|bytes| (bytes >> 20).to_string())),
        service.restarts,
        service.health.lines().collect::<Vec<_>>().join("; "),
    )
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_service_shows_dashes() {
        let service = ServiceStatus {
            name: "ingest-2".into(),
            pid: None,
            health: "stopped".into(),
            uptime_s: 0,
            resident_bytes: None,
            restarts: 1,
        };
        assert_eq!(row(&service), "ingest-2             -           -         -         1  stopped");
        assert_eq!(duration(3700), "1 h 1 min");
    }
}
