//! The archive's payloads: JSON of an event, read back.

use super::arbitrary::Arb;
use proptest::prelude::*;
use schemas::event::{Event, Post};
use schemas::time::parse_rfc3339_ms;

/// Moves the event to an instant that RFC 3339 can write: years 0 to 9999.
fn in_calendar(mut event: Event) -> Event {
    let at_ms = match &mut event {
        Event::Heartbeat(e) => &mut e.at_ms,
        Event::Power(e) => &mut e.at_ms,
        Event::Burst(e) => &mut e.at_ms,
        Event::Bandwidth(e) => &mut e.at_ms,
        Event::Inventory(e) => &mut e.at_ms,
        Event::Fault(e) => &mut e.at_ms,
        Event::Resource(e) => &mut e.at_ms,
    };
    *at_ms = at_ms.rem_euclid(parse_rfc3339_ms("9999-12-31T00:00:00Z").unwrap());
    event
}

proptest! {
    #[test]
    fn an_event_is_read_back_from_its_json(event in Event::arb().prop_map(in_calendar)) {
        let json = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn a_post_is_read_back_from_its_json(post in Post::arb(), sent_at_ms in 0..253_402_000_000_000_i64) {
        let events = post.events.into_iter().map(in_calendar).collect();
        let post = Post { sent_at_ms, events, ..post };
        let json = serde_json::to_vec(&post).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Post>(&json).unwrap(), post);
    }
}

#[test]
fn what_serialize_never_writes_is_refused() {
    let power = r#"{"type":"power","seq":0,"at":"2026-11-20T09:15:04.120+08:00","kind":"boot"}"#;
    assert!(serde_json::from_str::<Event>(power).is_ok());
    for (from, to) in [("boot", "reboot"), ("power", "voltage"), ("T09", " 9"), ("\"seq\":0,", "")] {
        assert!(serde_json::from_str::<Event>(&power.replace(from, to)).is_err(), "{from} -> {to}");
    }
}
