//! Reads a post from JSON in one pass: structure, shape and values of every event (CONTRACT section 1).

use super::check::{At, Checker, Window, random_uuid};
use super::decode::{DecodeError, Decoded, EnvelopeDraft, MAX_EVENTS, Rejection};
use super::json::{Cursor, Stop, Walk};
use compact_str::CompactString;
use schemas::codes::EventCode;
use schemas::event::{
    AppSpans, Bandwidth, Burst, Direction, Event, Events, Fault, FaultClass, FaultState, Heartbeat, Link, Method,
    Power, PowerKind, Resource, ResourceKind,
};
use schemas::time::parse_rfc3339_ms;
use std::borrow::Cow;
use std::ops::RangeInclusive;
use uuid::Uuid;

type Read<T> = Result<T, Stop>;

const U32: RangeInclusive<u32> = 0..=u32::MAX;

/// Puts what was read into its place.
fn set<T>(place: &mut T, read: Read<T>) -> Read<()> {
    *place = read?;
    Ok(())
}

/// Reads a whole post.
pub fn read(text: &str, window: Window) -> Result<Decoded<'_>, DecodeError> {
    let mut reader = Reader { cursor: Cursor::new(text), check: Checker::new(window), unknown_fields: 0 };
    reader.post().map_err(|stop| match stop {
        Stop::Syntax(at, what) => DecodeError::Json { at, what },
        Stop::TooManyEvents => DecodeError::TooManyEvents,
    })?
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    check: Checker,
    unknown_fields: u64,
}

impl<'a> Walk<'a> for Reader<'a> {
    #[inline]
    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.cursor
    }

    fn unknown_field(&mut self) {
        self.unknown_fields += 1;
    }
}

