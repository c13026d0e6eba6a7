//! The queue of events that the edge has not settled yet, oldest first.

use schemas::event::{Event, Stream};
use schemas::time::format_rfc3339_ms;
use std::collections::VecDeque;
use uuid::Uuid;

/// Identity and time of an event within its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meta {
    /// Boot it belongs to.
    pub boot_id: Uuid,
    /// Stream.
    pub stream: Stream,
    /// Number in boot and stream.
    pub seq: u32,
    /// The moment it speaks of, ms.
    pub at_ms: i64,
}

/// An event as it is spooled: the bytes that are sent. Copies are identical because they are these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Identity and time.
    pub meta: Meta,
    /// The event as JSON of the contract.
    pub json: String,
}

/// Stream, number and time of an event.
#[must_use]
pub fn coordinates(event: &Event) -> (Stream, u32, i64) {
    match event {
        Event::Heartbeat(e) => (Stream::Activity, e.seq, e.at_ms),
        Event::Power(e) => (Stream::Activity, e.seq, e.at_ms),
        Event::Burst(e) => (Stream::Network, e.seq, e.at_ms),
        Event::Bandwidth(e) => (Stream::Network, e.seq, e.at_ms),
        Event::Inventory(e) => (Stream::Device, e.seq, e.at_ms),
        Event::Fault(e) => (Stream::Device, e.seq, e.at_ms),
        Event::Resource(e) => (Stream::Resource, e.seq, e.at_ms),
    }
}

impl Entry {
    /// Writes an event out.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn new(boot_id: Uuid, event: &Event) -> Result<Entry, serde_json::Error> {
        let (stream, seq, at_ms) = coordinates(event);
        Ok(Entry { meta: Meta { boot_id, stream, seq, at_ms }, json: serde_json::to_string(event)? })
    }

    /// The same event at another time; for events that were never sent.
    #[must_use]
    pub fn moved(self, by_ms: i64) -> Entry {
        let at_ms = self.meta.at_ms + by_ms;
        let at = |ms| format!("\"at\":\"{}\"", format_rfc3339_ms(ms));
        let json = self.json.replacen(&at(self.meta.at_ms), &at(at_ms), 1);
        Entry { meta: Meta { at_ms, ..self.meta }, json }
    }
}

/// Where a client keeps its events. One post is in flight at a time, always the front.
pub trait Spool {
    /// What storing can run into.
    type Error: std::error::Error;

    /// Boot of the oldest event.
    fn front_boot(&self) -> Option<Uuid>;

    /// The oldest events of one boot: at most `max_events`, at most `max_bytes` together, at least one if there is
    /// any.
    fn front(&self, max_events: usize, max_bytes: usize) -> Vec<Entry>;

    /// Promises, durably, that the oldest `count` events will not change any more. Called before they are sent.
    ///
    /// # Errors
    /// The promise cannot be stored: nothing may be sent then.
    fn freeze(&mut self, count: usize) -> Result<(), Self::Error>;

    /// Forgets the oldest `count` events.
    ///
    /// # Errors
    /// That cannot be stored; the events would come back after a crash, which is harmless.
    fn remove(&mut self, count: usize) -> Result<(), Self::Error>;

    /// Moves the events of `boot_id` that were never frozen.
    ///
    /// # Errors
    /// That cannot be stored.
    fn shift_unsent(&mut self, boot_id: Uuid, by_ms: i64) -> Result<(), Self::Error>;
}

/// A spool without a disk, and the queue inside the one that has it.
#[derive(Clone, Debug, Default)]
pub struct MemorySpool {
    entries: VecDeque<Entry>,
    frozen: usize,
    bytes: usize,
}

