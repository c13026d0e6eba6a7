//! The Avro codec against the published schemas: equality with `apache-avro`, hostile bytes, compatibility of versions.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod arbitrary;
mod compatibility;
mod equality;
mod hostile;
mod json;
mod memory;
mod post;
mod published;
mod value;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;

/// The embedded schema of an id.
fn schema(id: u32) -> Schema {
    let entry = schemas::avro::SCHEMAS.iter().find(|entry| entry.id == id).unwrap();
    Schema::parse_str(entry.text).unwrap()
}

/// What apache-avro reads out of a framed value, to its last byte.
fn read_by_apache(schema: &Schema, framed: &[u8]) -> Value {
    let mut body = &framed[5..];
    let value = GenericDatumReader::builder(schema).build().unwrap().read_value(&mut body).unwrap();
    assert!(body.is_empty(), "apache-avro left {} bytes", body.len());
    value
}

/// What apache-avro writes for a value, framed.
fn written_by_apache(schema: &Schema, id: u32, value: Value) -> Vec<u8> {
    let mut framed = frame(id);
    GenericDatumWriter::builder(schema).build().unwrap().write_value(&mut framed, value).unwrap();
    framed
}

fn frame(id: u32) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(id.to_be_bytes());
    bytes
}
