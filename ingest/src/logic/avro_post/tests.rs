#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use crate::logic::check::Window;
use crate::logic::decode::{DecodeError, Format, decode};
use proptest::prelude::*;
use schemas::avro::{device_post_order, encode_device_post};
use schemas::codes::{EventCode, Slug};
use schemas::event::{
    AppSpans, Burst, Direction, Event, Heartbeat, Link, Method, Post, Power, PowerKind, Resource, ResourceKind, Span,
};
use uuid::Uuid;

const NOW: i64 = 1_795_000_000_000;
const WINDOW: Window = Window { oldest_ms: NOW - 45 * 86_400_000, newest_ms: NOW + 120_000 };
const BOOT: Uuid = Uuid::from_u128(0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e);

fn spans(most: usize) -> impl Strategy<Value = Vec<Span>> {
    // Some are malformed: both readers have to say so alike.
    prop::collection::vec((0..90_000_000_u32, 0..90_000_000_u32), 0..=most)
        .prop_map(|pairs| pairs.into_iter().map(|(a, b)| Span { from_ms_ago: a.max(b), to_ms_ago: a.min(b) }).collect())
}

fn event() -> impl Strategy<Value = Event> {
    let at = NOW - 4_000_000_000..NOW + 130_000;
    let id = "[a-zA-Z.]{0,66}";
    prop_oneof![
        (any::<u32>(), at.clone(), spans(9), spans(12), prop::collection::vec((id, spans(5)), 0..4)).prop_map(
            |(seq, at_ms, on, active, apps)| {
                let apps = apps.into_iter().map(|(app, spans)| AppSpans { app: app.into(), spans }).collect();
                Event::Heartbeat(Heartbeat { seq, at_ms, on, active, apps })
            }
        ),
        (any::<u32>(), at.clone(), 0..4_usize)
            .prop_map(|(seq, at_ms, kind)| { Event::Power(Power { seq, at_ms, kind: PowerKind::ALL[kind] }) }),
        (any::<u32>(), at.clone(), id, 0..6000_u32, prop::collection::vec(any::<Option<i32>>(), 0..66)).prop_map(
            |(seq, at_ms, anchor, interval_ms, rtt_us)| {
                let (method, link) = (Method::Tcp, Link::Wired);
                let anchor = anchor.into();
                Event::Burst(Burst { seq, at_ms, anchor, method, link, busy: seq % 2 == 0, interval_ms, rtt_us })
            }
        ),
        (any::<u32>(), at.clone(), 0..i64::MAX as u64, 0..9_u64, 0..70_u32).prop_map(
            |(seq, at_ms, bytes, duration_us, streams)| {
                let direction = Direction::Up;
                Event::Bandwidth(schemas::event::Bandwidth { seq, at_ms, direction, bytes, duration_us, streams })
            }
        ),
        (any::<u32>(), at, id, 0..100_010_u32).prop_map(|(seq, at_ms, app, count)| {
            Event::Resource(Resource { seq, at_ms, kind: ResourceKind::Upload, app: app.into(), count })
        }),
    ]
}

fn post(events: Vec<Event>) -> Post {
    Post { boot_id: BOOT, sent_at_ms: NOW, clock_offset_ms: 3, agent: "1.0.3".into(), events }
}

fn avro(post: &Post) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_device_post(post, &mut bytes);
    bytes
}

proptest! {
    #[test]
    fn both_formats_are_judged_alike(events in prop::collection::vec(event(), 1..20)) {
        let post = post(events);
        let (json, avro) = (serde_json::to_vec(&post).unwrap(), avro(&post));
        let from_json = decode(&json, Format::Json, WINDOW).unwrap();
        let from_avro = decode(&avro, Format::Avro, WINDOW).unwrap();
        prop_assert_eq!(&from_json.envelope, &from_avro.envelope);
        prop_assert_eq!(&from_json.events, &from_avro.events);
        let order = device_post_order(&post.events);
        let mut avro_faults: Vec<_> =
            from_avro.rejections.iter().map(|r| (order[r.index as usize], r.fault.code)).collect();
        avro_faults.sort_unstable();
        let json_faults: Vec<_> = from_json.rejections.iter().map(|r| (r.index as usize, r.fault.code)).collect();
        prop_assert_eq!(json_faults, avro_faults);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), flip in any::<prop::sample::Index>()) {
        drop(decode(&bytes, Format::Avro, WINDOW));
        let mut whole = avro(&post(vec![Event::Power(Power { seq: 0, at_ms: NOW, kind: PowerKind::Boot })]));
        let at = flip.index(whole.len());
        whole[at] = whole[at].wrapping_add(1);
        drop(decode(&whole, Format::Avro, WINDOW));
    }
}

#[test]
fn indices_count_through_the_arrays() {
    let power = |at_ms| Event::Power(Power { seq: 0, at_ms, kind: PowerKind::Boot });
    let resource =
        Event::Resource(Resource { seq: 0, at_ms: NOW, kind: ResourceKind::Open, app: "A".into(), count: 1 });
    let bytes = avro(&post(vec![resource, power(NOW), power(NOW + 200_000)]));
    let decoded = decode(&bytes, Format::Avro, WINDOW).unwrap();
    let faults: Vec<_> = decoded.rejections.iter().map(|r| (r.index, r.fault.code)).collect();
    assert_eq!(faults, [(1, EventCode::InFuture), (2, EventCode::OutOfRange)]);
}

#[test]
fn whole_posts_are_refused_like_those_of_json() {
    let power = || Event::Power(Power { seq: 0, at_ms: NOW, kind: PowerKind::Boot });
    let slug = |bytes: &[u8]| decode(bytes, Format::Avro, WINDOW).map(drop).map_err(|error: DecodeError| error.slug());
    assert_eq!(slug(&avro(&post(vec![]))), Err(Slug::NoEvents));
    assert_eq!(slug(&avro(&post((0..501).map(|_| power()).collect()))), Err(Slug::TooManyEvents));
    let version_1 = Post { boot_id: Uuid::from_u128(1), ..post(vec![power()]) };
    assert_eq!(slug(&avro(&version_1)), Err(Slug::BadEnvelope));
    let whole = avro(&post(vec![power()]));
    assert_eq!(slug(&whole), Ok(()));
    assert_eq!(slug(&whole[..whole.len() - 1]), Err(Slug::BadAvro));
    assert_eq!(slug(&[&whole[..], &[0]].concat()), Err(Slug::BadAvro));
    assert_eq!(slug(b"{}"), Err(Slug::BadAvro));
}
