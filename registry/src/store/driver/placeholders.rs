//! Placeholders of statements that are put together at run time.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// `?` as PostgreSQL writes it: `$1`, `$2`, … in order. The query builder writes `?` because SQLite walks a list of all
/// names for each value that is bound by name, which takes long for thousands of rows. Fixed statements have numbers.
pub fn numbered(sql: SqlStr) -> SqlStr {
    if !sql.as_str().contains('?') {
        return sql;
    }
    AssertSqlSafe(replaced(sql.as_str())).into_sql_str()
}

fn replaced(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() * 2);
    let (mut count, mut quoted) = (0, false);
    for character in sql.chars() {
        quoted ^= character == '\'';
        if character == '?' && !quoted {
            count += 1;
            out.push_str(&format!("${count}"));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_are_numbered_but_not_those_in_texts() {
        let sql = |text: &'static str| numbered(text.into_sql_str()).as_str().to_owned();
        assert_eq!(sql("SELECT 1 WHERE a = ? AND b IN (NULL, ?, ?)"), "SELECT 1 WHERE a = $1 AND b IN (NULL, $2, $3)");
        assert_eq!(sql("SELECT '?', 'it''s ?', ?"), "SELECT '?', 'it''s ?', $1");
        assert_eq!(sql("UPDATE t SET a = $2 WHERE b = $1"), "UPDATE t SET a = $2 WHERE b = $1");
    }
}
