//! Look-ups in the embedded schemas, as the Schema Registry API words them.

use schemas::avro::SCHEMAS;
use schemas::avro::ids::SchemaEntry;
use serde_json::{Value, json};

/// What the API cannot give; the code's first three digits are the status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// 40401
    #[error("Subject '{0}' not found.")]
    Subject(String),
    /// 40402
    #[error("Version {0} not found.")]
    Version(String),
    /// 40403
    #[error("Schema not found")]
    Schema,
    /// 42202
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion(String),
    /// 42205
    #[error("Subject '{0}' is in read-only mode")]
    ReadOnly(String),
}

impl SchemaError {
    /// The API's error code.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            SchemaError::Subject(_) => 40401,
            SchemaError::Version(_) => 40402,
            SchemaError::Schema => 40403,
            SchemaError::InvalidVersion(_) => 42202,
            SchemaError::ReadOnly(_) => 42205,
        }
    }
}

/// The subjects, ascending.
#[must_use]
pub fn subjects() -> Vec<&'static str> {
    let mut subjects: Vec<_> = SCHEMAS.iter().map(|entry| entry.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// The look-ups.
#[derive(Debug)]
pub struct Lookup;

impl Lookup {
    /// The versions of a subject, ascending.
    ///
    /// # Errors
    /// 40401
    pub fn subject(subject: &str) -> Result<Vec<SchemaEntry>, SchemaError> {
        let mut entries: Vec<_> = SCHEMAS.iter().filter(|entry| entry.subject == subject).copied().collect();
        entries.sort_unstable_by_key(|entry| entry.version);
        if entries.is_empty() { Err(SchemaError::Subject(subject.to_owned())) } else { Ok(entries) }
    }

    /// One version of a subject, by number, `latest` or `-1`.
    ///
    /// # Errors
    /// 40401, 40402, 42202
    pub fn version(subject: &str, version: &str) -> Result<SchemaEntry, SchemaError> {
        let entries = Lookup::subject(subject)?;
        let missing = || SchemaError::Version(version.to_owned());
        if version == "latest" || version == "-1" {
            return entries.last().copied().ok_or_else(missing);
        }
        let number: u32 = match version.parse() {
            Ok(number) if number > 0 => number,
            _ => return Err(SchemaError::InvalidVersion(version.to_owned())),
        };
        entries.into_iter().find(|entry| entry.version == number).ok_or_else(missing)
    }

    /// A schema by its id.
    ///
    /// # Errors
    /// 40403
    pub fn id(id: &str) -> Result<SchemaEntry, SchemaError> {
        let id: u32 = id.parse().map_err(|_| SchemaError::Schema)?;
        SCHEMAS.iter().find(|entry| entry.id == id).copied().ok_or(SchemaError::Schema)
    }

    /// The version of a subject that is this schema, documentation and formatting aside.
    ///
    /// # Errors
    /// 40401, 40403
    pub fn same(subject: &str, schema: &str) -> Result<SchemaEntry, SchemaError> {
        let entries = Lookup::subject(subject)?;
        let asked = essence(schema).ok_or(SchemaError::Schema)?;
        let same = |entry: &SchemaEntry| essence(entry.text).as_ref() == Some(&asked);
        entries.into_iter().rev().find(same).ok_or(SchemaError::Schema)
    }

    /// A version in full.
    #[must_use]
    pub fn describe(entry: &SchemaEntry) -> Value {
        json!({"subject": entry.subject, "version": entry.version, "id": entry.id, "schema": entry.text})
    }
}

fn essence(schema: &str) -> Option<Value> {
    let mut schema = serde_json::from_str(schema).ok()?;
    strip(&mut schema);
    Some(schema)
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("doc");
            members.values_mut().for_each(strip);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
