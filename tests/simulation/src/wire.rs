//! The bytes of a record, by each of the edges.
//!
//! There is one version of the schema so far, and the workers' codec reads that one. So an upgrade half way is played
//! by what can come of one: another Avro writer of the same schema, whose arrays come in sized blocks, and an edge
//! whose schema has an id that the workers do not know yet. The records of the latter become dead letters, and are
//! sent back when the readers know it.

use crate::op::Edge;
use schemas::avro::{Writer, encode_event_record};
use schemas::event::{AppSpans, Burst, Heartbeat, Power, Span};
use schemas::record::EventRecord;

/// An id that this build does not know.
const NEWER_ID: u8 = 99;

/// The framed value of a record.
#[must_use]
pub fn encode(record: &EventRecord, edge: Edge) -> Vec<u8> {
    let mut bytes = Vec::new();
    match edge {
        Edge::Ours => encode_event_record(record, &mut bytes),
        Edge::Blocks => encode_in_blocks(record, &mut bytes),
        Edge::Newer => {
            encode_event_record(record, &mut bytes);
            bytes[4] = NEWER_ID;
        }
    }
    bytes
}

/// What a reader that knows the newer schema makes of a value; `None` if it is none of it.
#[must_use]
pub fn known(value: &[u8]) -> Option<Vec<u8>> {
    let mut value = value.to_vec();
    let is_newer = value.get(4) == Some(&NEWER_ID);
    if is_newer {
        value[4] = schemas::avro::ids::EVENT_RECORD as u8;
    }
    is_newer.then_some(value)
}

fn encode_in_blocks(record: &EventRecord, bytes: &mut Vec<u8>) {
    bytes.extend([0, 0, 0, 0, schemas::avro::ids::EVENT_RECORD as u8]);
    let mut out = Writer::new(bytes);
    out.long(i64::from(record.device_no));
    out.string(&record.boot_id.to_string());
    out.string(&record.agent);
    out.long(record.received_at_ms);
    out.long(record.clock_offset_ms);
    let belonging = &record.belonging;
    out.long(i64::from(belonging.school_no));
    out.long(i64::from(belonging.class_no));
    out.long(i64::from(belonging.division));
    out.boolean(belonging.in_service);
    out.long(i64::from(belonging.from_day.0));
    out.long(i64::from(belonging.until_day.0));
    blocks(&mut out, &record.events.heartbeats, heartbeat);
    blocks(&mut out, &record.events.power, power);
    blocks(&mut out, &record.events.bursts, burst);
    // bandwidth, inventory, faults, resources
    (0..4).for_each(|_| out.long(0));
}

/// Each element in a block of its own, with its size: a negative count (Avro 1.12, complex types).
fn blocks<T>(out: &mut Writer<'_>, elements: &[T], element: impl Fn(&mut Writer<'_>, &T)) {
    for one in elements {
        let mut bytes = Vec::new();
        element(&mut Writer::new(&mut bytes), one);
        out.long(-1);
        // A size is a long like the length of `bytes`.
        out.bytes(&bytes);
    }
    out.long(0);
}

fn span(out: &mut Writer<'_>, span: &Span) {
    out.long(i64::from(span.from_ms_ago));
    out.long(i64::from(span.to_ms_ago));
}

fn app(out: &mut Writer<'_>, app: &AppSpans) {
    out.string(&app.app);
    blocks(out, &app.spans, span);
}

fn heartbeat(out: &mut Writer<'_>, beat: &Heartbeat) {
    out.long(i64::from(beat.seq));
    out.long(beat.at_ms);
    blocks(out, &beat.on, span);
    blocks(out, &beat.active, span);
    blocks(out, &beat.apps, app);
}

fn power(out: &mut Writer<'_>, power: &Power) {
    out.long(i64::from(power.seq));
    out.long(power.at_ms);
    out.long(power.kind as i64);
}

fn burst(out: &mut Writer<'_>, burst: &Burst) {
    out.long(i64::from(burst.seq));
    out.long(burst.at_ms);
    out.string(&burst.anchor);
    out.long(burst.method as i64);
    out.long(burst.link as i64);
    out.boolean(burst.busy);
    out.long(i64::from(burst.interval_ms));
    blocks(out, &burst.rtt_us, |out, rtt| {
        out.long(i64::from(rtt.is_some()));
        if let Some(rtt) = rtt {
            out.long(i64::from(*rtt));
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::facts::{Boot, FIRST_DAY, Registry, records};
    use schemas::avro::decode_event_record;

    #[test]
    fn both_writers_say_the_same_and_the_newer_schema_is_not_understood() {
        for boot in 0..4 {
            for record in records(&Registry::default(), Boot::new(2, boot), 0..12, 5, FIRST_DAY) {
                let (ours, blocks) = (encode(&record, Edge::Ours), encode(&record, Edge::Blocks));
                assert_ne!(ours, blocks);
                assert_eq!(decode_event_record(&ours).unwrap(), record);
                assert_eq!(decode_event_record(&blocks).unwrap(), record);
                let newer = encode(&record, Edge::Newer);
                assert!(decode_event_record(&newer).is_err());
                assert_eq!(known(&newer), Some(ours.clone()));
                assert_eq!(known(&ours), None);
            }
        }
    }
}
