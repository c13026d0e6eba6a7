//! Bytes from anyone: no decoder panics or allocates beyond a small multiple of the bytes.

use super::arbitrary::Arb;
use super::frame;
use super::memory::peak_of;
use proptest::prelude::*;
use schemas::avro::*;
use schemas::event::Post;
use schemas::record::EventRecord;
use schemas::registry::{DeviceRecord, OrgRecord};

/// The most that a decoder of records may hold for each byte of a record: an app of two bytes becomes 48, and two
/// copies of the body are the test's own.
const FACTOR: usize = 32;
/// What it may hold besides, for the capacity that a vector starts with.
const START: usize = 4096;

/// Every decoder over one body, within bounds.
fn decode_all(body: &[u8]) {
    let peak = peak_of(|| decode_each(body));
    assert!(peak <= FACTOR * body.len() + START, "{peak} bytes held for {}", body.len());
}

fn decode_each(body: &[u8]) {
    let framed = |id| [&frame(id), body].concat();
    let events = framed(ids::EVENT_RECORD);
    let all = decode_event_record(&events).is_ok();
    let none = decode_event_record_for(&events, Streams::NONE).is_ok();
    assert!(!all || none, "what can be read can be passed over");
    drop(events);
    decode_event_record(&framed(ids::CORRECTED_EVENT_RECORD)).ok();
    decode_correction_record(&framed(ids::CORRECTION_RECORD)).ok();
    decode_rejected_record(&framed(ids::REJECTED_RECORD)).ok();
    decode_dead_record(&framed(ids::DEAD_RECORD)).ok();
    decode_org_record(&framed(ids::ORG_RECORD)).ok();
    decode_device_record(&framed(ids::DEVICE_RECORD)).ok();
    if let Ok(post) = decode_device_post(&framed(ids::DEVICE_POST)) {
        assert!(post.heartbeats.iter().all(|e| e.active.iter().count() == e.active.len()));
        assert!(post.bursts.iter().all(|e| e.rtt_us.iter().count() == e.rtt_us.len()));
        assert_eq!(post.inventory.iter().count(), post.inventory.len());
    }
}

/// Changes some bytes of a sound body.
fn mutated(mut body: Vec<u8>, changes: &[(prop::sample::Index, u8)], cut: &prop::sample::Index) -> Vec<u8> {
    for (at, byte) in changes {
        let at = at.index(body.len());
        body[at] = *byte;
    }
    body.truncate(cut.index(body.len() * 4).max(1));
    body
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), Just(0xff), Just(0x7f), Just(0x80), Just(1), Just(0)];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_all(&body);
        prop_assert!(frame_id(&body).is_none_or(|_| body.len() >= 5));
        decode_event_record(&body).ok();
        decode_device_post(&body).ok();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_records_never_panic(
        records in (EventRecord::arb(), OrgRecord::arb(), DeviceRecord::arb(), Post::arb()),
        changes in changes(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bodies = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        encode_event_record(&records.0, &mut bodies[0]);
        encode_org_record(&records.1, &mut bodies[1]);
        encode_device_record(&records.2, &mut bodies[2]);
        encode_device_post(&records.3, &mut bodies[3]);
        for body in bodies {
            decode_all(&mutated(body[5..].to_vec(), &changes, &cut));
        }
    }

    #[test]
    fn every_prefix_and_every_addition_is_an_error(record in EventRecord::arb()) {
        let mut bytes = Vec::new();
        encode_event_record(&record, &mut bytes);
        for cut in 0..bytes.len() {
            prop_assert!(decode_event_record(&bytes[..cut]).is_err());
        }
        bytes.push(0);
        prop_assert_eq!(decode_event_record(&bytes), Err(CodecError::Trailing));
        prop_assert_eq!(decode_event_record_for(&bytes, Streams::NONE), Err(CodecError::Trailing));
    }
}

