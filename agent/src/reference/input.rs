//! Scripted activity: one JSON object a line, in seconds after the agent's start:
//! `{"from_s": 60, "to_s": 1500, "app": "wps"}`. The span counts as active, and as foreground of its app.

use super::config::is_id;
use crate::logic::heartbeat::{Interval, Seen};
use serde::Deserialize;

/// A line that is not scripted activity.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Not JSON of this shape.
    #[error("line {line}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Reason.
        #[source]
        source: serde_json::Error,
    },
    /// The end is not after the begin, or the app is not an id.
    #[error("line {0}: `to_s` must be above `from_s`, `app` match [a-z0-9._-]{{1,64}}")]
    Value(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    from_s: u32,
    to_s: u32,
    app: Option<String>,
}

/// Reads the lines into spans after `start_ms`; spans without an app count for `app`.
///
/// # Errors
/// A line that is not scripted activity.
pub fn read(text: &str, start_ms: i64, app: &str) -> Result<Seen, InputError> {
    let mut seen = Seen::default();
    for (i, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line: Line = serde_json::from_str(text).map_err(|source| InputError::Json { line: i + 1, source })?;
        let app = line.app.unwrap_or_else(|| app.to_owned());
        if line.to_s <= line.from_s || !is_id(&app) {
            return Err(InputError::Value(i + 1));
        }
        let ms = |second: u32| start_ms + i64::from(second) * 1_000;
        let span = Interval { from_ms: ms(line.from_s), to_ms: ms(line.to_s) };
        seen.active.push(span);
        match seen.apps.iter_mut().find(|(name, _)| *name == app) {
            Some((_, spans)) => spans.push(span),
            None => seen.apps.push((app.into(), vec![span])),
        }
    }
    seen.active.sort_by_key(|span| span.from_ms);
    Ok(seen)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn lines_become_spans() {
        let text = "{\"from_s\":60,\"to_s\":120}\n\n{\"from_s\":5,\"to_s\":9,\"app\":\"wps\"}\n";
        let seen = read(text, 1_000, "browser").unwrap();
        assert_eq!(seen.active[0], Interval { from_ms: 6_000, to_ms: 10_000 });
        assert_eq!(seen.apps.len(), 2);
        for bad in ["{}", "{\"from_s\":9,\"to_s\":9}", "{\"from_s\":1,\"to_s\":2,\"app\":\"A B\"}"] {
            assert!(read(bad, 0, "browser").is_err(), "{bad}");
        }
    }
}
