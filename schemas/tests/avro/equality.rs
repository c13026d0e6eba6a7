//! Both ways with apache-avro: it reads what the codec writes, and the codec reads what it writes.

use super::arbitrary::{Arb, Corrected};
use super::value::{Style, ToValue};
use super::{frame, read_by_apache, schema, written_by_apache};
use apache_avro::types::Value;
use proptest::prelude::*;
use schemas::avro::*;
use schemas::event::Events;
use schemas::record::{DeadRecord, EventRecord, RejectedRecord};
use schemas::registry::{CorrectionRecord, DeviceRecord, OrgRecord};

/// How often; each case goes through four codings.
const CASES: u32 = 200;

fn check<T: Arb + ToValue + PartialEq + Clone>(
    id: u32,
    encode: fn(&T, &mut Vec<u8>),
    decode: fn(&[u8]) -> Result<T, CodecError>,
) {
    let schema = schema(id);
    proptest!(ProptestConfig::with_cases(CASES), |(record in T::arb())| {
        let value = record.value(Style::Record);
        let mut ours = Vec::new();
        encode(&record, &mut ours);
        prop_assert_eq!(&decode(&ours).unwrap(), &record);
        prop_assert_eq!(&read_by_apache(&schema, &ours), &value);
        let theirs = written_by_apache(&schema, id, value.clone());
        prop_assert_eq!(&theirs, &ours, "canonical: the same bytes");
        let mut blocks = frame(id);
        write_in_sized_blocks(&value, &mut blocks);
        prop_assert_eq!(&decode(&blocks).unwrap(), &record);
        prop_assert_eq!(&read_by_apache(&schema, &blocks), &value, "the test's own writer");
    });
}

/// Writes arrays as blocks of at most two elements, each with its size in bytes, as Avro allows.
pub fn write_in_sized_blocks(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for block in items.chunks(2) {
                let mut body = Vec::new();
                block.iter().for_each(|item| write_in_sized_blocks(item, &mut body));
                Writer::new(out).long(-(block.len() as i64));
                Writer::new(out).long(body.len() as i64);
                out.extend(body);
            }
            out.push(0);
        }
        Value::Record(fields) => fields.iter().for_each(|(_, value)| write_in_sized_blocks(value, out)),
        Value::Union(branch, value) => {
            Writer::new(out).long(i64::from(*branch));
            write_in_sized_blocks(value, out);
        }
        Value::Enum(index, _) => Writer::new(out).long(i64::from(*index)),
        Value::Boolean(value) => Writer::new(out).boolean(*value),
        Value::Int(value) | Value::Date(value) => Writer::new(out).long(i64::from(*value)),
        Value::Long(value) | Value::TimestampMillis(value) => Writer::new(out).long(*value),
        Value::String(value) => Writer::new(out).string(value),
        Value::Bytes(value) => Writer::new(out).bytes(value),
        other => panic!("not in any schema: {other:?}"),
    }
}

#[test]
fn event_records_are_equal_both_ways() {
    check::<EventRecord>(ids::EVENT_RECORD, encode_event_record, decode_event_record);
}

#[test]
fn rejected_records_are_equal_both_ways() {
    check::<RejectedRecord>(ids::REJECTED_RECORD, encode_rejected_record, decode_rejected_record);
}

#[test]
fn dead_records_are_equal_both_ways() {
    check::<DeadRecord>(ids::DEAD_RECORD, encode_dead_record, decode_dead_record);
}

#[test]
fn org_records_are_equal_both_ways() {
    check::<OrgRecord>(ids::ORG_RECORD, encode_org_record, decode_org_record);
}

#[test]
fn device_records_are_equal_both_ways() {
    check::<DeviceRecord>(ids::DEVICE_RECORD, encode_device_record, decode_device_record);
}

#[test]
fn corrected_records_are_equal_both_ways() {
    check::<Corrected>(
        ids::CORRECTED_EVENT_RECORD,
        |record, out| encode_event_record(&record.0, out),
        |bytes| decode_event_record(bytes).map(Corrected),
    );
}

#[test]
fn correction_records_are_equal_both_ways() {
    check::<CorrectionRecord>(ids::CORRECTION_RECORD, encode_correction_record, decode_correction_record);
}

/// Keeps the arrays of the wanted streams.
fn only(events: Events, wanted: Streams) -> Events {
    fn kept<T>(wanted: bool, events: Vec<T>) -> Vec<T> {
        if wanted { events } else { Vec::new() }
    }
    Events {
        heartbeats: kept(wanted.activity, events.heartbeats),
        power: kept(wanted.activity, events.power),
        bursts: kept(wanted.network, events.bursts),
        bandwidth: kept(wanted.network, events.bandwidth),
        inventory: kept(wanted.device, events.inventory),
        faults: kept(wanted.device, events.faults),
        resources: kept(wanted.resource, events.resources),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn unwanted_streams_are_passed_over(record in EventRecord::arb(), flags in any::<[bool; 4]>()) {
        let [activity, network, device, resource] = flags;
        let wanted = Streams { activity, network, device, resource };
        let mut ours = Vec::new();
        encode_event_record(&record, &mut ours);
        let mut blocks = frame(ids::EVENT_RECORD);
        write_in_sized_blocks(&record.value(Style::Record), &mut blocks);
        let expected = EventRecord { events: only(record.events.clone(), wanted), ..record };
        prop_assert_eq!(&decode_event_record_for(&ours, wanted).unwrap(), &expected);
        prop_assert_eq!(&decode_event_record_for(&blocks, wanted).unwrap(), &expected);
    }
}
