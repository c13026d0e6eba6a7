//! Tags of answers: equal tags, equal answers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// How far the data behind an answer had come: rows only get fuller, so equal sums are equal data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataVersion {
    /// Rows read.
    pub rows: u64,
    /// Sum of their `ver`.
    pub ver: u64,
    /// Anything else that moves: organisations, sets of devices.
    pub other: u64,
}

impl DataVersion {
    /// Adds what another statement read.
    pub fn add(&mut self, rows: u64, ver: u64) {
        self.rows = self.rows.wrapping_add(rows);
        self.ver = self.ver.wrapping_add(ver);
    }
}

/// The tag of the answer to `plan` (route, unit, parameters, scope, format, definitions) from such data.
#[must_use]
pub fn etag(plan: &str, version: DataVersion) -> String {
    let mut hash = Sha256::new();
    hash.update(plan.as_bytes());
    for part in [version.rows, version.ver, version.other] {
        hash.update(part.to_le_bytes());
    }
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash.finalize()[..15]))
}

/// Does an `If-None-Match` header hold this tag?
#[must_use]
pub fn matches(header: &str, etag: &str) -> bool {
    header.split(',').map(str::trim).any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_plan_and_data() {
        let version = DataVersion { rows: 1, ver: 2, other: 0 };
        let tag = etag("overview|440106", version);
        assert_eq!(tag, etag("overview|440106", version));
        assert_ne!(tag, etag("overview|440105", version));
        assert_ne!(tag, etag("overview|440106", DataVersion { ver: 3, ..version }));
        assert!(matches(&format!("\"x\", W/{tag}"), &tag));
        assert!(matches("*", &tag));
        assert!(!matches("\"x\"", &tag));
    }
}