impl<'a> Reader<'a> {
    fn post(&mut self) -> Read<Result<Decoded<'a>, DecodeError>> {
        let mut draft = EnvelopeDraft::default();
        let mut taken = Taken::default();
        if self.cursor.peek()? == b'{' {
            self.members(&["boot_id", "sent_at", "clock_offset_ms", "agent", "events"], |r, name| match name {
                0 => set(&mut draft.boot_id, r.raw_string().map(|text| text.as_deref().and_then(random_uuid))),
                1 => set(&mut draft.sent_at_ms, r.raw_string().map(|text| text.as_deref().and_then(parse_rfc3339_ms))),
                2 => set(&mut draft.clock_offset_ms, r.raw_integer()),
                3 => set(&mut draft.agent, r.raw_string().map(|text| text.map(CompactString::from))),
                _ => r.events(&mut taken),
            })?;
        } else {
            self.skip()?;
        }
        self.cursor.end()?;
        Ok(draft.finish(taken.is_array.then_some(taken.count)).map(|envelope| Decoded {
            envelope,
            received: taken.count,
            events: taken.events,
            rejections: taken.rejections,
            unknown_fields: self.unknown_fields,
        }))
    }

    fn events(&mut self, taken: &mut Taken<'a>) -> Read<()> {
        if self.cursor.peek()? != b'[' {
            return self.skip();
        }
        taken.is_array = true;
        self.elements(|r, index| {
            if index == MAX_EVENTS {
                return Err(Stop::TooManyEvents);
            }
            taken.count += 1;
            r.cursor.peek()?;
            let start = r.cursor.pos();
            let event = r.event()?;
            let raw = r.cursor.since(start).as_bytes();
            taken.add(index as u32, event, r.check.take(), raw);
            Ok(())
        })
        .map(drop)
    }

    /// An event, or `None` with a fault noted; with a fault an event may also come, to be thrown away.
    fn event(&mut self) -> Read<Option<Event>> {
        if self.cursor.peek()? != b'{' {
            self.check.fault(EventCode::BadType, "event", "an object was due");
            return self.skip().map(|()| None);
        }
        let kind = self.event_type()?;
        match kind.as_deref() {
            Some("heartbeat") => self.heartbeat(),
            Some("burst") => self.burst(),
            Some("power") => self.power(),
            Some("bandwidth") => self.bandwidth(),
            Some("inventory") => self.inventory(),
            Some("fault") => self.fault(),
            Some("resource") => self.resource(),
            Some(_) => {
                self.check.fault(EventCode::UnknownType, "type", "none of the contract's");
                self.skip().map(|()| None)
            }
            None => self.skip().map(|()| None),
        }
    }

    /// Looks ahead for `type`, wherever it stands, and goes back to the beginning of the event.
    fn event_type(&mut self) -> Read<Option<Cow<'a, str>>> {
        let (start, unknown) = (self.cursor.pos(), self.unknown_fields);
        let kind = match self.cursor.first_type() {
            Some(kind) => Some(Cow::Borrowed(kind)),
            None => self.search_type()?,
        };
        self.cursor.rewind(start);
        self.unknown_fields = unknown;
        Ok(kind)
    }

    #[cold]
    fn search_type(&mut self) -> Read<Option<Cow<'a, str>>> {
        let mut kind = None;
        let met = self.members(&["type"], |r, _| {
            kind = r.raw_string()?;
            Ok(())
        })?;
        match (met, &kind) {
            (0, _) => self.check.fault(EventCode::MissingField, "type", "missing"),
            (_, None) => self.check.fault(EventCode::BadType, "type", "a string was due"),
            _ => {}
        }
        Ok(kind)
    }

    fn heartbeat(&mut self) -> Read<Option<Event>> {
        let mut e = Heartbeat { seq: 0, at_ms: 0, on: Vec::new(), active: Vec::new(), apps: Vec::new() };
        self.object("event", &["type", "seq", "at", "on", "active", "apps"], |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.on, r.spans("on", 8)),
            4 => set(&mut e.active, r.spans("active", 200)),
            _ => set(&mut e.apps, r.list("apps", 0..=32, |r, at| r.app(at))),
        })?;
        Ok(Some(Event::Heartbeat(e)))
    }

    fn app(&mut self, at: At) -> Read<AppSpans> {
        let mut e = AppSpans { app: CompactString::default(), spans: Vec::new() };
        self.object(at, &["app", "spans"], |r, name| match name {
            0 => set(&mut e.app, r.id("apps.app")),
            _ => set(&mut e.spans, r.spans("apps.spans", 64)),
        })?;
        Ok(e)
    }

    fn power(&mut self) -> Read<Option<Event>> {
        let mut e = Power { seq: 0, at_ms: 0, kind: PowerKind::Boot };
        self.object("event", &["type", "seq", "at", "kind"], |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            _ => set(&mut e.kind, r.symbol("kind", PowerKind::parse, PowerKind::ALL)),
        })?;
        Ok(Some(Event::Power(e)))
    }

    fn burst(&mut self) -> Read<Option<Event>> {
        const NAMES: &[&str] = &["type", "seq", "at", "anchor", "method", "link", "busy", "interval_ms", "rtt_us"];
        let mut e = Burst {
            seq: 0,
            at_ms: 0,
            anchor: CompactString::default(),
            method: Method::Udp,
            link: Link::Wired,
            busy: false,
            interval_ms: 0,
            rtt_us: Vec::new(),
        };
        self.object("event", NAMES, |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.anchor, r.id("anchor")),
            4 => set(&mut e.method, r.symbol("method", Method::parse, Method::ALL)),
            5 => set(&mut e.link, r.symbol("link", Link::parse, Link::ALL)),
            6 => set(&mut e.busy, r.boolean("busy")),
            7 => set(&mut e.interval_ms, r.integer("interval_ms", 10..=5000)),
            _ => set(&mut e.rtt_us, r.round_trips()),
        })?;
        Ok(Some(Event::Burst(e)))
    }

    fn round_trips(&mut self) -> Read<Vec<Option<i32>>> {
        self.list("rtt_us", 1..=64, |r, at| {
            if r.cursor.null()? { Ok(None) } else { r.integer(at, i32::MIN..=i32::MAX).map(Some) }
        })
    }

    fn bandwidth(&mut self) -> Read<Option<Event>> {
        const NAMES: &[&str] = &["type", "seq", "at", "direction", "bytes", "duration_us", "streams"];
        let mut e = Bandwidth { seq: 0, at_ms: 0, direction: Direction::Down, bytes: 0, duration_us: 0, streams: 0 };
        self.object("event", NAMES, |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.direction, r.symbol("direction", Direction::parse, Direction::ALL)),
            4 => set(&mut e.bytes, r.integer("bytes", 0..=u64::MAX)),
            5 => set(&mut e.duration_us, r.integer("duration_us", 1..=u64::MAX)),
            _ => set(&mut e.streams, r.integer("streams", 1..=64)),
        })?;
        Ok(Some(Event::Bandwidth(e)))
    }

    fn fault(&mut self) -> Read<Option<Event>> {
        let mut e = Fault {
            seq: 0,
            at_ms: 0,
            class: FaultClass::Other,
            state: FaultState::Open,
            id: Uuid::nil(),
            detail: CompactString::default(),
        };
        self.object("event", &["type", "seq", "at", "class", "state", "id", "detail"], |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.class, r.symbol("class", FaultClass::parse, FaultClass::ALL)),
            4 => set(&mut e.state, r.symbol("state", FaultState::parse, FaultState::ALL)),
            5 => set(&mut e.id, r.uuid("id")),
            _ => set(&mut e.detail, r.text("detail", 500)),
        })?;
        Ok(Some(Event::Fault(e)))
    }

    fn resource(&mut self) -> Read<Option<Event>> {
        let mut e = Resource { seq: 0, at_ms: 0, kind: ResourceKind::Open, app: CompactString::default(), count: 0 };
        self.object("event", &["type", "seq", "at", "kind", "app", "count"], |r, name| match name {
            0 => r.skip(),
            1 => set(&mut e.seq, r.integer("seq", U32)),
            2 => set(&mut e.at_ms, r.instant()),
            3 => set(&mut e.kind, r.symbol("kind", ResourceKind::parse, ResourceKind::ALL)),
            4 => set(&mut e.app, r.id("app")),
            _ => set(&mut e.count, r.integer("count", 1..=100_000)),
        })?;
        Ok(Some(Event::Resource(e)))
    }
}

mod fields;
mod inventory;

/// What the array of events yields.
#[derive(Default)]
struct Taken<'a> {
    is_array: bool,
    count: u32,
    events: Events,
    rejections: Vec<Rejection<'a>>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, index: u32, event: Option<Event>, fault: Option<super::check::Fault>, raw: &'a [u8]) {
        match (fault, event) {
            (Some(fault), _) => self.rejections.push(Rejection { index, fault, raw }),
            (None, Some(event)) => self.events.push(event),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
