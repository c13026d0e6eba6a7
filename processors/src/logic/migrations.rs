//! Which migrations are due, and what their statements are.

use crate::logic::digest::hex;
use sha2::{Digest, Sha256};

/// One numbered migration: number, name, statements.
pub type Migration = (u32, &'static str, &'static str);

/// A migration as the database remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Number.
    pub number: u32,
    /// Name.
    pub name: String,
    /// [`checksum`] of its text.
    pub checksum: String,
}

/// The database and this build disagree about the past.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The text of an applied migration was changed.
    #[error(
        "migration {number} ({name}) was applied with checksum {applied}, but this build has {ours}: \
             an applied migration must not be changed, add a new one"
    )]
    Changed {
        /// Number.
        number: u32,
        /// Name in this build.
        name: String,
        /// What the database has.
        applied: String,
        /// What this build has.
        ours: String,
    },
    /// The database is ahead of this build.
    #[error("the database has migration {number} ({name}), which this build does not know: run a newer build")]
    Unknown {
        /// Number.
        number: u32,
        /// Name in the database.
        name: String,
    },
}

/// The migrations that are still due, in order.
///
/// # Errors
/// An applied migration was changed, or is not known to this build.
pub fn due<'a>(known: &'a [Migration], applied: &[Applied]) -> Result<Vec<&'a Migration>, PlanError> {
    for row in applied {
        let Some((number, name, text)) = known.iter().find(|(number, ..)| *number == row.number) else {
            return Err(PlanError::Unknown { number: row.number, name: row.name.clone() });
        };
        let ours = checksum(text);
        if ours != row.checksum {
            let applied = row.checksum.clone();
            return Err(PlanError::Changed { number: *number, name: (*name).to_owned(), applied, ours });
        }
    }
    Ok(known.iter().filter(|(number, ..)| applied.iter().all(|row| row.number != *number)).collect())
}

/// SHA-256 of a migration's text, in hex.
#[must_use]
pub fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The statements of a migration, ready to send: they end with a semicolon at the end of a line; lines that are only a
/// comment are left out. A statement that names `{each:device_day}` is there once for this table and once for that of
/// every ledger set (`device_day__r3`) among `tables`.
#[must_use]
pub fn statements(text: &str, database: &str, tables: &[String]) -> Vec<String> {
    let mut statements = Vec::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
        match line.trim_end().strip_suffix(';') {
            Some(last) => {
                current.push_str(last);
                statements.push(std::mem::take(&mut current));
            }
            None => {
                current.push_str(line);
                current.push('\n');
            }
        }
    }
    statements.push(current);
    statements.retain(|statement| !statement.trim().is_empty());
    let statements = statements.iter().map(|statement| statement.trim().replace("{database}", database));
    statements.flat_map(|statement| of_each_set(statement, tables)).collect()
}

fn of_each_set(statement: String, tables: &[String]) -> Vec<String> {
    let Some((before, rest)) = statement.split_once("{each:") else { return vec![statement] };
    let Some((table, after)) = rest.split_once('}') else { return vec![statement] };
    let of_sets = tables.iter().filter(|name| name.strip_prefix(table).is_some_and(|rest| rest.starts_with("__")));
    let names = std::iter::once(table).chain(of_sets.map(String::as_str));
    names.map(|name| format!("{before}{name}{after}")).collect()
}

/// A database's name can stand in a statement as it is: letters, digits and `_`, no digit first.
#[must_use]
pub fn is_plain_identifier(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::rows::MIGRATIONS;

    const KNOWN: &[Migration] = &[(1, "one", "CREATE a;\n"), (2, "two", "CREATE b;\n")];

    fn applied(number: u32, text: &str) -> Applied {
        Applied { number, name: "one".into(), checksum: checksum(text) }
    }

    #[test]
    fn only_what_was_not_applied_is_due() {
        assert_eq!(due(KNOWN, &[]).unwrap(), KNOWN.iter().collect::<Vec<_>>());
        assert_eq!(due(KNOWN, &[applied(1, "CREATE a;\n")]).unwrap(), vec![&KNOWN[1]]);
    }

    #[test]
    fn a_changed_or_unknown_migration_is_refused() {
        assert!(matches!(due(KNOWN, &[applied(1, "CREATE A;\n")]), Err(PlanError::Changed { number: 1, .. })));
        assert!(matches!(due(KNOWN, &[applied(9, "")]), Err(PlanError::Unknown { number: 9, .. })));
    }

    #[test]
    fn statements_end_with_a_semicolon_at_the_end_of_a_line() {
        let text = "-- a; comment;\nCREATE TABLE {database}.t\n(a UInt8 COMMENT 'x; y')\n;\n\nSELECT 1;\n-- end\n";
        assert_eq!(statements(text, "d", &[]), ["CREATE TABLE d.t\n(a UInt8 COMMENT 'x; y')", "SELECT 1"]);
    }

    #[test]
    fn every_shipped_statement_creates_something_in_the_database() {
        let all: Vec<String> = MIGRATIONS.iter().flat_map(|(_, _, text)| statements(text, "d", &[])).collect();
        assert!(all.len() >= 18);
        assert!(all.iter().all(|sql| sql.contains(" d.") && !sql.contains('{')), "{all:?}");
    }

    #[test]
    fn a_statement_reaches_the_tables_of_every_ledger_set() {
        let tables = ["county_day__r1", "device_day", "device_day__r1", "device_day_final"].map(String::from);
        let found = statements("ALTER TABLE {database}.{each:device_day} ADD c;", "d", &tables);
        assert_eq!(found, ["ALTER TABLE d.device_day ADD c", "ALTER TABLE d.device_day__r1 ADD c"]);
    }

    #[test]
    fn names_that_need_quoting_are_not_plain() {
        assert!(is_plain_identifier("classpulse_2"));
        for name in ["", "2x", "a-b", "a;b", "a b", "学"] {
            assert!(!is_plain_identifier(name), "{name}");
        }
    }
}
