//! The records that a post becomes.

use super::decode::{Envelope, Rejection};
use super::stamp::stamp;
use schemas::event::Events;
use schemas::record::{Belonging, EventRecord, RejectedRecord};
use schemas::registry::BelongingFrom;
use smallvec::SmallVec;

/// What is kept of an invalid event's bytes.
const RAW_BYTES: usize = 4096;

/// What the records of a post have in common.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Who posted.
    pub device_no: u32,
    /// When, ms.
    pub received_at_ms: i64,
    /// What it says of itself.
    pub envelope: &'a Envelope,
}

/// Records of a post; mostly one.
pub type Records = SmallVec<[EventRecord; 1]>;

/// The records of the valid events: one per belonging, and more where one would grow beyond `max_bytes`.
#[must_use]
pub fn records(post: &Post<'_>, events: Events, belongings: &[BelongingFrom], max_bytes: usize) -> Records {
    let mut records = Records::new();
    for (belonging, events) in stamp(events, belongings) {
        split(events, max_bytes, &mut |events| records.push(record(post, belonging, events)));
    }
    records
}

fn record(post: &Post<'_>, belonging: Belonging, events: Events) -> EventRecord {
    EventRecord {
        device_no: post.device_no,
        boot_id: post.envelope.boot_id,
        agent: post.envelope.agent.clone(),
        received_at_ms: post.received_at_ms,
        clock_offset_ms: post.envelope.clock_offset_ms,
        belonging,
        events,
        correction: None,
    }
}

/// Halves events until each part is small enough, or a single one.
fn split(mut events: Events, max_bytes: usize, part: &mut impl FnMut(Events)) {
    if events.len() <= 1 || size(&events) <= max_bytes {
        return part(events);
    }
    let second = Events {
        heartbeats: half(&mut events.heartbeats),
        power: half(&mut events.power),
        bursts: half(&mut events.bursts),
        bandwidth: half(&mut events.bandwidth),
        inventory: half(&mut events.inventory),
        faults: half(&mut events.faults),
        resources: half(&mut events.resources),
    };
    if second.is_empty() {
        // One event of each kind: what is left of the first half goes one by one.
        return singles(events, part);
    }
    split(events, max_bytes, part);
    split(second, max_bytes, part);
}

fn half<T>(events: &mut Vec<T>) -> Vec<T> {
    events.split_off(events.len().div_ceil(2))
}

fn singles(events: Events, part: &mut impl FnMut(Events)) {
    let Events { heartbeats, power, bursts, bandwidth, inventory, faults, resources } = events;
    part(Events { heartbeats, power, bursts, bandwidth, ..Events::default() });
    part(Events { inventory, ..Events::default() });
    part(Events { faults, resources, ..Events::default() });
}

/// An upper estimate of the encoded size.
fn size(events: &Events) -> usize {
    /// `seq`, `at` and the small fields of any event.
    const EVENT: usize = 48;
    /// Two numbers of up to four bytes.
    const SPAN: usize = 8;
    let spans = |e: &schemas::event::Heartbeat| {
        let apps: usize = e.apps.iter().map(|app| 4 + app.app.len() + SPAN * app.spans.len()).sum();
        SPAN * (e.on.len() + e.active.len()) + apps
    };
    let heartbeats: usize = events.heartbeats.iter().map(spans).sum();
    let bursts: usize = events.bursts.iter().map(|e| e.anchor.len() + 6 * e.rtt_us.len()).sum();
    let inventories: usize = events.inventory.iter().map(inventory_size).sum();
    let faults: usize = events.faults.iter().map(|e| 36 + e.detail.len()).sum();
    let resources: usize = events.resources.iter().map(|e| e.app.len()).sum();
    events.len() * EVENT + heartbeats + bursts + inventories + faults + resources
}

fn inventory_size(inventory: &schemas::event::Inventory) -> usize {
    /// The fixed parts: processor, screen, ports, camera, and the numbers of a row.
    const FIXED: usize = 160;
    const ROW: usize = 24;
    let os = inventory.os.name.len() + inventory.os.version.len() + inventory.os.build.len();
    let graphics: usize = inventory.graphics.iter().flatten().map(|e| ROW + e.model.len()).sum();
    let nics: usize = inventory.nics.iter().flatten().map(|e| ROW + e.mac.len()).sum();
    let software: usize = inventory.software.iter().flatten().map(|e| ROW + e.name.len() + e.version.len()).sum();
    FIXED + inventory.cpu.model.len() + os + ROW * inventory.disks.len() + graphics + nics + software
}

/// The record of an invalid event.
#[must_use]
pub fn rejected(post: &Post<'_>, rejection: &Rejection<'_>) -> RejectedRecord {
    RejectedRecord {
        device_no: post.device_no,
        boot_id: post.envelope.boot_id,
        received_at_ms: post.received_at_ms,
        index: rejection.index,
        code: rejection.fault.code,
        detail: rejection.fault.to_string(),
        raw: rejection.raw[..rejection.raw.len().min(RAW_BYTES)].to_vec(),
    }
}

#[cfg(test)]
mod tests;
