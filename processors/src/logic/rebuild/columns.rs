//! Statements that compare two tables of one shape, row by row and column by column.

use schemas::sets::{SHOWN, SHOWN_SCHOOLS};
use schemas::time::Day;

/// A column as ClickHouse describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
}

/// The only columns that may differ: a rebuild from the archive reads the copy of an event that came first, and
/// the receipts of later copies are in no figure that is compared (METRICS 10.14).
const OF_RECEIPT: [&str; 2] = ["last_received", "last_heartbeat"];

/// What corrections that reach back leave in the tables and readers do not see: hidden rows are not compared, and a rebuild
/// from the archive has fewer events in them, for it knows the corrections from the begin.
const OF_HIDDEN: [&str; 4] = ["moved_division", "moved_school_no", "hidden", "hidden_ver"];

/// Two tables, and what is compared of them.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Its name without a suffix.
    pub table: &'static str,
    /// The table that is there.
    pub live: String,
    /// The table that a rebuild made.
    pub made: String,
    /// Columns that name a row, besides the day.
    pub keys: Vec<&'static str>,
    columns: Vec<Column>,
}

impl Comparison {
    /// Compares all columns but the names, the day, `ver` and times of receipt.
    #[must_use]
    pub fn new(table: &'static str, live: String, made: String, columns: Vec<Column>) -> Comparison {
        let of_devices = matches!(table, "device_day" | "network_day");
        let keys: Vec<_> =
            ["division", "school_no", "device_no"].into_iter().take(if of_devices { 3 } else { 2 }).collect();
        let compared = |column: &Column| {
            let name = column.name.as_str();
            let aside = OF_RECEIPT.contains(&name) || OF_HIDDEN.contains(&name);
            !keys.contains(&name) && !["day", "ver"].contains(&name) && !aside
        };
        let columns = columns.into_iter().filter(compared).collect();
        Comparison { table, live, made, keys, columns }
    }

    /// Names of the compared columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Per day: rows on either side, rows of equal `ver` that differ, and rows whose `ver` differs (as `keys`, at most
    /// `limit` of them).
    #[must_use]
    pub fn rows(&self, day: Day, limit: usize) -> String {
        let (keys, values) = (self.keys.join(", "), self.values(""));
        let side = |table: &str, live: u8| {
            format!(
                "SELECT {keys}, toUInt64({}) AS v, {live} AS is_live, sipHash128({values}) AS h FROM {table} FINAL \
                 WHERE day = {} AND {}",
                self.events(""),
                date(day),
                self.shown(),
            )
        };
        let device = if self.keys.len() == 3 { "device_no" } else { "toUInt32(0)" };
        format!(
            "SELECT count() AS n_rows, countIf(live_ver = made_ver AND live_h != made_h) AS n_different, \
             countIf(live_ver != made_ver) AS n_moving, \
             groupArrayIf({limit})((division, school_no, {device}, live_ver, made_ver), live_ver != made_ver) AS moving \
             FROM (SELECT {keys}, sumIf(v, is_live = 1) AS live_ver, sumIf(v, is_live = 0) AS made_ver, \
             anyIf(h, is_live = 1) AS live_h, anyIf(h, is_live = 0) AS made_h \
             FROM ({} UNION ALL {}) GROUP BY {keys})",
            side(&self.live, 1),
            side(&self.made, 0),
        )
    }

    /// Per division: rows of equal `ver` that differ, and for each compared column how many of them differ in it.
    #[must_use]
    pub fn by_column(&self, day: Day) -> String {
        let counts: Vec<String> = self.columns.iter().map(|column| format!("countIf({})", unequal(column))).collect();
        let any: Vec<String> = self.columns.iter().map(unequal).collect();
        format!(
            "SELECT l.division AS division, toUInt64(countIf({})) AS n_rows, [{}] AS counts {} GROUP BY l.division \
             HAVING n_rows > 0 ORDER BY division",
            any.join(" OR "),
            counts.join(", "),
            self.joined(day),
        )
    }

