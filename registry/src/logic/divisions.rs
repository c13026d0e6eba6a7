//! The province's divisions, from the list that is embedded in this build.

use super::model::Division;
use schemas::registry::Level;
use schemas::time::Day;
use serde::Deserialize;

/// `code,name,level,parent,batch,batch_start,batch_end,pilot_2018_2019`
pub const GUANGDONG_CSV: &str = include_str!("../../data/guangdong_divisions.csv");

/// A list of divisions that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DivisionsError {
    /// Not CSV of these columns.
    #[error("read the list of divisions")]
    Csv(#[from] csv::Error),
    /// A level or day that is none.
    #[error("division {code}: {field} cannot be read")]
    Field {
        /// Code of the row.
        code: u32,
        /// Column.
        field: &'static str,
    },
}

#[derive(Deserialize)]
struct Row {
    code: u32,
    name: String,
    level: String,
    parent: Option<u32>,
    batch: Option<u32>,
    batch_start: Option<String>,
    batch_end: Option<String>,
    pilot_2018_2019: Option<u8>,
}

/// Reads a list of divisions. Rows of level county whose code is a city's are placeholders for cities without
/// counties, and left out.
///
/// # Errors
/// Other columns, or a level or day that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Division>, DivisionsError> {
    let mut divisions = Vec::new();
    for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let row: Row = row?;
        if row.level != "county" || !row.code.is_multiple_of(100) {
            divisions.push(division(row)?);
        }
    }
    Ok(divisions)
}

fn division(row: Row) -> Result<Division, DivisionsError> {
    let field = |field| DivisionsError::Field { code: row.code, field };
    Ok(Division {
        code: row.code,
        level: Level::parse(&row.level).ok_or_else(|| field("level"))?,
        parent: row.parent,
        batch: row.batch.unwrap_or(0),
        window: window(&row).ok_or_else(|| field("batch window"))?,
        pilot: row.pilot_2018_2019 == Some(1),
        name: row.name,
    })
}

/// The window of a row, none if it has none; `None` if it cannot be read.
fn window(row: &Row) -> Option<Option<(Day, Day)>> {
    match (&row.batch_start, &row.batch_end) {
        (None, None) => Some(None),
        (Some(start), Some(end)) => Some(Some((Day::parse(start)?, Day::parse(end)?))),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn count(divisions: &[Division], level: Level) -> usize {
        divisions.iter().filter(|division| division.level == level).count()
    }

    #[test]
    fn guangdong_has_21_cities_and_122_counties() {
        let divisions = parse(GUANGDONG_CSV).unwrap();
        assert_eq!(count(&divisions, Level::Province), 1);
        assert_eq!(count(&divisions, Level::City), 21);
        assert_eq!(count(&divisions, Level::County), 122);
        let codes: HashSet<_> = divisions.iter().map(|division| division.code).collect();
        assert_eq!(codes.len(), divisions.len(), "codes are unique");
        assert!(divisions.iter().all(|division| division.parent.is_none_or(|parent| codes.contains(&parent))));
    }

    #[test]
    fn dongguan_and_zhongshan_have_no_counties() {
        let divisions = parse(GUANGDONG_CSV).unwrap();
        for city in [441_900, 442_000] {
            let below = divisions.iter().filter(|division| division.parent == Some(city)).count();
            assert_eq!(below, 0, "{city}");
            assert!(divisions.iter().any(|division| division.code == city && division.level == Level::City));
        }
    }

    #[test]
    fn batches_have_windows_and_pilots_are_six() {
        let divisions = parse(GUANGDONG_CSV).unwrap();
        let guangzhou = divisions.iter().find(|division| division.code == 440_100).unwrap();
        assert_eq!((guangzhou.batch, guangzhou.pilot), (1, false));
        assert_eq!(guangzhou.window, Day::parse("2020-11-01").zip(Day::parse("2020-11-30")));
        assert_eq!(divisions.iter().filter(|division| division.pilot).count(), 6);
    }

    #[test]
    fn a_bad_row_is_named() {
        let text = GUANGDONG_CSV.replace("2020-11-30,0", "2020-11-31,0");
        assert!(matches!(parse(&text), Err(DivisionsError::Field { code: 440_100, field: "batch window" })));
    }
}
