//! Records become archive rows: one per event, keyed so that the copy with the lowest offset wins.

use crate::logic::digest::sha256_u64;
use schemas::event::{Event, Events, Stream};
use schemas::record::{Belonging, EventRecord};
use schemas::rows::EventRawRow;
use schemas::time::Day;
use std::collections::BTreeMap;

/// `ver` of the first topic's offset 0; it falls by one per offset, so that of two copies the one earlier in the log is
/// the newer row.
const VER_OF_FIRST_OFFSET: u64 = 1 << 63;
/// By how much it falls per topic: no partition has so many records.
const OFFSETS_PER_TOPIC: u64 = 1 << 47;

/// Where a record stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Topics before the one that it stands in; earlier topics come first in the log.
    pub generation: u16,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// Rows that wait for one insert, and the offsets to commit once it is acknowledged.
#[derive(Debug, Default)]
pub struct Batch {
    rows: Vec<EventRawRow>,
    bytes: usize,
    next_offsets: BTreeMap<i32, i64>,
}

impl Batch {
    /// Adds the events of a record.
    ///
    /// # Errors
    /// An event has no JSON; nothing of the record is added, its offset stays out too.
    pub fn push(&mut self, record: EventRecord, at: Position) -> Result<(), serde_json::Error> {
        let rows = rows(record, at)?;
        self.bytes += rows.iter().map(|row| row.payload.len() + size_of::<EventRawRow>()).sum::<usize>();
        self.rows.extend(rows);
        self.pass(at);
        Ok(())
    }

    /// Counts a record as done without rows.
    pub fn pass(&mut self, at: Position) {
        let next = self.next_offsets.entry(at.partition).or_default();
        *next = (*next).max(at.offset + 1);
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[EventRawRow] {
        &self.rows
    }

    /// Memory held, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nothing to write and nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next_offsets.is_empty()
    }

    /// Offsets to commit, by partition: each one past the last record of the batch.
    #[must_use]
    pub fn next_offsets(&self) -> &BTreeMap<i32, i64> {
        &self.next_offsets
    }

    /// Empties the batch; the room of the rows is kept.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.next_offsets.clear();
        self.bytes = 0;
    }
}

/// The rows of a record, in the order of the contract's type table, then of the post. Copies that a correction made have
/// none: what they were copied from is in the archive, as it was stamped.
fn rows(record: EventRecord, at: Position) -> Result<Vec<EventRawRow>, serde_json::Error> {
    if record.correction.is_some() {
        return Ok(Vec::new());
    }
    let EventRecord { device_no, boot_id, agent, received_at_ms, clock_offset_ms, belonging, events, .. } = record;
    let mut rows = Vec::with_capacity(events.len());
    for event in in_order(events) {
        let payload = serde_json::to_string(&event)?;
        let key = key(&event);
        rows.push(EventRawRow {
            device_no,
            boot_id,
            stream: key.stream as i8,
            seq: key.seq,
            from_day: date(belonging.from_day),
            until_day: date(belonging.until_day),
            division: belonging.division,
            school_no: belonging.school_no,
            class_no: belonging.class_no,
            in_service: u8::from(belonging.in_service),
            kind: key.kind,
            at: key.at_ms,
            received_at: received_at_ms,
            agent: agent.to_string(),
            clock_offset_ms,
            kafka_partition: u32::try_from(at.partition).unwrap_or_default(),
            kafka_offset: offset(at),
            // The payload holds type, seq, `at` and content, and no stamp of the edge.
            content_hash: sha256_u64(payload.as_bytes()),
            payload,
            ver: VER_OF_FIRST_OFFSET - u64::from(at.generation) * OFFSETS_PER_TOPIC - offset(at),
        });
    }
    Ok(rows)
}

