//! Tables as CSV, NDJSON, Arrow and Parquet.

use super::format::Format;
use super::problem::Problem;
use crate::logic::table::{Column, Table, formula_safe};
use arrow_array::RecordBatch;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt64Array};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// The table in a flat format.
///
/// # Errors
/// A writer failed: a fault of ours.
pub fn encode(format: Format, table: &Table) -> Result<Bytes, Problem> {
    match format {
        Format::Csv => csv(table),
        Format::Ndjson | Format::Json => ndjson(table),
        Format::Arrow => arrow_stream(table),
        Format::Parquet => parquet_file(table),
    }
}

fn csv(table: &Table) -> Result<Bytes, Problem> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
    writer.write_record(table.columns.iter().map(|(name, _)| name)).map_err(|_| Problem::Encode)?;
    for row in 0..table.rows() {
        writer.write_record(table.columns.iter().map(|(_, column)| cell(column, row))).map_err(|_| Problem::Encode)?;
    }
    writer.flush().map_err(|_| Problem::Encode)?;
    drop(writer);
    Ok(bytes.into())
}

fn cell(column: &Column, row: usize) -> String {
    match column {
        Column::Text(values) => values[row].as_deref().map(formula_safe).unwrap_or_default().into_owned(),
        Column::Int(values) => values[row].map_or_else(String::new, |value| value.to_string()),
        Column::Float(values) => values[row].map_or_else(String::new, |value| value.to_string()),
        Column::Bool(values) => values[row].map_or_else(String::new, |value| value.to_string()),
    }
}

fn ndjson(table: &Table) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    for row in 0..table.rows() {
        let object: serde_json::Map<String, Value> =
            table.columns.iter().map(|(name, column)| (name.clone(), value(column, row))).collect();
        serde_json::to_writer(&mut bytes, &object).map_err(|_| Problem::Encode)?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}

fn value(column: &Column, row: usize) -> Value {
    match column {
        Column::Text(values) => values[row].clone().into(),
        Column::Int(values) => values[row].into(),
        Column::Float(values) => values[row].into(),
        Column::Bool(values) => values[row].into(),
    }
}

fn batch(table: &Table) -> Result<RecordBatch, Problem> {
    let columns = table.columns.iter().map(|(name, column)| (name, array(column), true));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|_| Problem::Encode)
}

fn array(column: &Column) -> ArrayRef {
    match column {
        Column::Text(values) => Arc::new(StringArray::from_iter(values.iter())),
        Column::Int(values) => Arc::new(UInt64Array::from(values.clone())),
        Column::Float(values) => Arc::new(Float64Array::from(values.clone())),
        Column::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
    }
}

fn arrow_stream(table: &Table) -> Result<Bytes, Problem> {
    let batch = batch(table)?;
    let mut bytes = Vec::new();
    let writer = arrow_ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema());
    let mut writer = writer.map_err(|_| Problem::Encode)?;
    writer.write(&batch).and_then(|()| writer.finish()).map_err(|_| Problem::Encode)?;
    drop(writer);
    Ok(bytes.into())
}

fn parquet_file(table: &Table) -> Result<Bytes, Problem> {
    let batch = batch(table)?;
    let mut bytes = Vec::new();
    let writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None);
    let mut writer = writer.map_err(|_| Problem::Encode)?;
    writer.write(&batch).map_err(|_| Problem::Encode)?;
    writer.close().map_err(|_| Problem::Encode)?;
    Ok(bytes.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        table.text("name", [Some("=天河, \"一\"".to_owned()), None]);
        table.int("n", [Some(7), None]);
        table.float("rate", [Some(0.5), None]);
        table.bool("on", [Some(true), None]);
        table
    }

    #[test]
    fn csv_has_a_mark_quotes_and_no_formulas() {
        let text = String::from_utf8(encode(Format::Csv, &table()).unwrap().to_vec()).unwrap();
        assert_eq!(text, "\u{feff}name,n,rate,on\r\n\"'=天河, \"\"一\"\"\",7,0.5,true\r\n,,,\r\n");
    }

    #[test]
    fn ndjson_keeps_text_as_it_is() {
        let text = String::from_utf8(encode(Format::Ndjson, &table()).unwrap().to_vec()).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0], serde_json::json!({"name": "=天河, \"一\"", "n": 7, "rate": 0.5, "on": true}));
        assert_eq!(rows[1]["rate"], Value::Null);
    }

    #[test]
    fn arrow_reads_back_what_was_written() {
        let bytes = encode(Format::Arrow, &table()).unwrap();
        let reader = arrow_ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(batches, [batch(&table()).unwrap()]);
    }

    #[test]
    fn parquet_reads_back_what_was_written() {
        let bytes = encode(Format::Parquet, &table()).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes, 1024).unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(batches, [batch(&table()).unwrap()]);
    }

    #[test]
    fn tables_without_rows_are_still_tables() {
        let mut empty = Table::default();
        empty.text("name", []);
        for format in [Format::Csv, Format::Arrow, Format::Parquet] {
            assert!(!encode(format, &empty).unwrap().is_empty());
        }
    }
}
