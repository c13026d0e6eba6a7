//! ClickHouse rows of the tables in `schemas/clickhouse`, field for column. `day` is a `Date` (days since
//! 1970-01-01), `last_received` and the like `DateTime64(3)` in ms; interval columns are flat `[from, to, …]`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The migrations, in order: number, name, statements.
pub const MIGRATIONS: &[(u32, &str, &str)] = &[
    (1, "tables", include_str!("../clickhouse/0001_tables.sql")),
    (2, "reading", include_str!("../clickhouse/0002_reading.sql")),
    (3, "rebuild", include_str!("../clickhouse/0003_rebuild.sql")),
    (4, "last_heartbeat", include_str!("../clickhouse/0004_last_heartbeat.sql")),
    (5, "corrections", include_str!("../clickhouse/0005_corrections.sql")),
];

/// `verdict` of a device-day (METRICS section 4).
pub mod verdict {
    /// Too few bursts to judge.
    pub const UNKNOWN: i8 = 0;
    /// Latency and jitter hold.
    pub const PASS: i8 = 1;
    /// One of them does not.
    pub const FAIL: i8 = 2;
}

/// Table `device_day`; columns are documented in the DDL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct DeviceDayRow {
    pub division: u32,
    pub school_no: u32,
    pub day: u16,
    pub device_no: u32,
    pub class_no: u32,
    pub in_service: u8,
    pub ver: u32,
    pub events: u32,
    pub on_s: u32,
    pub active_s: u32,
    pub sessions: u16,
    pub lessons: u8,
    pub used: u8,
    pub first_s: Option<u32>,
    pub last_s: Option<u32>,
    pub last_received: i64,
    pub last_heartbeat: i64,
    pub on_spans: Vec<u32>,
    pub active_spans: Vec<u32>,
    pub session_spans: Vec<u32>,
    pub app_ids: Vec<String>,
    pub app_s: Vec<u32>,
    pub app_spans: Vec<Vec<u32>>,
    #[serde(with = "uuids")]
    pub seen_boots: Vec<Uuid>,
    pub seen_ranges: Vec<Vec<u32>>,
    pub corrections: Vec<u32>,
    pub moved_division: u32,
    pub moved_school_no: u32,
}

/// Table `network_day`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct NetworkDayRow {
    pub division: u32,
    pub school_no: u32,
    pub day: u16,
    pub device_no: u32,
    pub class_no: u32,
    pub in_service: u8,
    pub ver: u32,
    pub bursts: u16,
    pub busy: u16,
    pub outage: u16,
    pub partial: u16,
    pub valid: u16,
    pub probes_sent: u32,
    pub probes_lost: u32,
    pub probes_invalid: u32,
    pub judged: u16,
    pub latency_ok: u16,
    pub jitter_ok: u16,
    pub verdict: i8,
    pub latency_hist: Vec<u16>,
    pub jitter_hist: Vec<u16>,
    pub last_received: i64,
    #[serde(with = "uuids")]
    pub seen_boots: Vec<Uuid>,
    pub seen_ranges: Vec<Vec<u32>>,
    pub corrections: Vec<u32>,
    pub moved_division: u32,
    pub moved_school_no: u32,
}

/// Table `school_day`, as written (with the EPHEMERAL list instead of the bitmap).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct SchoolDayRow {
    pub division: u32,
    pub school_no: u32,
    pub day: u16,
    pub ver: u32,
    pub hidden_ver: u32,
    pub reporting: u32,
    pub powered: u32,
    pub used: u32,
    pub classes_used: u32,
    pub on_s: u64,
    pub active_s: u64,
    pub active_s_reporting: u64,
    pub lessons_used: u32,
    pub online: Vec<u16>,
    pub active: Vec<u16>,
    pub reporting_unlisted: u32,
    pub session_device_nos: Vec<u32>,
}

/// Table `school_network_day`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct SchoolNetworkDayRow {
    pub division: u32,
    pub school_no: u32,
    pub day: u16,
    pub ver: u32,
    pub hidden_ver: u32,
    pub pass: u32,
    pub fail: u32,
    pub unknown: u32,
    pub bursts: u64,
    pub busy: u64,
    pub outage: u64,
    pub partial: u64,
    pub valid: u64,
    pub probes_sent: u64,
    pub probes_lost: u64,
    pub probes_invalid: u64,
    pub latency_hist: Vec<u32>,
    pub jitter_hist: Vec<u32>,
}

