//! The tables of `schemas/clickhouse` against the rows that are written to them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use schemas::registry::{DeviceKind, DeviceState, Level, SchoolStatus};
use schemas::rows::MIGRATIONS;
use std::collections::BTreeMap;

/// A column as declared.
#[derive(Debug)]
struct Column {
    name: String,
    /// The type and what follows it.
    declaration: String,
}

impl Column {
    /// The type alone: up to the first space outside parentheses.
    fn sql_type(&self) -> &str {
        let mut depth = 0;
        let end = self.declaration.char_indices().find(|&(_, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0 && c == ' '
        });
        &self.declaration[..end.map_or(self.declaration.len(), |(at, _)| at)]
    }

    /// ClickHouse computes it from others.
    fn computed(&self) -> bool {
        [" DEFAULT ", " MATERIALIZED ", " ALIAS "].iter().any(|word| self.declaration.contains(word))
    }

    fn commented(&self) -> bool {
        self.declaration.split_once(" COMMENT '").is_some_and(|(_, comment)| !comment.starts_with('\''))
    }
}

type Tables = BTreeMap<String, Vec<Column>>;

/// Tables by name. The migrations have one column a line between a line `(` and a line `)`; a column that came later is
/// added by a statement on one line, which ends with the column it stands after.
fn tables(sql: &str) -> Tables {
    let mut tables = Tables::new();
    for statement in sql.split("CREATE TABLE IF NOT EXISTS {database}.").skip(1) {
        let (name, rest) = statement.split_once("\n(\n").unwrap();
        let (columns, _) = rest.split_once("\n)\n").unwrap();
        tables.insert(name.to_owned(), columns.lines().map(column).collect());
    }
    sql.lines().filter_map(|line| line.split_once(" ADD COLUMN IF NOT EXISTS ")).for_each(|(table, rest)| {
        let (added, before) = rest.split_once(" AFTER ").unwrap();
        let name =
            table.trim_start_matches("ALTER TABLE {database}.").trim_matches(['{', '}']).trim_start_matches("each:");
        let columns = tables.get_mut(name).unwrap();
        let at = columns.iter().position(|column| column.name == before.trim_end_matches(';')).unwrap();
        columns.insert(at + 1, column(added));
    });
    tables
}

fn column(line: &str) -> Column {
    let (name, declaration) = line.trim().trim_end_matches(',').split_once(' ').unwrap();
    Column { name: name.to_owned(), declaration: declaration.trim().to_owned() }
}

fn migrated() -> Tables {
    let sql: Vec<&str> = MIGRATIONS.iter().map(|(_, _, sql)| *sql).collect();
    tables(&sql.join("\n"))
}

/// Rows by table: each field's name on the wire and its type, from the source of `rows.rs`.
fn rows(source: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut rows = BTreeMap::new();
    for part in source.split("/// Table `").skip(1) {
        let (table, rest) = part.split_once('`').unwrap();
        let (_, body) = rest.split_once(" {\n").unwrap();
        let (fields, _) = body.split_once("\n}\n").unwrap();
        rows.insert(table.to_owned(), fields_of(fields));
    }
    rows
}

fn fields_of(body: &str) -> Vec<(String, String)> {
    let mut renamed = None;
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[serde(rename = \"") {
            renamed = name.split('"').next().map(str::to_owned);
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|field| field.split_once(": ")) {
            let name = renamed.take().unwrap_or_else(|| name.to_owned());
            fields.push((name, kind.trim_end_matches(',').to_owned()));
        }
    }
    fields
}

/// The Rust type that carries a ClickHouse type in RowBinary.
fn carrier(sql_type: &str) -> String {
    let inside = |name: &str| sql_type.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(inner) = inside("Array") {
        return format!("Vec<{}>", carrier(inner));
    }
    if let Some(inner) = inside("Nullable") {
        return format!("Option<{}>", carrier(inner));
    }
    match sql_type.split('(').next().unwrap() {
        "UInt8" => "u8",
        "UInt16" | "Date" => "u16",
        "UInt32" => "u32",
        "UInt64" => "u64",
        "Int64" | "DateTime64" => "i64",
        "Enum8" => "i8",
        "String" | "LowCardinality" => "String",
        "UUID" => "Uuid",
        other => other,
    }
    .to_owned()
}

