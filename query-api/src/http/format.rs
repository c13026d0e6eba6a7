//! The format of an answer, by the Accept header.

use axum::http::{HeaderMap, header};

/// What answers can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The shapes of the contract.
    Json,
    /// One row a line, with a byte order mark for spreadsheets.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Arrow IPC stream.
    Arrow,
    /// Parquet.
    Parquet,
}

/// In order of preference where the header leaves the choice.
const OFFERED: [(Format, &str); 5] = [
    (Format::Json, "application/json"),
    (Format::Csv, "text/csv"),
    (Format::Ndjson, "application/x-ndjson"),
    (Format::Arrow, "application/vnd.apache.arrow.stream"),
    (Format::Parquet, "application/vnd.apache.parquet"),
];

impl Format {
    /// The best of what the request accepts; none: nothing of it is offered.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Format> {
        let values: Vec<&str> =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() { Some(Format::Json) } else { choose(&values.join(",")) }
    }

    /// Media types of the flat formats.
    pub fn flat() -> impl Iterator<Item = &'static str> {
        OFFERED.into_iter().filter(|(format, _)| *format != Format::Json).map(|(_, name)| name)
    }

    /// Value of the Content-Type header.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Ndjson => "application/x-ndjson",
            Format::Arrow => "application/vnd.apache.arrow.stream",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// The offered type with the highest quality; among equals the first offered.
fn choose(accept: &str) -> Option<Format> {
    let ranges: Vec<(&str, u32)> = accept.split(',').filter_map(range).collect();
    let mut best: Option<(Format, u32)> = None;
    for (format, name) in OFFERED {
        let quality = quality(&ranges, name);
        if quality > best.map_or(0, |(_, best)| best) {
            best = Some((format, quality));
        }
    }
    best.map(|(format, _)| format)
}

/// The quality of a type: of the most specific range that fits.
fn quality(ranges: &[(&str, u32)], name: &str) -> u32 {
    let family = name.split('/').next().unwrap_or_default();
    let of = |wanted: &str| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, q)| *q);
    of(name).or_else(|| of(&format!("{family}/*"))).or_else(|| of("*/*")).unwrap_or(0)
}

/// `type/subtype;q=0.5` as the range and its quality in thousandths.
fn range(text: &str) -> Option<(&str, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = q.map_or(Some(1.0), |q| q.parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q)))?;
    Some((range, (quality * 1000.0) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_chooses() {
        assert_eq!(choose("application/json"), Some(Format::Json));
        assert_eq!(choose("*/*"), Some(Format::Json));
        assert_eq!(choose("text/*"), Some(Format::Csv));
        assert_eq!(choose("text/html, application/vnd.apache.parquet;q=0.3, */*;q=0.1"), Some(Format::Parquet));
        assert_eq!(choose("application/json;q=0, text/csv;q=0.2"), Some(Format::Csv));
        assert_eq!(choose("application/vnd.apache.arrow.stream"), Some(Format::Arrow));
        assert_eq!(choose("Application/X-NDJSON; charset=utf-8"), Some(Format::Ndjson));
        for refused in ["text/html", "application/json;q=0", "image/*", "", "json"] {
            assert_eq!(choose(refused), None, "{refused}");
        }
    }
}