impl MemorySpool {
    /// Appends an event.
    pub fn push(&mut self, entry: Entry) {
        self.bytes += entry.json.len();
        self.entries.push_back(entry);
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all events.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of the oldest events are frozen.
    #[must_use]
    pub fn frozen(&self) -> usize {
        self.frozen
    }

    /// All events, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets the oldest `count` events.
    pub fn pop(&mut self, count: usize) {
        for entry in self.entries.drain(..count.min(self.entries.len())) {
            self.bytes -= entry.json.len();
        }
        self.frozen = self.frozen.saturating_sub(count);
    }

    /// Freezes the oldest `count` events.
    pub fn mark(&mut self, count: usize) {
        self.frozen = self.frozen.max(count.min(self.entries.len()));
    }

    /// Moves what is not frozen of `boot_id`.
    pub fn shift(&mut self, boot_id: Uuid, by_ms: i64) {
        for entry in self.entries.iter_mut().skip(self.frozen) {
            if entry.meta.boot_id == boot_id {
                let old = std::mem::replace(entry, Entry { meta: entry.meta, json: String::new() });
                self.bytes -= old.json.len();
                *entry = old.moved(by_ms);
                self.bytes += entry.json.len();
            }
        }
    }
}

impl Spool for MemorySpool {
    type Error = std::convert::Infallible;

    fn front_boot(&self) -> Option<Uuid> {
        self.entries.front().map(|entry| entry.meta.boot_id)
    }

    fn front(&self, max_events: usize, max_bytes: usize) -> Vec<Entry> {
        let boot = self.front_boot();
        let mut bytes = 0;
        let fits = |(i, entry): &(usize, &Entry)| {
            bytes += entry.json.len() + 1;
            Some(entry.meta.boot_id) == boot && (*i == 0 || bytes <= max_bytes)
        };
        self.entries.iter().take(max_events.max(1)).enumerate().take_while(fits).map(|(_, e)| e.clone()).collect()
    }

    fn freeze(&mut self, count: usize) -> Result<(), Self::Error> {
        self.mark(count);
        Ok(())
    }

    fn remove(&mut self, count: usize) -> Result<(), Self::Error> {
        self.pop(count);
        Ok(())
    }

    fn shift_unsent(&mut self, boot_id: Uuid, by_ms: i64) -> Result<(), Self::Error> {
        self.shift(boot_id, by_ms);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
pub(crate) mod tests {
    use super::*;
    use schemas::event::{Power, PowerKind};

    pub(crate) fn entry(boot: u128, seq: u32) -> Entry {
        let at_ms = 1_790_000_000_000 + i64::from(seq) * 1_000;
        Entry::new(Uuid::from_u128(boot), &Event::Power(Power { seq, at_ms, kind: PowerKind::Boot })).unwrap()
    }

    #[test]
    fn an_entry_moves_in_its_bytes() {
        let moved = entry(1, 0).moved(60_000);
        let expected = Event::Power(Power { seq: 0, at_ms: 1_790_000_060_000, kind: PowerKind::Boot });
        assert_eq!(moved, Entry::new(Uuid::from_u128(1), &expected).unwrap());
    }

    #[test]
    fn a_batch_is_of_one_boot_and_within_its_bounds() {
        let mut spool = MemorySpool::default();
        (0..4).for_each(|seq| spool.push(entry(1, seq)));
        spool.push(entry(2, 0));
        assert_eq!(spool.front(500, 1 << 20).len(), 4);
        assert_eq!(spool.front(3, 1 << 20).len(), 3);
        assert_eq!(spool.front(500, entry(1, 0).json.len() * 2 + 2).len(), 2);
        assert_eq!(spool.front(500, 1).len(), 1, "an event that is too large alone still has to be tried");
        spool.pop(4);
        assert_eq!(spool.front(500, 1 << 20), [entry(2, 0)]);
    }

    #[test]
    fn only_what_is_not_frozen_moves() {
        let mut spool = MemorySpool::default();
        (0..3).for_each(|seq| spool.push(entry(1, seq)));
        spool.push(entry(2, 0));
        spool.mark(1);
        spool.shift(Uuid::from_u128(1), 5_000);
        let entries: Vec<_> = spool.entries().cloned().collect();
        assert_eq!(entries, [entry(1, 0), entry(1, 1).moved(5_000), entry(1, 2).moved(5_000), entry(2, 0)]);
        let bytes: usize = entries.iter().map(|entry| entry.json.len()).sum();
        assert_eq!(spool.bytes(), bytes);
    }
}