/// What a row and its table do not have in common.
fn differences(columns: &[Column], fields: &[(String, String)]) -> Vec<String> {
    let written: Vec<_> = columns.iter().filter(|column| !column.computed()).collect();
    let mut differences = Vec::new();
    if written.len() != fields.len() {
        differences.push(format!("{} columns, {} fields", written.len(), fields.len()));
    }
    for (column, (name, kind)) in written.iter().zip(fields) {
        if &column.name != name {
            differences.push(format!("column {}, field {name}", column.name));
        } else if carrier(column.sql_type()) != *kind {
            differences.push(format!("{name}: {} is not carried by {kind}", column.sql_type()));
        }
    }
    differences
}

#[test]
fn every_column_has_a_comment() {
    let tables = migrated();
    assert!(tables.len() >= 9, "{:?}", tables.keys());
    for (table, columns) in &tables {
        let bare: Vec<&str> = columns.iter().filter(|c| !c.commented()).map(|c| c.name.as_str()).collect();
        assert!(bare.is_empty(), "{table}: {bare:?} without a COMMENT");
    }
}

#[test]
fn every_row_has_the_columns_of_its_table() {
    let tables = migrated();
    let rows = rows(include_str!("../src/rows.rs"));
    assert!(rows.len() >= 9, "{:?}", rows.keys());
    for (table, fields) in &rows {
        assert_eq!(differences(&tables[table], fields), Vec::<String>::new(), "{table}");
    }
}

#[test]
fn enums_are_the_indices_of_their_wire_names() {
    let tables = migrated();
    let declared = |table: &str, name: &str| {
        let column = tables[table].iter().find(|column| column.name == name).unwrap();
        column.sql_type().to_owned()
    };
    fn enum8(names: impl Iterator<Item = &'static str>) -> String {
        let symbols: Vec<String> = names.enumerate().map(|(i, name)| format!("'{name}' = {i}")).collect();
        format!("Enum8({})", symbols.join(", "))
    }
    assert_eq!(declared("orgs", "level"), enum8(Level::ALL.iter().map(|l| l.as_str())));
    assert_eq!(declared("orgs", "status"), enum8(SchoolStatus::ALL.iter().map(|s| s.as_str())));
    assert_eq!(declared("devices", "kind"), enum8(DeviceKind::ALL.iter().map(|k| k.as_str())));
    assert_eq!(declared("devices", "state"), enum8(DeviceState::ALL.iter().map(|s| s.as_str())));
}

/// Negative control: the checks see a missing comment, a missing column, another name and another type.
#[test]
fn broken_tables_are_found() {
    let sql = "CREATE TABLE IF NOT EXISTS {database}.t\n(\n    a UInt32 COMMENT 'a',\n    b Array(UInt16) COMMENT '',\n    \
               c Date DEFAULT today() COMMENT 'c'\n)\nENGINE = Memory;";
    let tables = tables(sql);
    let columns = &tables["t"];
    assert_eq!(columns.iter().map(Column::commented).collect::<Vec<_>>(), [true, false, true]);
    let fields = |b: &str, kind: &str| {
        let source = format!("/// Table `t`.\npub struct T {{\n    pub a: u32,\n    pub {b}: {kind},\n}}\n");
        rows(&source).remove("t").unwrap()
    };
    assert_eq!(differences(columns, &fields("b", "Vec<u16>")), Vec::<String>::new());
    assert_eq!(differences(columns, &fields("x", "Vec<u16>")), ["column b, field x"]);
    assert_eq!(differences(columns, &fields("b", "Vec<u32>")), ["b: Array(UInt16) is not carried by Vec<u32>"]);
    assert_eq!(differences(columns, &fields("b", "Vec<u16>")[..1]), ["2 columns, 1 fields"]);
}
