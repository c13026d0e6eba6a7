//! Values of the telemetry topics.

use super::events::{Streams, read_events};
use super::frame::{frame_id, framed, unframed};
use super::wire::{Wire, record};
use super::{CodecError, Reader, Writer, ids};
use crate::codes::EventCode;
use crate::record::{Belonging, Correction, DeadRecord, EventRecord, RejectedRecord};

record!(Belonging { school_no, class_no, division, in_service, from_day, until_day });
record!(Correction { seq, marker, school_no, class_no, division, in_service });
record!(RejectedRecord { device_no, boot_id, received_at_ms, index, code, detail, raw });
record!(DeadRecord { topic, partition, offset, group, reason, detail, at_ms, key, value });

/// `string`: codes are added over time, which an Avro enum would not survive.
impl Wire for EventCode {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.as_str());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        EventCode::parse(reader.string()?).ok_or(CodecError::Symbol)
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        reader.bytes().map(drop)
    }
}

/// Appends a framed value of `telemetry.events.v1`: of the first version, unless it carries a correction.
pub fn encode_event_record(record: &EventRecord, out: &mut Vec<u8>) {
    match record.correction {
        None => framed(ids::EVENT_RECORD, out, |writer| write_events(record, writer)),
        Some(_) => framed(ids::CORRECTED_EVENT_RECORD, out, |writer| {
            write_events(record, writer);
            record.correction.write(writer);
        }),
    }
}

fn write_events(record: &EventRecord, writer: &mut Writer<'_>) {
    record.device_no.write(writer);
    record.boot_id.write(writer);
    record.agent.write(writer);
    record.received_at_ms.write(writer);
    record.clock_offset_ms.write(writer);
    record.belonging.write(writer);
    record.events.write(writer);
}

/// Reads a framed value of `telemetry.events.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_event_record(bytes: &[u8]) -> Result<EventRecord, CodecError> {
    decode_event_record_for(bytes, Streams::ALL)
}

/// Reads a framed value of `telemetry.events.v1`, of the events only the wanted streams; the others' arrays are
/// passed over and left empty.
///
/// # Errors
/// See [`CodecError`]; faults of values inside unwanted events may stay unnoticed.
pub fn decode_event_record_for(bytes: &[u8], wanted: Streams) -> Result<EventRecord, CodecError> {
    let corrected = frame_id(bytes) == Some(ids::CORRECTED_EVENT_RECORD);
    let id = if corrected { ids::CORRECTED_EVENT_RECORD } else { ids::EVENT_RECORD };
    unframed(id, bytes, |reader| {
        Ok(EventRecord {
            device_no: Wire::read(reader)?,
            boot_id: Wire::read(reader)?,
            agent: Wire::read(reader)?,
            received_at_ms: Wire::read(reader)?,
            clock_offset_ms: Wire::read(reader)?,
            belonging: Wire::read(reader)?,
            events: read_events(reader, wanted)?,
            correction: if corrected { Wire::read(reader)? } else { None },
        })
    })
}

/// Appends a framed value of `telemetry.rejected.v1`.
pub fn encode_rejected_record(record: &RejectedRecord, out: &mut Vec<u8>) {
    framed(ids::REJECTED_RECORD, out, |writer| record.write(writer));
}

/// Reads a framed value of `telemetry.rejected.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_rejected_record(bytes: &[u8]) -> Result<RejectedRecord, CodecError> {
    unframed(ids::REJECTED_RECORD, bytes, RejectedRecord::read)
}

/// Appends a framed value of `telemetry.dead.v1`.
pub fn encode_dead_record(record: &DeadRecord, out: &mut Vec<u8>) {
    framed(ids::DEAD_RECORD, out, |writer| record.write(writer));
}

/// Reads a framed value of `telemetry.dead.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_dead_record(bytes: &[u8]) -> Result<DeadRecord, CodecError> {
    unframed(ids::DEAD_RECORD, bytes, DeadRecord::read)
}