#[test]
fn a_wrong_frame_is_told() {
    assert_eq!(decode_event_record(&[]), Err(CodecError::Framing));
    assert_eq!(decode_event_record(&[0, 0, 0]), Err(CodecError::Framing));
    assert_eq!(decode_event_record(&[1, 0, 0, 0, 1]), Err(CodecError::Framing));
    let wrong = CodecError::SchemaId { found: ids::ORG_RECORD, expected: ids::EVENT_RECORD };
    assert_eq!(decode_event_record(&frame(ids::ORG_RECORD)), Err(wrong));
    assert_eq!(decode_event_record(&frame(ids::EVENT_RECORD)), Err(CodecError::Truncated));
}

const NIL: &[u8; 36] = b"00000000-0000-0000-0000-000000000000";

/// The envelope of a post, then `arrays`.
fn post_with(arrays: &[u8]) -> Vec<u8> {
    [&frame(ids::DEVICE_POST)[..], &[0, 0, 0, 0], arrays].concat()
}

#[test]
fn claims_beyond_the_bytes_are_refused() {
    let huge = |count: i64| {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).long(count);
        bytes
    };
    for count in [i64::MAX, i64::MIN, i64::MIN + 1, 1 << 40, -1] {
        let body = post_with(&huge(count));
        assert!(decode_device_post(&body).is_err(), "{count}");
        let record = [&frame(ids::DEVICE_RECORD)[..], &[2, 72], NIL, &[0, 0, 2, 0, 0], &huge(count)].concat();
        assert_ne!(decode_device_record(&record), Err(CodecError::Uuid), "the test's own bytes");
        assert!(decode_device_record(&record).is_err(), "{count}");
    }
    let eleven = [0xff; 11];
    assert_eq!(decode_device_post(&post_with(&eleven)).unwrap_err(), CodecError::Varint);
    let too_wide = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
    assert_eq!(decode_device_post(&post_with(&too_wide)).unwrap_err(), CodecError::Varint);
}

/// Claims as large as the bytes allow, one in the other, in a megabyte of nothing.
#[test]
fn claims_within_the_bytes_hold_no_more_than_the_bound() {
    let envelope = |array: usize| {
        let mut body = vec![2, 72];
        body.extend(NIL);
        body.extend([0, 0, 0, 2, 2, 0, 0, 0, 0]);
        body.extend(vec![0; array]);
        body
    };
    for array in 0..7 {
        for zero in [0, 1, 2, 0x7f] {
            let mut body = envelope(array);
            Writer::new(&mut body).long(1 << 40);
            body.resize(1 << 20, zero);
            decode_all(&body);
        }
    }
}

#[test]
fn a_block_must_have_the_size_it_says() {
    // heartbeats: one block of one element (seq 0, at 0, three empty arrays: 5 bytes), then the end.
    let sized = |size: u8| post_with(&[1, size * 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(decode_device_post(&sized(5)).is_ok());
    assert_eq!(decode_device_post(&sized(4)).unwrap_err(), CodecError::BlockSize);
    assert_eq!(decode_device_post(&sized(6)).unwrap_err(), CodecError::BlockSize);
    assert_eq!(decode_device_post(&sized(60)).unwrap_err(), CodecError::Truncated);
}

#[test]
fn eight_mebibytes_of_empty_spans_stay_where_they_are() {
    let spans = 8 << 20;
    let mut arrays = vec![2, 0, 0];
    Writer::new(&mut arrays).long(spans);
    arrays.resize(arrays.len() + spans as usize, 0);
    arrays.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let body = post_with(&arrays);
    let held = peak_of(|| assert!(decode_device_post(&body).is_ok_and(|post| post.heartbeats.iter().count() == 1)));
    assert_eq!(held, 0, "nothing of the body is copied");
    let post = decode_device_post(&body).unwrap();
    let heartbeat = post.heartbeats.iter().next().unwrap();
    assert_eq!(heartbeat.on.len(), spans as usize);
    assert!(heartbeat.on.iter().all(|span| span.pair().is_none()));
}