/// The record of one archived event, as the edge stamped it.
///
/// # Errors
/// A payload that the archive did not write.
pub fn record_of(row: EventRawRow) -> Result<EventRecord, serde_json::Error> {
    let mut events = Events::default();
    events.push(serde_json::from_str(&row.payload)?);
    let belonging = Belonging {
        school_no: row.school_no,
        class_no: row.class_no,
        division: row.division,
        in_service: row.in_service != 0,
        from_day: Day(i32::from(row.from_day)),
        until_day: Day(i32::from(row.until_day)),
    };
    Ok(EventRecord {
        device_no: row.device_no,
        boot_id: row.boot_id,
        agent: row.agent.into(),
        received_at_ms: row.received_at,
        clock_offset_ms: row.clock_offset_ms,
        belonging,
        events,
        correction: None,
    })
}

fn offset(at: Position) -> u64 {
    u64::try_from(at.offset).unwrap_or_default()
}

fn in_order(events: Events) -> impl Iterator<Item = Event> {
    let Events { heartbeats, power, bursts, bandwidth, inventory, faults, resources } = events;
    heartbeats
        .into_iter()
        .map(Event::Heartbeat)
        .chain(power.into_iter().map(Event::Power))
        .chain(bursts.into_iter().map(Event::Burst))
        .chain(bandwidth.into_iter().map(Event::Bandwidth))
        .chain(inventory.into_iter().map(|event| Event::Inventory(Box::new(event))))
        .chain(faults.into_iter().map(Event::Fault))
        .chain(resources.into_iter().map(Event::Resource))
}

/// What of an event has columns of its own.
struct Key {
    stream: Stream,
    /// Index in the column's enum, which follows the contract's type table.
    kind: i8,
    seq: u32,
    at_ms: i64,
}

fn key(event: &Event) -> Key {
    let key = |stream, kind, seq, at_ms| Key { stream, kind, seq, at_ms };
    match event {
        Event::Heartbeat(e) => key(Stream::Activity, 0, e.seq, e.at_ms),
        Event::Power(e) => key(Stream::Activity, 1, e.seq, e.at_ms),
        Event::Burst(e) => key(Stream::Network, 2, e.seq, e.at_ms),
        Event::Bandwidth(e) => key(Stream::Network, 3, e.seq, e.at_ms),
        Event::Inventory(e) => key(Stream::Device, 4, e.seq, e.at_ms),
        Event::Fault(e) => key(Stream::Device, 5, e.seq, e.at_ms),
        Event::Resource(e) => key(Stream::Resource, 6, e.seq, e.at_ms),
    }
}