    /// Some rows of equal `ver` that differ, with the columns in which they do: name, live, made.
    #[must_use]
    pub fn examples(&self, day: Day, limit: usize) -> String {
        let cells: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                format!("('{}', toString({}), toString({}))", column.name, value(column, "l."), value(column, "m."))
            })
            .collect();
        let device = if self.keys.len() == 3 { "l.device_no" } else { "toUInt32(0)" };
        format!(
            "SELECT l.division AS division, l.school_no AS school_no, {device} AS device_no, \
             arrayFilter(cell -> cell.2 != cell.3, [{}]) AS cells {} AND notEmpty(cells) LIMIT {limit}",
            cells.join(", "),
            self.joined(day),
        )
    }

    fn joined(&self, day: Day) -> String {
        let of_day = |table: &str| {
            format!("(SELECT * {} FROM {table} FINAL WHERE day = {} AND {})", self.computed(), date(day), self.shown())
        };
        format!(
            "FROM {} AS l INNER JOIN {} AS m USING ({}) WHERE {} = {}",
            of_day(&self.live),
            of_day(&self.made),
            self.keys.join(", "),
            self.events("l."),
            self.events("m."),
        )
    }

    /// Distinct events of a row that readers see.
    fn events(&self, of: &str) -> String {
        if self.keys.len() == 3 {
            format!("{of}ver - length({of}corrections)")
        } else {
            format!("{of}ver - {of}hidden_ver")
        }
    }

    /// Rows that readers see.
    fn shown(&self) -> &'static str {
        if self.keys.len() == 3 { SHOWN } else { SHOWN_SCHOOLS }
    }

    /// `*` leaves out what ClickHouse computes at the insert.
    fn computed(&self) -> &'static str {
        if self.table == "school_day" { ", online_slots" } else { "" }
    }

    fn values(&self, of: &str) -> String {
        self.columns.iter().map(|column| value(column, of)).collect::<Vec<_>>().join(", ")
    }
}

fn unequal(column: &Column) -> String {
    format!("{} != {}", value(column, "l."), value(column, "m."))
}

/// What of a column can be hashed and compared.
fn value(column: &Column, of: &str) -> String {
    let name = &column.name;
    if column.kind.starts_with("AggregateFunction(groupBitmap") {
        return format!("arraySort(bitmapToArray({of}{name}))");
    }
    if column.kind.starts_with("Nullable") {
        return format!("ifNull(toInt64({of}{name}), -1)");
    }
    format!("{of}{name}")
}

fn date(day: Day) -> String {
    format!("toDate({})", day.0.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(table: &'static str, columns: &[(&str, &str)]) -> Comparison {
        let column = |(name, kind): &(&str, &str)| Column { name: (*name).into(), kind: (*kind).into() };
        Comparison::new(table, table.into(), format!("{table}__r1"), columns.iter().map(column).collect())
    }

    #[test]
    fn every_column_is_compared_but_names_version_and_receipt() {
        let columns = [("division", "UInt32"), ("day", "Date"), ("device_no", "UInt32"), ("ver", "UInt32")];
        let mut all = columns.to_vec();
        all.extend([("used", "UInt8"), ("first_s", "Nullable(UInt32)"), ("last_received", "DateTime64(3)")]);
        all.push(("last_heartbeat", "DateTime64(3)"));
        all.extend(OF_HIDDEN.map(|name| (name, "UInt32")));
        let comparison = comparison("device_day", &all);
        assert_eq!(comparison.names().collect::<Vec<_>>(), ["used", "first_s"]);
        assert!(comparison.rows(Day(5), 9).contains("sipHash128(used, ifNull(toInt64(first_s), -1))"));
        assert!(comparison.by_column(Day(5)).contains("[countIf(l.used != m.used), "));
        assert!(
            comparison.by_column(Day(5)).matches("AND hidden = 0").count() == 2,
            "what readers do not see is left out"
        );
    }

    #[test]
    fn school_rows_have_no_device_and_sets_are_compared_as_sets() {
        let bitmap = ("session_devices", "AggregateFunction(groupBitmap, UInt32)");
        let comparison = comparison("school_day", &[("device_no", "UInt32"), bitmap]);
        assert_eq!(comparison.keys, ["division", "school_no"]);
        let text = comparison.rows(Day(5), 9);
        assert!(text.contains("arraySort(bitmapToArray(session_devices))") && text.contains("toUInt32(0)"), "{text}");
    }
}