/// Table `orgs`; enums by the index of their `ALL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct OrgRow {
    pub id: String,
    pub level: i8,
    pub division: u32,
    pub school_no: u32,
    pub class_no: u32,
    pub name: String,
    pub parent: String,
    pub school_type: String,
    pub status: i8,
    pub batch: u8,
    pub pilot: u8,
    pub ver: u64,
}

/// Table `devices`; enums by the index of their `ALL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct DeviceRow {
    pub device_no: u32,
    #[serde(with = "uuid_pair")]
    pub device_id: Uuid,
    pub school_no: u32,
    pub class_no: u32,
    pub division: u32,
    pub kind: i8,
    pub state: i8,
    pub enrolled_at: i64,
    pub ver: u64,
}

/// Table `roster_day`, as written (with the EPHEMERAL list instead of the bitmap).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct RosterDayRow {
    pub division: u32,
    pub school_no: u32,
    pub day: u16,
    pub in_service: u32,
    pub classes: u32,
    pub school_day: u8,
    pub provisional: u8,
    pub lessons: u8,
    pub in_service_nos: Vec<u32>,
    pub ver: u64,
}

/// Table `calendar_day`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct CalendarDayRow {
    pub org: String,
    pub day: u16,
    pub school_day: u8,
    pub provisional: u8,
    pub name: String,
    pub ver: u64,
}

/// Table `ledger_sets`; enums by index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct LedgerSetRow {
    pub name: String,
    pub group_id: String,
    pub definition_version: String,
    pub definitions: String,
    pub source: i8,
    pub from_day: u16,
    pub until_day: u16,
    pub state: i8,
    pub changed_at: i64,
    pub ver: u64,
}

/// Table `readers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct ReadersRow {
    pub what: String,
    pub set_name: String,
    pub definition_version: String,
    pub definitions: String,
    pub since: i64,
    pub ver: u64,
}

/// Table `corrections`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct CorrectionRow {
    pub correction_no: u32,
    pub seq: u32,
    pub kind: String,
    pub object: String,
    pub from_day: u16,
    pub until_day: u16,
    pub reason: String,
    pub proposed_by: String,
    pub approved_by: String,
    pub approved_at: i64,
    pub device_days: u32,
    pub applied_at: i64,
    pub ver: u64,
}

/// Table `corrected_days`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct CorrectedDaysRow {
    pub device_no: u32,
    pub from_day: u16,
    pub until_day: u16,
    pub seq: u32,
    pub correction_no: u32,
    pub old_division: u32,
    pub old_school_no: u32,
    pub old_class_no: u32,
    pub old_in_service: u8,
    pub division: u32,
    pub school_no: u32,
    pub class_no: u32,
    pub in_service: u8,
}

/// Table `events_raw`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "clickhouse", derive(clickhouse::Row))]
#[allow(missing_docs, reason = "every column is documented in the DDL under the same name")]
pub struct EventRawRow {
    pub device_no: u32,
    #[serde(with = "uuid_pair")]
    pub boot_id: Uuid,
    pub stream: i8,
    pub seq: u32,
    pub from_day: u16,
    pub until_day: u16,
    pub division: u32,
    pub school_no: u32,
    pub class_no: u32,
    pub in_service: u8,
    #[serde(rename = "type")]
    pub kind: i8,
    pub at: i64,
    pub received_at: i64,
    pub agent: String,
    pub clock_offset_ms: i64,
    pub kafka_partition: u32,
    pub kafka_offset: u64,
    pub content_hash: u64,
    pub payload: String,
    pub ver: u64,
}

/// RowBinary's UUID: two little-endian u64, the high half first.
mod uuid_pair {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use uuid::Uuid;

    pub fn serialize<S: Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        uuid.as_u64_pair().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        let (high, low) = <(u64, u64)>::deserialize(deserializer)?;
        Ok(Uuid::from_u64_pair(high, low))
    }
}

/// An array of UUIDs in RowBinary.
mod uuids {
    use serde::{Deserialize, Deserializer, Serializer, ser::SerializeSeq};
    use uuid::Uuid;

    pub fn serialize<S: Serializer>(uuids: &[Uuid], serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(uuids.len()))?;
        for uuid in uuids {
            seq.serialize_element(&uuid.as_u64_pair())?;
        }
        seq.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Uuid>, D::Error> {
        let pairs = Vec::<(u64, u64)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(high, low)| Uuid::from_u64_pair(high, low)).collect())
    }
}
