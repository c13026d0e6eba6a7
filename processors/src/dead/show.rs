//! Lists and shows letters.

use super::List;
use super::topic::{dead_letters, rejected};
use crate::console;
use crate::logic::cli::table;
use crate::logic::dead::{Kind, LetterId, Redriven, hex_lines};
use anyhow::Context;
use runtime::config::KafkaConfig;
use schemas::avro::{Partial, explain_event_record};
use schemas::record::{DeadRecord, RejectedRecord};
use schemas::time::format_rfc3339_ms;
use serde_json::{Value, json};

/// Bytes of a value that `show` prints as hex.
const SHOWN_BYTES: usize = 4096;

pub(super) fn list(kafka: &KafkaConfig, list: &List) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    if !list.rejected {
        let (letters, marks) = dead_letters(kafka)?;
        rows.extend(letters.iter().map(|(id, letter)| dead_row(*id, letter, marks.of(letter))));
    }
    if !list.dead {
        rows.extend(rejected(kafka)?.iter().map(|(id, event)| rejected_row(*id, event)));
    }
    let wanted = |row: &Value| list.reason.as_ref().is_none_or(|reason| row["reason"] == reason.as_str());
    rows.retain(wanted);
    if list.json {
        console::print(&Value::Array(rows).to_string());
    } else if rows.is_empty() {
        console::print("no dead letters, no rejected events");
    } else {
        console::print(&table(&cells(&rows)));
    }
    Ok(())
}

/// The rows as text; their names are the heading.
fn cells(rows: &[Value]) -> Vec<Vec<String>> {
    const NAMES: [&str; 6] = ["id", "source", "reason", "at", "redriven", "detail"];
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut cells = vec![NAMES.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| NAMES.iter().map(|name| text(&row[*name])).collect()));
    cells
}

fn dead_row(id: LetterId, letter: &DeadRecord, redriven: Option<&Redriven>) -> Value {
    json!({
        "id": id.to_string(),
        "source": format!("{}/{}/{}", letter.topic, letter.partition, letter.offset),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "reason": letter.reason,
        "detail": letter.detail,
        "at": format_rfc3339_ms(letter.at_ms),
        "key": String::from_utf8_lossy(&letter.key),
        "bytes": letter.value.len(),
        "redriven": redriven.map(|redriven| format!("{} as {}", format_rfc3339_ms(redriven.at_ms), redriven.to)),
    })
}

fn rejected_row(id: LetterId, event: &RejectedRecord) -> Value {
    json!({
        "id": id.to_string(),
        "source": format!("device {}, event {} of a post", event.device_no, event.index),
        "device_no": event.device_no,
        "boot_id": event.boot_id.to_string(),
        "index": event.index,
        "reason": event.code.as_str(),
        "detail": event.detail,
        "at": format_rfc3339_ms(event.received_at_ms),
        "bytes": event.raw.len(),
        "redriven": Value::Null,
    })
}

pub(super) fn show(kafka: &KafkaConfig, id: LetterId, as_json: bool) -> anyhow::Result<()> {
    let (mut row, bytes) = match id.kind {
        Kind::Dead => {
            let (letters, marks) = dead_letters(kafka)?;
            let (_, letter) = letters.into_iter().find(|(found, _)| *found == id).context(missing(id))?;
            let mut row = dead_row(id, &letter, marks.of(&letter));
            row["decoded"] = decoded(&explain_event_record(&letter.value));
            (row, letter.value)
        }
        Kind::Rejected => {
            let (_, event) = rejected(kafka)?.into_iter().find(|(found, _)| *found == id).context(missing(id))?;
            let mut row = rejected_row(id, &event);
            row["decoded"] = serde_json::from_slice(&event.raw).unwrap_or(Value::Null);
            (row, event.raw)
        }
    };
    if as_json {
        row["hex"] = Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        console::print(&row.to_string());
        return Ok(());
    }
    let decoded = row["decoded"].take();
    let fields = row.as_object().into_iter().flatten().filter(|(name, value)| *name != "decoded" && !value.is_null());
    let fields =
        fields.map(|(name, value)| vec![name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
    console::print(&table(&fields.collect::<Vec<_>>()));
    console::print(&format!("\ndecoded\n{decoded:#}"));
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(&bytes);
    console::print(&format!("\n{} bytes, {} shown\n{}", bytes.len(), shown.len(), hex_lines(shown)));
    Ok(())
}

fn missing(id: LetterId) -> String {
    format!("there is no letter {id}: `dead list` prints those that there are")
}

/// What could be read of a record, and where reading ended.
fn decoded(partial: &Partial) -> Value {
    let fields = partial.fields.iter().map(|(name, text)| ((*name).to_owned(), Value::String(text.clone())));
    let mut object: serde_json::Map<String, Value> = fields.collect();
    object.insert("schema_id".to_owned(), json!(partial.schema_id));
    let events = partial.events.iter().filter_map(|event| serde_json::to_value(event).ok());
    object.insert("events".to_owned(), Value::Array(events.collect()));
    if let Some((byte, field, error)) = &partial.stopped {
        object.insert("stopped".to_owned(), json!({"at_byte": byte, "in": field, "because": error.to_string()}));
    }
    Value::Object(object)
}
