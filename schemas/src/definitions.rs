//! The parameters `p.*` of METRICS, from one versioned file.

use serde::Deserialize;

/// Number of histogram buckets: `[edge, next edge)`, the last one open.
pub const BUCKETS: usize = 22;
/// Lower edges of the histogram buckets, in ms.
pub const HISTOGRAM_EDGES_MS: [u32; BUCKETS] =
    [0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 3000];
/// Ten-minute slots in a day.
pub const SLOTS: usize = 144;

/// The definitions embedded in this build.
pub const CURRENT_TOML: &str = include_str!("../definitions/v1.toml");

/// Parameters of the definitions; names follow METRICS, units are in the suffix.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each name is defined in METRICS under the same name")]
pub struct Definitions {
    pub version: String,
    pub accept_days: u32,
    pub idle_s: u32,
    pub gap_s: u32,
    pub use_min_s: u32,
    pub lesson_min_s: u32,
    pub power_on_min_s: u32,
    pub heartbeat_s: u32,
    pub online_slack_s: u32,
    pub school_hours: (u32, u32),
    pub bells: Vec<(u32, u32)>,
    pub rtt_max_us: i32,
    pub latency_min_received: u32,
    pub jitter_min_pairs: u32,
    pub latency_limit_us: u64,
    pub jitter_limit_us: u64,
    pub verdict_min_judged: u32,
    pub verdict_share_tenths: u32,
    pub bandwidth_pass_mbit: f64,
    pub ranking_min_den: u64,
    pub ranking_min_reporting_percent: u64,
    pub clock_suspect_ms: i64,
    pub histogram_edges_ms: [u32; BUCKETS],
}

/// A definitions file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionsError {
    /// Not TOML of this shape.
    #[error("parse the definitions: {0}")]
    Parse(#[from] toml::de::Error),
    /// The rows' layout fixes the buckets.
    #[error("histogram_edges_ms differs from the layout of the tables; it can only change with a migration")]
    Edges,
    /// Lesson bits fit one byte.
    #[error("bells: 1 to 8 lessons, ascending, within the day")]
    Bells,
}

impl Definitions {
    /// Reads a definitions file.
    ///
    /// # Errors
    /// Not TOML of this shape, other histogram edges, or impossible bells.
    pub fn parse(text: &str) -> Result<Definitions, DefinitionsError> {
        let definitions: Definitions = toml::from_str(text)?;
        if definitions.histogram_edges_ms != HISTOGRAM_EDGES_MS {
            return Err(DefinitionsError::Edges);
        }
        if !bells_are_valid(&definitions.bells) {
            return Err(DefinitionsError::Bells);
        }
        Ok(definitions)
    }
}

/// Definitions of a file: what it leaves out is as in `current`. Returns the whole text. A version that is `current`'s
/// while the parameters are not gets a mark of its own, so that no two definitions have one version.
///
/// # Errors
/// Not TOML, or what [`Definitions::parse`] refuses.
pub fn over(current: &str, file: &str) -> Result<(Definitions, String), DefinitionsError> {
    let now = Definitions::parse(current)?;
    let mut table: toml::Table = current.parse()?;
    table.extend(file.parse::<toml::Table>()?);
    let mut given = Definitions::parse(&table.to_string())?;
    if given.version == now.version && given != now {
        given.version = format!("{}+{:08x}", now.version, fingerprint(&table));
        table.insert("version".to_owned(), given.version.clone().into());
    }
    Ok((given, table.to_string()))
}

/// FNV-1a over the parameters, ascending by name.
fn fingerprint(table: &toml::Table) -> u32 {
    let mut lines: Vec<String> = table.iter().map(|(key, value)| format!("{key}={value};")).collect();
    lines.sort();
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    lines.concat().bytes().fold(0x811c_9dc5, step)
}

/// 1 to 8 lessons, ascending, not overlapping, within the day.
#[must_use]
pub fn bells_are_valid(bells: &[(u32, u32)]) -> bool {
    let ordered = bells.iter().all(|(start, end)| start < end && *end <= crate::time::DAY_S)
        && bells.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    (1..=8).contains(&bells.len()) && ordered
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_definitions_are_usable() {
        let definitions = Definitions::parse(CURRENT_TOML).unwrap();
        assert_eq!(definitions.use_min_s, 600);
        assert_eq!(definitions.bells.len(), 8);
    }

    #[test]
    fn a_file_says_what_differs_and_never_shares_a_version() {
        let (same, text) = over(CURRENT_TOML, CURRENT_TOML).unwrap();
        assert_eq!((same.version.as_str(), Definitions::parse(&text).unwrap()), ("2026.1", same.clone()));
        let (other, text) = over(CURRENT_TOML, "use_min_s = 900").unwrap();
        assert!(other.version.starts_with("2026.1+") && other.use_min_s == 900, "{}", other.version);
        assert_eq!(Definitions::parse(&text).unwrap(), other);
        let (named, _) = over(CURRENT_TOML, "version = \"mine\"\nuse_min_s = 900").unwrap();
        assert_eq!((named.version.as_str(), named.gap_s), ("mine", 300));
        assert!(over(CURRENT_TOML, "use_minutes = 15").is_err(), "an unknown name");
    }

    #[test]
    fn the_example_differs_in_one_parameter() {
        let example = Definitions::parse(include_str!("../definitions/example-use-min-15.toml")).unwrap();
        let current = Definitions::parse(CURRENT_TOML).unwrap();
        assert_eq!(Definitions { version: current.version.clone(), use_min_s: 600, ..example }, current);
    }

    #[test]
    fn other_edges_and_bad_bells_are_refused() {
        let edges = CURRENT_TOML.replace("[0, 1, 2,", "[0, 1, 9,");
        assert!(matches!(Definitions::parse(&edges), Err(DefinitionsError::Edges)));
        let bells = CURRENT_TOML.replace("[28800, 31200]", "[31200, 28800]");
        assert!(matches!(Definitions::parse(&bells), Err(DefinitionsError::Bells)));
        assert!(Definitions::parse("version = 1").is_err());
    }
}
