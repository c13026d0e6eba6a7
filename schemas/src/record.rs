//! What the edge writes to Kafka: one record per post and belonging (DESIGN section 3).

use crate::codes::EventCode;
use crate::event::Events;
use crate::time::Day;
use compact_str::CompactString;
use uuid::Uuid;

/// Where a device-day belongs, and the half-open range of days `[from_day, until_day)` in which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Belonging {
    /// School number.
    pub school_no: u32,
    /// Class number, 0: none.
    pub class_no: u32,
    /// GB/T 2260 code of the area that directly manages the school.
    pub division: u32,
    /// Enrolled before the day, not retired or suspended, school normal, all at 00:00.
    pub in_service: bool,
    /// First day.
    pub from_day: Day,
    /// Day after the last.
    pub until_day: Day,
}

/// What a correction that reaches back says of the days of a record's belonging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Correction {
    /// Its place in the order of approvals; of several for a day the highest holds.
    pub seq: u32,
    /// The record has no events and tells where the days belong; else its events are copies of some that were stamped
    /// otherwise.
    pub marker: bool,
    /// School to which the days belong.
    pub school_no: u32,
    /// Class, 0: none.
    pub class_no: u32,
    /// Area that directly manages the school.
    pub division: u32,
    /// Whether they are in service.
    pub in_service: bool,
}

/// Value of `telemetry.events.v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Device number.
    pub device_no: u32,
    /// Random at each agent start.
    pub boot_id: Uuid,
    /// Agent version.
    pub agent: CompactString,
    /// When the edge took the post, ms.
    pub received_at_ms: i64,
    /// What the agent adds to its wall clock, ms.
    pub clock_offset_ms: i64,
    /// The belonging stamped by the edge; the record is folded only into its days.
    pub belonging: Belonging,
    /// The valid events of the post that touch those days.
    pub events: Events,
    /// Written by the processors; none in what the edge writes.
    pub correction: Option<Correction>,
}

/// Value of `telemetry.rejected.v1`: one invalid event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Device number.
    pub device_no: u32,
    /// Boot of the post.
    pub boot_id: Uuid,
    /// When the edge took the post, ms.
    pub received_at_ms: i64,
    /// Index in the post.
    pub index: u32,
    /// First fault.
    pub code: EventCode,
    /// What is wrong, in words.
    pub detail: String,
    /// The event's bytes as posted, capped at 4 KiB.
    pub raw: Vec<u8>,
}

/// Value of `telemetry.dead.v1`: a record or event that a processor could not fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRecord {
    /// Source topic.
    pub topic: String,
    /// Source partition.
    pub partition: i32,
    /// Source offset.
    pub offset: i64,
    /// Consumer group that gave up.
    pub group: String,
    /// Stable reason code: `undecodable`, `over_bound`.
    pub reason: String,
    /// What is wrong, in words.
    pub detail: String,
    /// When it was given up, ms.
    pub at_ms: i64,
    /// The source record's key.
    pub key: Vec<u8>,
    /// The source record's value.
    pub value: Vec<u8>,
}
