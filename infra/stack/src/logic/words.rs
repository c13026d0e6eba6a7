//! What `up` tells people at its end, and how far the history is.

use super::clock::suggestion;
use super::manifest::Manifest;
use schemas::time::Day;
use serde::Deserialize;

/// The fleet's `/status`.
#[derive(Clone, Debug, Deserialize)]
pub struct FleetStatus {
    /// What it is doing.
    pub phase: FleetPhase,
    /// Posts of the history that the edge has taken.
    pub history_posts_done: u64,
    /// Posts of the history.
    pub history_posts_total: u64,
}

/// What the fleet is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FleetPhase {
    /// Playing the days before its start.
    History,
    /// Posting as time goes by.
    Live,
    /// Nothing left to play.
    Done,
}

/// One line about the history: how much, how fast, how long still.
#[must_use]
pub fn history_line(status: &FleetStatus, elapsed_s: f64) -> String {
    let (done, total) = (status.history_posts_done, status.history_posts_total);
    if done == 0 || elapsed_s <= 0.0 {
        return format!("history: preparing {total} posts");
    }
    let per_s = done as f64 / elapsed_s;
    let left_s = total.saturating_sub(done) as f64 / per_s;
    let percent = done as f64 * 100.0 / total.max(1) as f64;
    format!("history: {done} of {total} posts ({percent:.0} %), {per_s:.0} posts/s, about {left_s:.0} s left")
}

/// Records that live posts keep under way once the history is folded: they grow with the fleet.
#[must_use]
pub fn small_lag(status: &FleetStatus) -> i64 {
    i64::try_from(status.history_posts_done / 500).unwrap_or(i64::MAX).max(200)
}

/// The closing words of `up`: where everything is, a token, three lines to try.
#[must_use]
pub fn closing(manifest: &Manifest, token: &str, now_ms: i64, with_clock: bool) -> Vec<String> {
    let today = Day::of_ms(now_ms);
    let from = today.plus(-27);
    let get = |path: &str| {
        let url = format!("{}/v1/orgs/{path}?from={from}&to={today}", manifest.api);
        format!("  curl -sH \"Authorization: Bearer $TOKEN\" '{url}'")
    };
    let mut lines = vec![
        format!("edge            {}", manifest.edge),
        format!(
            "query API       {}  (readable: {}/, OpenAPI: {}/openapi.json)",
            manifest.api, manifest.api, manifest.api
        ),
        format!("admin API       {}  (OpenAPI: {}/openapi.json)", manifest.admin, manifest.admin),
        format!("Kafka           {}", manifest.kafka),
        format!("ClickHouse      {}  native {}", manifest.clickhouse_http, manifest.clickhouse_native),
        String::new(),
        "Try it as the province:".to_owned(),
        format!("  TOKEN={token}"),
        get("440000/overview"),
        get("440000/children"),
        get("440100/network"),
    ];
    if let Some(start) = suggestion(now_ms).filter(|_| !with_clock) {
        lines.push(String::new());
        lines.push(format!("No school is in session now. To watch a school morning: ./classpulse up --clock {start}"));
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::logic::clock::Anchor;
    use crate::logic::ports::Ports;
    use schemas::time::parse_rfc3339_ms;

    fn closing_at(now: &str, with_clock: bool) -> String {
        let manifest = Manifest::new(Ports::new(8700), Anchor::new(None, 0), Default::default(), vec![]);
        closing(&manifest, "tok", parse_rfc3339_ms(now).unwrap(), with_clock).join("\n")
    }

    #[test]
    fn a_school_morning_is_suggested_only_to_those_who_chose_no_clock() {
        assert!(closing_at("2026-11-21T20:00:00+08:00", false).contains("--clock 2026-11-20T09:00"));
        assert!(!closing_at("2026-11-21T20:00:00+08:00", true).contains("--clock"));
        assert!(!closing_at("2026-11-20T10:00:00+08:00", false).contains("--clock"));
    }

    #[test]
    fn the_history_line_tells_rate_and_rest() {
        let status = FleetStatus { phase: FleetPhase::History, history_posts_done: 500, history_posts_total: 2000 };
        let line = history_line(&status, 1.0);
        assert_eq!(line, "history: 500 of 2000 posts (25 %), 500 posts/s, about 3 s left");
    }
}
