//! A value read as far as it goes, for people who look at what could not be decoded.

use super::wire::Wire;
use super::{CodecError, Reader, frame_id, ids};
use crate::event::Event;
use crate::record::{Belonging, Correction};
use compact_str::CompactString;
use std::fmt::Debug;
use uuid::Uuid;

/// What could be read of a value of `telemetry.events.v1`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partial {
    /// Id of the framing; none: the bytes are not framed.
    pub schema_id: Option<u32>,
    /// Fields in order, as text.
    pub fields: Vec<(&'static str, String)>,
    /// Events of the arrays that were read whole.
    pub events: Vec<Event>,
    /// Where reading ended: byte, field, fault; none: the whole value was read.
    pub stopped: Option<(usize, &'static str, CodecError)>,
}

/// Reads a value of `telemetry.events.v1` as far as it goes.
#[must_use]
pub fn explain_event_record(bytes: &[u8]) -> Partial {
    let mut partial = Partial { schema_id: frame_id(bytes), ..Partial::default() };
    partial.stopped = match partial.schema_id {
        None => Some((0, "framing", CodecError::Framing)),
        Some(found) if found != ids::EVENT_RECORD && found != ids::CORRECTED_EVENT_RECORD => {
            Some((1, "framing", CodecError::SchemaId { found, expected: ids::EVENT_RECORD }))
        }
        Some(_) => read(bytes, &mut partial).err(),
    };
    partial
}

type Stopped = (usize, &'static str, CodecError);

fn read(bytes: &[u8], partial: &mut Partial) -> Result<(), Stopped> {
    let mut reader = Reader::new(bytes.get(5..).unwrap_or_default());
    let fields = &mut partial.fields;
    field::<u32>(bytes, &mut reader, "device_no", fields)?;
    field::<Uuid>(bytes, &mut reader, "boot_id", fields)?;
    field::<CompactString>(bytes, &mut reader, "agent", fields)?;
    field::<i64>(bytes, &mut reader, "received_at_ms", fields)?;
    field::<i64>(bytes, &mut reader, "clock_offset_ms", fields)?;
    field::<Belonging>(bytes, &mut reader, "belonging", fields)?;
    let events = &mut partial.events;
    array(bytes, &mut reader, "heartbeats", Event::Heartbeat, events)?;
    array(bytes, &mut reader, "power", Event::Power, events)?;
    array(bytes, &mut reader, "bursts", Event::Burst, events)?;
    array(bytes, &mut reader, "bandwidth", Event::Bandwidth, events)?;
    array(bytes, &mut reader, "inventory", |event| Event::Inventory(Box::new(event)), events)?;
    array(bytes, &mut reader, "faults", Event::Fault, events)?;
    array(bytes, &mut reader, "resources", Event::Resource, events)?;
    if partial.schema_id == Some(ids::CORRECTED_EVENT_RECORD) {
        field::<Option<Correction>>(bytes, &mut reader, "correction", &mut partial.fields)?;
    }
    reader.finish().map_err(|error| (at(bytes, &reader), "end", error))
}

fn at(bytes: &[u8], reader: &Reader<'_>) -> usize {
    bytes.len() - reader.rest().len()
}

fn field<T: Wire + Debug>(
    bytes: &[u8],
    reader: &mut Reader<'_>,
    name: &'static str,
    fields: &mut Vec<(&'static str, String)>,
) -> Result<(), Stopped> {
    let value = T::read(reader).map_err(|error| (at(bytes, reader), name, error))?;
    fields.push((name, format!("{value:?}")));
    Ok(())
}

fn array<T: Wire>(
    bytes: &[u8],
    reader: &mut Reader<'_>,
    name: &'static str,
    event: fn(T) -> Event,
    events: &mut Vec<Event>,
) -> Result<(), Stopped> {
    let values = Vec::<T>::read(reader).map_err(|error| (at(bytes, reader), name, error))?;
    events.extend(values.into_iter().map(event));
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::avro::encode_event_record;
    use crate::event::{Events, Heartbeat, Span};
    use crate::record::EventRecord;
    use crate::time::Day;

    fn bytes() -> Vec<u8> {
        let on = vec![Span { from_ms_ago: 60_000, to_ms_ago: 0 }];
        let mut events = Events::default();
        events.push(Event::Heartbeat(Heartbeat { seq: 7, at_ms: 5, on, active: vec![], apps: vec![] }));
        let belonging = Belonging {
            school_no: 10,
            class_no: 4,
            division: 440_106,
            in_service: true,
            from_day: Day::FIRST,
            until_day: Day::OPEN,
        };
        let record = EventRecord {
            device_no: 5,
            boot_id: Uuid::from_u128(1),
            agent: "1.0.3".into(),
            received_at_ms: 900,
            clock_offset_ms: 0,
            belonging,
            events,
            correction: None,
        };
        let mut bytes = Vec::new();
        encode_event_record(&record, &mut bytes);
        bytes
    }

    #[test]
    fn a_whole_value_is_read_to_its_end() {
        let partial = explain_event_record(&bytes());
        assert_eq!((partial.stopped, partial.events.len(), partial.fields.len()), (None, 1, 6));
        assert_eq!(partial.fields[0], ("device_no", "5".to_owned()));
    }

    #[test]
    fn a_cut_value_is_read_as_far_as_it_goes() {
        let whole = bytes();
        let cut = explain_event_record(&whole[..whole.len() - 1]);
        assert_eq!(cut.events.len(), 1);
        assert_eq!(cut.stopped, Some((whole.len() - 1, "resources", CodecError::Truncated)));
        let short = explain_event_record(&whole[..7]);
        assert_eq!((short.fields.len(), short.stopped.unwrap().1), (1, "boot_id"));
    }

    #[test]
    fn what_is_no_avro_says_so() {
        assert_eq!(explain_event_record(b"poison").stopped, Some((0, "framing", CodecError::Framing)));
        let other = explain_event_record(&[0, 0, 0, 0, 9, 1]);
        assert_eq!(other.schema_id, Some(9));
        assert!(matches!(other.stopped, Some((1, "framing", CodecError::SchemaId { found: 9, .. }))));
    }
}
