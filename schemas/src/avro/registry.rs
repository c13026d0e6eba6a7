//! Values of the registry topics.

use super::frame::{framed, unframed};
use super::wire::{Wire, record, symbols};
use super::{CodecError, Reader, Writer, ids};
use crate::registry::{
    Bells, BelongingFrom, CalendarSpan, CorrectionRecord, DeviceKind, DeviceRecord, DeviceState, Level, OrgRecord,
    SchoolStatus, Shift, StatusSpan,
};

symbols!(Level, SchoolStatus, DeviceKind, DeviceState);

record!(CalendarSpan { from_day, until_day, school_day, name, provisional });
record!(Bells { from_day, lessons });
record!(StatusSpan { from_day, status });
record!(OrgRecord {
    id,
    level,
    name,
    parent,
    division,
    school_no,
    class_no,
    school_type,
    status,
    calendar,
    bells,
    batch,
    pilot,
    rev,
    updated_at_ms
});
record!(BelongingFrom { from_day, school_no, class_no, division, in_service });
record!(DeviceRecord {
    device_no,
    device_id,
    kind,
    state,
    token_gen,
    revoked,
    enrolled_at_ms,
    belongings,
    rev,
    updated_at_ms
});

record!(Shift {
    device_no,
    from_day,
    until_day,
    old_school_no,
    old_class_no,
    old_division,
    old_in_service,
    school_no,
    class_no,
    division,
    in_service
});
record!(CorrectionRecord {
    no,
    seq,
    kind,
    object,
    from_day,
    until_day,
    reason,
    proposed_by,
    approved_by,
    approved_at_ms,
    shifts,
    rev
});

/// Record `Lesson`.
impl Wire for (u32, u32) {
    const MIN_BYTES: usize = 2;

    fn write(&self, writer: &mut Writer<'_>) {
        self.0.write(writer);
        self.1.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok((u32::read(reader)?, u32::read(reader)?))
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), CodecError> {
        u32::skip(reader)?;
        u32::skip(reader)
    }
}

/// Appends a framed value of `registry.orgs.v1`.
pub fn encode_org_record(record: &OrgRecord, out: &mut Vec<u8>) {
    framed(ids::ORG_RECORD, out, |writer| record.write(writer));
}

/// Reads a framed value of `registry.orgs.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_org_record(bytes: &[u8]) -> Result<OrgRecord, CodecError> {
    unframed(ids::ORG_RECORD, bytes, OrgRecord::read)
}

/// Appends a framed value of `registry.devices.v1`.
pub fn encode_device_record(record: &DeviceRecord, out: &mut Vec<u8>) {
    framed(ids::DEVICE_RECORD, out, |writer| record.write(writer));
}

/// Reads a framed value of `registry.devices.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_device_record(bytes: &[u8]) -> Result<DeviceRecord, CodecError> {
    unframed(ids::DEVICE_RECORD, bytes, DeviceRecord::read)
}

/// Appends a framed value of `registry.corrections.v1`.
pub fn encode_correction_record(record: &CorrectionRecord, out: &mut Vec<u8>) {
    framed(ids::CORRECTION_RECORD, out, |writer| record.write(writer));
}

/// Reads a framed value of `registry.corrections.v1`.
///
/// # Errors
/// See [`CodecError`].
pub fn decode_correction_record(bytes: &[u8]) -> Result<CorrectionRecord, CodecError> {
    unframed(ids::CORRECTION_RECORD, bytes, CorrectionRecord::read)
}
