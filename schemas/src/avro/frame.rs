//! Confluent framing: `0x00`, the schema's id in four bytes big-endian, the Avro binary.

use super::{CodecError, Reader, Writer};

/// First byte of every framed value.
pub const MAGIC: u8 = 0;

/// The schema id of a framed value; `None` if it is not framed.
#[must_use]
pub fn frame_id(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [MAGIC, a, b, c, d, ..] => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    }
}

/// Appends a frame of schema `id` around what `body` writes.
pub(super) fn framed(id: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Writer<'_>)) {
    out.push(MAGIC);
    out.extend_from_slice(&id.to_be_bytes());
    body(&mut Writer::new(out));
}

/// Reads one framed value of schema `expected`, to the last byte.
pub(super) fn unframed<'a, T>(
    expected: u32,
    bytes: &'a [u8],
    body: impl FnOnce(&mut Reader<'a>) -> Result<T, CodecError>,
) -> Result<T, CodecError> {
    let found = frame_id(bytes).ok_or(CodecError::Framing)?;
    if found != expected {
        return Err(CodecError::SchemaId { found, expected });
    }
    let mut reader = Reader::new(bytes.get(5..).unwrap_or_default());
    let value = body(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
