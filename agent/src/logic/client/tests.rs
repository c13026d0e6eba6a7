#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::spool::tests::entry;
use crate::logic::spool::{Entry, MemorySpool};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashMap;

const BOOT: Uuid = Uuid::from_u128(1);

fn http(status: u16, slug: &str) -> Answer {
    Answer::Http(HttpAnswer { status, slug: Some(slug.to_owned()), ..HttpAnswer::default() })
}

fn taken(sent: usize, invalid: Vec<(usize, String)>, server_time_ms: Option<i64>) -> Answer {
    let accepted = Some((sent - invalid.len()) as u64);
    Answer::Http(HttpAnswer { status: 200, accepted, invalid, server_time_ms, ..HttpAnswer::default() })
}

fn now(mono_ms: u64) -> Now {
    Now { wall_ms: 1_790_000_000_000 + mono_ms as i64, mono_ms, dice: 0.0 }
}

fn client(events: u32) -> Client<MemorySpool> {
    let mut spool = MemorySpool::default();
    (0..events).for_each(|seq| spool.push(entry(1, seq)));
    Client::new(spool, Settings::default())
}

fn send(client: &mut Client<MemorySpool>, mono_ms: u64) -> Outgoing {
    match client.next(now(mono_ms)).unwrap() {
        Step::Send(post) => post,
        other => panic!("expected a post, got {other:?}"),
    }
}

#[test]
fn an_acknowledged_post_leaves_the_spool_with_its_invalid_events_named() {
    let mut client = client(3);
    let post = send(&mut client, 0);
    let report = client.answered(post, &taken(3, vec![(1, "bad_span".into())], None), now(0)).unwrap();
    let fates: Vec<Fate> = report.fates.into_iter().map(|(_, fate)| fate).collect();
    assert_eq!(fates, [Fate::Accepted, Fate::Invalid("bad_span".into()), Fate::Accepted]);
    assert!(matches!(client.next(now(0)).unwrap(), Step::Idle));
}

#[test]
fn overload_keeps_everything_and_waits_as_told() {
    let mut client = client(2);
    let post = send(&mut client, 0);
    let answer = Answer::Http(HttpAnswer { status: 503, retry_after_ms: Some(9_000), ..HttpAnswer::default() });
    assert!(client.answered(post, &answer, now(0)).unwrap().fates.is_empty());
    assert!(matches!(client.next(now(8_999)).unwrap(), Step::Wait(1)));
    assert_eq!(send(&mut client, 9_000).events.len(), 2);
}

#[test]
fn an_unreachable_edge_keeps_everything() {
    let mut client = client(2);
    let post = send(&mut client, 0);
    client.answered(post, &Answer::Unreachable, now(0)).unwrap();
    assert_eq!(client.spool().len(), 2);
}

#[test]
fn a_post_that_is_too_large_is_split_until_one_event_is_left_over() {
    let mut client = client(4);
    for expected in [4, 2, 1] {
        let post = send(&mut client, 0);
        assert_eq!(post.events.len(), expected);
        client.answered(post, &http(413, "too-large"), now(0)).unwrap();
    }
    assert_eq!(client.spool().len(), 3, "the event that is too large alone is given up");
}

#[test]
fn a_refused_token_waits_for_another_one() {
    let mut client = client(1);
    let post = send(&mut client, 0);
    client.answered(post, &http(401, "expired-token"), now(0)).unwrap();
    assert!(matches!(client.next(now(1_000_000)).unwrap(), Step::NeedToken));
    client.token_changed();
    assert_eq!(send(&mut client, 1_000_000).events.len(), 1);
}

#[test]
fn a_retired_device_stops_with_its_spool() {
    let mut client = client(1);
    let post = send(&mut client, 0);
    client.answered(post, &http(403, "retired"), now(0)).unwrap();
    client.token_changed();
    assert!(matches!(client.next(now(1)).unwrap(), Step::Retired));
    assert_eq!(client.spool().len(), 1);
}

#[test]
fn a_skewed_clock_freezes_one_event_and_moves_the_rest_once() {
    let mut client = client(3);
    client.start_boot(BOOT);
    let post = send(&mut client, 0);
    assert_eq!(post.events.len(), 1, "a boot that was not told the time sends one event alone");
    let answer = Answer::Http(HttpAnswer {
        status: 400,
        slug: Some("clock-skew".into()),
        server_time_ms: Some(now(0).wall_ms + 600_000),
        ..HttpAnswer::default()
    });
    client.answered(post, &answer, now(0)).unwrap();
    let entries: Vec<Entry> = client.spool().entries().cloned().collect();
    assert_eq!(entries, [entry(1, 0), entry(1, 1).moved(600_000), entry(1, 2).moved(600_000)]);
    let again = send(&mut client, 0);
    let body: Value = serde_json::from_slice(&again.body).unwrap();
    assert_eq!(body["clock_offset_ms"], 600_000);
    client.answered(again, &taken(3, vec![], Some(now(0).wall_ms + 1_200_000)), now(0)).unwrap();
    assert_eq!(client.clock().event_offset_ms(), 600_000, "frozen for the boot");
}

#[test]
fn skew_without_anything_to_learn_backs_off() {
    let mut client = client(1);
    let post = send(&mut client, 0);
    client.answered(post, &http(400, "clock-skew"), now(0)).unwrap();
    assert!(matches!(client.next(now(0)).unwrap(), Step::Wait(_)));
}

