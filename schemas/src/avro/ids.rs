//! The schemas that this build knows, with their fixed ids (`schemas/avro/ids.toml`).

/// One version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaEntry {
    /// Subject, `<topic>-value`.
    pub subject: &'static str,
    /// Version within the subject, from 1.
    pub version: u32,
    /// Id in the framing, the same for ever.
    pub id: u32,
    /// The schema as published (JSON).
    pub text: &'static str,
}

/// `telemetry.events.v1-value`, without a correction: all that the edge writes.
pub const EVENT_RECORD: u32 = 1;
/// `telemetry.events.v1-value`, with one.
pub const CORRECTED_EVENT_RECORD: u32 = 7;
/// `registry.corrections.v1-value`
pub const CORRECTION_RECORD: u32 = 8;
/// `telemetry.rejected.v1-value`
pub const REJECTED_RECORD: u32 = 2;
/// `telemetry.dead.v1-value`
pub const DEAD_RECORD: u32 = 3;
/// `registry.orgs.v1-value`
pub const ORG_RECORD: u32 = 4;
/// `registry.devices.v1-value`
pub const DEVICE_RECORD: u32 = 5;
/// `device-post-value`
pub const DEVICE_POST: u32 = 6;

macro_rules! entry {
    ($subject:literal, $version:literal, $id:expr) => {
        SchemaEntry {
            subject: $subject,
            version: $version,
            id: $id,
            text: include_str!(concat!("../../avro/history/", $subject, "/v", $version, ".avsc")),
        }
    };
}

/// Every version of every subject, ascending by subject as listed and version; the last of a subject is its latest.
pub const SCHEMAS: &[SchemaEntry] = &[
    entry!("telemetry.events.v1-value", 1, EVENT_RECORD),
    entry!("telemetry.events.v1-value", 2, CORRECTED_EVENT_RECORD),
    entry!("telemetry.rejected.v1-value", 1, REJECTED_RECORD),
    entry!("telemetry.dead.v1-value", 1, DEAD_RECORD),
    entry!("registry.orgs.v1-value", 1, ORG_RECORD),
    entry!("registry.devices.v1-value", 1, DEVICE_RECORD),
    entry!("device-post-value", 1, DEVICE_POST),
    entry!("registry.corrections.v1-value", 1, CORRECTION_RECORD),
];
