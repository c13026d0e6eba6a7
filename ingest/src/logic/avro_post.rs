//! Reads a post from Avro: the structure is the codec's, the values are checked by the rules that JSON shares.

use super::check::{At, Checker, Window, random_uuid};
use super::decode::{DecodeError, Decoded, EnvelopeDraft, MAX_EVENTS, Rejection};
use compact_str::CompactString;
use schemas::avro::{
    RawApp, RawArray, RawBandwidth, RawBurst, RawFault, RawHeartbeat, RawPost, RawPower, RawResource, RawSpan,
    decode_device_post,
};
use schemas::event::{
    AppSpans, Bandwidth, Burst, Direction, Event, Events, Fault, FaultClass, FaultState, Heartbeat, Link, Method,
    Power, PowerKind, Resource, ResourceKind, Span,
};
use std::ops::RangeInclusive;

const U32: RangeInclusive<u32> = 0..=u32::MAX;

/// Reads a whole post.
pub fn read(body: &[u8], window: Window) -> Result<Decoded<'_>, DecodeError> {
    let post = decode_device_post(body)?;
    if post.events() > MAX_EVENTS {
        return Err(DecodeError::TooManyEvents);
    }
    let received = post.events() as u32;
    let draft = EnvelopeDraft {
        boot_id: random_uuid(post.boot_id),
        sent_at_ms: Some(post.sent_at_ms),
        clock_offset_ms: Some(post.clock_offset_ms),
        agent: Some(CompactString::from(post.agent)),
    };
    let envelope = draft.finish(Some(received))?;
    let mut reader =
        Reader { check: Checker::new(window), index: 0, events: Events::default(), rejections: Vec::new() };
    reader.arrays(&post);
    let Reader { events, rejections, .. } = reader;
    Ok(Decoded { envelope, received, events, rejections, unknown_fields: 0 })
}

struct Reader<'a> {
    check: Checker,
    index: u32,
    events: Events,
    rejections: Vec<Rejection<'a>>,
}

impl<'a> Reader<'a> {
    /// The arrays in the contract's order, which gives the indices.
    fn arrays(&mut self, post: &RawPost<'a>) {
        let mut next = (post.heartbeats.iter(), post.power.iter(), post.bursts.iter(), post.bandwidth.iter());
        self.array(|| next.0.next_with_bytes(), heartbeat);
        self.array(|| next.1.next_with_bytes(), power);
        self.array(|| next.2.next_with_bytes(), burst);
        self.array(|| next.3.next_with_bytes(), bandwidth);
        let mut next = (post.inventory.iter(), post.faults.iter(), post.resources.iter());
        self.array(|| next.0.next_with_bytes(), inventory::event);
        self.array(|| next.1.next_with_bytes(), fault);
        self.array(|| next.2.next_with_bytes(), resource);
    }

    fn array<T>(&mut self, mut next: impl FnMut() -> Option<(T, &'a [u8])>, event: fn(&mut Checker, &T) -> Event) {
        while let Some((element, raw)) = next() {
            let event = event(&mut self.check, &element);
            match self.check.take() {
                None => self.events.push(event),
                Some(fault) => self.rejections.push(Rejection { index: self.index, fault, raw }),
            }
            self.index += 1;
        }
    }
}

fn heartbeat(check: &mut Checker, raw: &RawHeartbeat<'_>) -> Event {
    Event::Heartbeat(Heartbeat {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        on: spans(check, "on", raw.on, 8),
        active: spans(check, "active", raw.active, 200),
        apps: list(check, "apps", raw.apps.iter(), 0..=32, |check, _, raw: RawApp<'_>| AppSpans {
            app: check.id("apps.app".into(), raw.app),
            spans: spans(check, "apps.spans", raw.spans, 64),
        }),
    })
}

fn power(check: &mut Checker, raw: &RawPower<'_>) -> Event {
    Event::Power(Power {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        kind: check.symbol("kind".into(), PowerKind::parse(raw.kind), PowerKind::ALL),
    })
}

fn burst(check: &mut Checker, raw: &RawBurst<'_>) -> Event {
    Event::Burst(Burst {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        anchor: check.id("anchor".into(), raw.anchor),
        method: check.symbol("method".into(), Method::parse(raw.method), Method::ALL),
        link: check.symbol("link".into(), Link::parse(raw.link), Link::ALL),
        busy: raw.busy,
        interval_ms: integer(check, "interval_ms", raw.interval_ms, 10..=5000),
        rtt_us: list(check, "rtt_us", raw.rtt_us.iter(), 1..=64, |check, at, rtt: Option<i64>| {
            rtt.map(|rtt| check.integer(at, i128::from(rtt), &(i32::MIN..=i32::MAX)))
        }),
    })
}

fn bandwidth(check: &mut Checker, raw: &RawBandwidth<'_>) -> Event {
    Event::Bandwidth(Bandwidth {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        direction: check.symbol("direction".into(), Direction::parse(raw.direction), Direction::ALL),
        bytes: integer(check, "bytes", raw.bytes, 0..=u64::MAX),
        duration_us: integer(check, "duration_us", raw.duration_us, 1..=u64::MAX),
        streams: integer(check, "streams", raw.streams, 1..=64),
    })
}

fn fault(check: &mut Checker, raw: &RawFault<'_>) -> Event {
    Event::Fault(Fault {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        class: check.symbol("class".into(), FaultClass::parse(raw.class), FaultClass::ALL),
        state: check.symbol("state".into(), FaultState::parse(raw.state), FaultState::ALL),
        id: check.uuid("id".into(), raw.id),
        detail: check.text("detail".into(), raw.detail, 500),
    })
}

fn resource(check: &mut Checker, raw: &RawResource<'_>) -> Event {
    Event::Resource(Resource {
        seq: integer(check, "seq", raw.seq, U32),
        at_ms: check.instant("at".into(), Some(raw.at_ms)),
        kind: check.symbol("kind".into(), ResourceKind::parse(raw.kind), ResourceKind::ALL),
        app: check.id("app".into(), raw.app),
        count: integer(check, "count", raw.count, 1..=100_000),
    })
}

fn integer<T>(check: &mut Checker, name: &'static str, value: i64, range: RangeInclusive<T>) -> T
where
    T: TryFrom<i128> + PartialOrd + Copy,
{
    check.integer(name.into(), i128::from(value), &range)
}

fn spans(check: &mut Checker, name: &'static str, raw: RawArray<'_, RawSpan>, max: usize) -> Vec<Span> {
    list(check, name, raw.iter(), 0..=max, |check, at, span: RawSpan| {
        check.span(at, span.pair().map(|(from, to)| (i128::from(from), i128::from(to))))
    })
}

/// An array with so many elements; those beyond are checked, and not kept.
fn list<R, T>(
    check: &mut Checker,
    name: &'static str,
    raw: impl ExactSizeIterator<Item = R>,
    range: RangeInclusive<usize>,
    element: impl Fn(&mut Checker, At, R) -> T,
) -> Vec<T> {
    let at = At::from(name);
    check.length(at, raw.len(), &range);
    let mut list = Vec::with_capacity(raw.len().min(*range.end()));
    for (index, value) in raw.enumerate() {
        let value = element(check, at.item(index), value);
        if index < *range.end() {
            list.push(value);
        }
    }
    list
}

mod inventory;

#[cfg(test)]
mod tests;