/// One thing that the world may do to a client.
#[derive(Clone, Debug)]
enum Op {
    Push(u8),
    Reboot,
    Taken { invalid: u8, server_skew_ms: i64 },
    Refused(u16, &'static str, Option<i64>),
    Unreachable,
    NewToken,
}

fn op() -> impl Strategy<Value = Op> {
    let skew = prop_oneof![Just(0i64), -900_000i64..900_000];
    let refusal = prop_oneof![
        Just((503, "overloaded")),
        Just((429, "rate-device")),
        Just((401, "bad-token")),
        Just((403, "suspended")),
        Just((413, "too-many-events")),
        Just((415, "media-type")),
        Just((400, "clock-skew")),
        Just((400, "bad-json")),
    ];
    prop_oneof![
        3 => (1u8..9).prop_map(Op::Push),
        1 => Just(Op::Reboot),
        4 => (any::<u8>(), skew.clone()).prop_map(|(invalid, server_skew_ms)| Op::Taken { invalid, server_skew_ms }),
        3 => (refusal, proptest::option::of(skew)).prop_map(|((status, slug), ms)| Op::Refused(status, slug, ms)),
        1 => Just(Op::Unreachable),
        1 => Just(Op::NewToken),
    ]
}

/// Plays operations and keeps the books: everything pushed, the bytes of everything sent, every fate.
struct World {
    client: Client<MemorySpool>,
    boot: u128,
    seq: u32,
    mono_ms: u64,
    pushed: Vec<Meta>,
    sent: HashMap<(Uuid, u32), String>,
    settled: HashMap<(Uuid, u32), Fate>,
}

impl World {
    fn new() -> World {
        let mut client = client(0);
        client.start_boot(BOOT);
        World { client, boot: 1, seq: 0, mono_ms: 0, pushed: vec![], sent: HashMap::new(), settled: HashMap::new() }
    }

    fn play(&mut self, op: &Op) -> Result<(), TestCaseError> {
        self.mono_ms += 1_000_000;
        match op {
            Op::Push(count) => (0..*count).for_each(|_| self.push()),
            Op::Reboot => {
                (self.boot, self.seq) = (self.boot + 1, 0);
                self.client.start_boot(Uuid::from_u128(self.boot));
            }
            Op::NewToken => self.client.token_changed(),
            Op::Taken { .. } | Op::Refused(..) | Op::Unreachable => self.post(op)?,
        }
        Ok(())
    }

    fn push(&mut self) {
        let entry = entry(self.boot, self.seq).moved(self.client.clock().event_offset_ms());
        self.pushed.push(entry.meta);
        self.client.spool_mut().push(entry);
        self.seq += 1;
    }

    fn post(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let now = now(self.mono_ms);
        let Step::Send(post) = self.client.next(now).unwrap() else {
            return Ok(());
        };
        self.check_copies(&post)?;
        let sent = post.events.len();
        let server = |skew: i64| now.wall_ms + skew;
        let answer = match op {
            Op::Taken { invalid, server_skew_ms } => {
                let refused = (0..sent).filter(|i| invalid >> (i % 8) & 1 == 1).map(|i| (i, "bad_span".to_owned()));
                taken(sent, refused.collect(), Some(server(*server_skew_ms)))
            }
            Op::Refused(status, slug, skew) => Answer::Http(HttpAnswer {
                status: *status,
                slug: Some((*slug).to_owned()),
                server_time_ms: skew.map(server),
                ..HttpAnswer::default()
            }),
            _ => Answer::Unreachable,
        };
        for (meta, fate) in self.client.answered(post, &answer, now).unwrap().fates {
            let before = self.settled.insert((meta.boot_id, meta.seq), fate);
            prop_assert!(before.is_none(), "an event has one fate");
        }
        Ok(())
    }

    /// Every copy of an event has the bytes of the first one.
    fn check_copies(&mut self, post: &Outgoing) -> Result<(), TestCaseError> {
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        for (meta, event) in post.events.iter().zip(body["events"].as_array().unwrap()) {
            let first = self.sent.entry((meta.boot_id, meta.seq)).or_insert_with(|| event.to_string());
            prop_assert_eq!(first.as_str(), event.to_string());
        }
        Ok(())
    }

    /// Every event is in the spool or has a fate, never both, never neither.
    fn check_nothing_lost(&self) -> Result<(), TestCaseError> {
        let spooled: Vec<_> = self.client.spool().entries().map(|e| (e.meta.boot_id, e.meta.seq)).collect();
        for meta in &self.pushed {
            let key = (meta.boot_id, meta.seq);
            prop_assert_ne!(spooled.contains(&key), self.settled.contains_key(&key), "{:?}", key);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_sequence_of_answers_loses_an_event_or_changes_a_frozen_one(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            world.play(op)?;
            world.check_nothing_lost()?;
        }
    }
}

/// Negative control: a spool that does not keep its promise to freeze is found by the check above.
#[test]
fn a_spool_that_moves_frozen_events_is_found() {
    let mut world = World::new();
    world.push();
    world.post(&Op::Unreachable).unwrap();
    let thawed: Vec<Entry> = world.client.spool().entries().cloned().map(|entry| entry.moved(1_000)).collect();
    let count = world.client.spool().len();
    world.client.spool_mut().pop(count);
    thawed.into_iter().for_each(|entry| world.client.spool_mut().push(entry));
    world.mono_ms += 1_000_000;
    assert!(world.post(&Op::Unreachable).is_err());
}

/// Negative control: forgetting an event without a fate is found by the check above.
#[test]
fn an_event_that_vanishes_is_found() {
    let mut world = World::new();
    world.push();
    world.client.spool_mut().pop(1);
    assert!(world.check_nothing_lost().is_err());
}