/// A day as ClickHouse's `Date`, held within what it can hold.
pub(crate) fn date(day: Day) -> u16 {
    u16::try_from(day.0.clamp(Day::FIRST.0, Day::OPEN.0)).unwrap_or(u16::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::event::{Burst, Heartbeat, Link, Method, Power, PowerKind, Span};
    use schemas::time::parse_rfc3339_ms;
    use uuid::Uuid;

    #[test]
    fn what_a_correction_wrote_is_passed_over() {
        let place = schemas::record::Correction {
            seq: 1,
            marker: false,
            school_no: 11,
            class_no: 0,
            division: 440_106,
            in_service: true,
        };
        let mut batch = Batch::default();
        batch
            .push(
                EventRecord { correction: Some(place), ..record() },
                Position { generation: 0, partition: 3, offset: 7 },
            )
            .unwrap();
        assert_eq!((batch.rows().len(), batch.next_offsets().clone()), (0, BTreeMap::from([(3, 8)])));
    }

    fn at_ms() -> i64 {
        parse_rfc3339_ms("2026-11-20T09:15:04.120+08:00").unwrap()
    }

    fn burst() -> Burst {
        Burst {
            seq: 0,
            at_ms: at_ms(),
            anchor: "gz-1".into(),
            method: Method::Udp,
            link: Link::Wired,
            busy: false,
            interval_ms: 200,
            rtt_us: vec![Some(21_000), None],
        }
    }

    fn record() -> EventRecord {
        let on = vec![Span { from_ms_ago: 60_000, to_ms_ago: 0 }];
        let mut events = Events::default();
        events.push(Event::Burst(burst()));
        events.push(Event::Power(Power { seq: 8, at_ms: at_ms(), kind: PowerKind::Boot }));
        events.push(Event::Heartbeat(Heartbeat { seq: 7, at_ms: at_ms(), on, active: vec![], apps: vec![] }));
        EventRecord {
            device_no: 5,
            boot_id: Uuid::from_u128(1),
            agent: "1.0.3".into(),
            received_at_ms: at_ms() + 900,
            clock_offset_ms: -3,
            belonging: Belonging {
                school_no: 10,
                class_no: 4,
                division: 440_106,
                in_service: true,
                from_day: Day::FIRST,
                until_day: Day::OPEN,
            },
            events,
            correction: None,
        }
    }

    fn filled(offset: i64) -> Batch {
        let mut batch = Batch::default();
        batch.push(record(), Position { generation: 0, partition: 2, offset }).unwrap();
        batch
    }

    #[test]
    fn each_event_becomes_a_row_with_its_json_of_the_contract() {
        let batch = filled(41);
        let rows = batch.rows();
        assert_eq!(
            rows.iter().map(|row| (row.stream, row.kind, row.seq)).collect::<Vec<_>>(),
            [(0, 0, 7), (0, 1, 8), (1, 2, 0)]
        );
        assert_eq!(
            rows[0].payload,
            r#"{"type":"heartbeat","seq":7,"at":"2026-11-20T09:15:04.120+08:00","on":[[60000,0]],"active":[],"apps":[]}"#
        );
        assert_eq!((rows[0].from_day, rows[0].until_day, rows[0].in_service), (0, 65_535, 1));
        assert_eq!((rows[0].kafka_partition, rows[0].kafka_offset), (2, 41));
        assert_eq!(batch.next_offsets(), &BTreeMap::from([(2, 42)]));
    }

    #[test]
    fn a_row_gives_its_event_and_stamps_back() {
        let mut whole = record();
        whole.events = Events::default();
        for row in filled(41).rows() {
            let single = record_of(row.clone()).unwrap();
            whole.events.heartbeats.extend(single.events.heartbeats.clone());
            whole.events.power.extend(single.events.power.clone());
            whole.events.bursts.extend(single.events.bursts.clone());
            assert_eq!(
                EventRecord { events: Events::default(), ..single },
                EventRecord { events: Events::default(), ..record() }
            );
        }
        assert_eq!(whole, record());
    }

    #[test]
    fn of_two_copies_the_earlier_in_the_log_is_the_newer_row() {
        let (first, again) = (filled(41), filled(42));
        assert!(first.rows()[0].ver > again.rows()[0].ver);
        assert_eq!(filled(0).rows()[0].ver, 1 << 63);
        // A copy in a later topic is later in the log, whatever its offset.
        let mut later = Batch::default();
        later.push(record(), Position { generation: 1, partition: 2, offset: 0 }).unwrap();
        assert!(filled(1 << 46).rows()[0].ver > later.rows()[0].ver);
    }

    #[test]
    fn the_hash_speaks_of_content_and_of_no_stamp() {
        let mut stamped = record();
        stamped.received_at_ms += 1;
        stamped.belonging.school_no = 11;
        let mut other = record();
        other.events.bursts[0].rtt_us[0] = Some(21_001);
        let hash = |record| {
            let mut batch = Batch::default();
            batch.push(record, Position { generation: 0, partition: 0, offset: 0 }).unwrap();
            batch.rows()[2].content_hash
        };
        assert_eq!(hash(record()), hash(stamped));
        assert_ne!(hash(record()), hash(other));
    }

    #[test]
    fn a_cleared_batch_commits_nothing() {
        let mut batch = filled(41);
        batch.pass(Position { generation: 0, partition: 3, offset: 9 });
        assert_eq!(batch.next_offsets(), &BTreeMap::from([(2, 42), (3, 10)]));
        assert!(batch.bytes() > 0);
        batch.clear();
        assert!(batch.is_empty() && batch.rows().is_empty() && batch.bytes() == 0);
    }
}
