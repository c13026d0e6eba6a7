//! Ledger sets: tables of the same shape beside each other, told apart by a suffix. Workers write their own set;
//! readers read one of them, and which one can be swapped.

/// Tables that every set has, without the suffix.
pub const TABLES: [&str; 5] = ["device_day", "network_day", "school_day", "school_network_day", "county_day"];

/// The set whose tables have no suffix: what the ledgers' own group folds.
pub const LIVE: &str = "live";

/// The rows of `device_day` and `network_day` that readers see: a correction that reaches back may have put a day elsewhere,
/// where it has another row.
pub const SHOWN: &str = "hidden = 0";

/// The rows of `school_day` and `school_network_day` that readers see: with at least one device row that they see.
pub const SHOWN_SCHOOLS: &str = "ver > hidden_ver";

/// Name of a ledger set: `live`, or a letter and up to 15 letters and digits (it becomes part of table names).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName(String);

impl SetName {
    /// The set without a suffix.
    #[must_use]
    pub fn live() -> SetName {
        SetName(LIVE.to_owned())
    }

    /// Takes a name that can stand in a table's.
    #[must_use]
    pub fn parse(text: &str) -> Option<SetName> {
        let letter = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        (letter && plain && text.len() <= 16).then(|| SetName(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its tables' names end with.
    #[must_use]
    pub fn suffix(&self) -> String {
        if self.is_live() { String::new() } else { format!("__{}", self.0) }
    }

    /// A table of the set.
    #[must_use]
    pub fn table(&self, table: &str) -> String {
        format!("{table}{}", self.suffix())
    }

    /// It is the set without a suffix.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0 == LIVE
    }
}

impl std::fmt::Display for SetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a statement read the tables of a set: in `FROM` and `JOIN`, each of [`TABLES`] gets the suffix. Columns of the
/// same name (`school_day`) stay as they are.
#[must_use]
pub fn with_suffix(statement: &str, suffix: &str) -> String {
    let mut text = String::with_capacity(statement.len() + 4 * suffix.len());
    let (mut rest, mut after_from) = (statement, false);
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = if word_end > 0 { rest.split_at(word_end) } else { rest.split_at(first_char(rest)) };
        text.push_str(word);
        if word_end > 0 {
            if after_from && TABLES.contains(&word) {
                text.push_str(suffix);
            }
            after_from = word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("join");
        } else if !word.trim().is_empty() {
            after_from = false;
        }
        rest = tail;
    }
    text
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_a_tables_name() {
        assert_eq!(SetName::parse("r3").unwrap().table("device_day"), "device_day__r3");
        assert_eq!(SetName::parse("live").unwrap().table("device_day"), "device_day");
        for name in ["", "3r", "R3", "r-3", "r3;", "a_b", "abcdefghijklmnopq"] {
            assert_eq!(SetName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn only_tables_of_a_set_get_its_suffix() {
        let check = |from: &str, to: &str| assert_eq!(with_suffix(from, "__r3"), to);
        check("SELECT 1 FROM school_day FINAL WHERE x", "SELECT 1 FROM school_day__r3 FINAL WHERE x");
        check("SELECT a from\n  device_day", "SELECT a from\n  device_day__r3");
        check("FROM a JOIN network_day USING (b)", "FROM a JOIN network_day__r3 USING (b)");
        check("FROM roster_day FINAL WHERE school_day = 1", "FROM roster_day FINAL WHERE school_day = 1");
        check("FROM (SELECT school_day FROM county_day)", "FROM (SELECT school_day FROM county_day__r3)");
        check("SELECT '学' AS x, 1 FROM orgs", "SELECT '学' AS x, 1 FROM orgs");
        check("FROM device_day_final", "FROM device_day_final");
        assert_eq!(with_suffix("FROM school_day", ""), "FROM school_day");
    }
}
