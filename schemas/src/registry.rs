//! Values of the compacted registry topics. A value carries the whole history that the last `accept_days` need, so
//! that every reader stamps and judges every day alike.

use crate::event::wire_enum;
use crate::time::Day;
use serde::Serialize;
use uuid::Uuid;

wire_enum! {
    /// Level of an organisation.
    Level {
        /// whole province
        Province = "province",
        /// prefecture-level city
        City = "city",
        /// county or district
        County = "county",
        /// school
        School = "school",
        /// class
        Class = "class",
    }
}

wire_enum! {
    /// School status; only `normal` schools have devices in service.
    SchoolStatus {
        /// 正常
        Normal = "normal",
        /// 暂停招生
        Suspended = "suspended",
        /// 被合并
        Merged = "merged",
        /// 撤销
        Dissolved = "dissolved",
    }
}

wire_enum! {
    /// Device kind.
    DeviceKind {
        /// 一体机
        AllInOne = "all_in_one",
        /// 电子白板
        Whiteboard = "whiteboard",
        /// 投影幕所用计算机
        ProjectorPc = "projector_pc",
        /// 其他
        Other = "other",
    }
}

wire_enum! {
    /// Device state. Refusals at the edge follow it at once; `in_service` of a day follows at the next midnight.
    DeviceState {
        /// enrolled today, counts from tomorrow
        Enrolled = "enrolled",
        /// counts
        InService = "in_service",
        /// taken out for a while
        Suspended = "suspended",
        /// taken out for good
        Retired = "retired",
    }
}

/// A span of days with a decision whether they are school days: `[from_day, until_day)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CalendarSpan {
    /// First day.
    pub from_day: Day,
    /// Day after the last.
    pub until_day: Day,
    /// Province: a make-up workday (true) or a holiday (false). Other levels: only false (closure) counts.
    pub school_day: bool,
    /// Name or reason, e.g. `国庆节`.
    pub name: String,
    /// The year's official calendar is not published yet.
    pub provisional: bool,
}

/// Bell times in force from a day on: lessons as `[start, end)` seconds after local midnight, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bells {
    /// First day.
    pub from_day: Day,
    /// At most 8 lessons.
    pub lessons: Vec<(u32, u32)>,
}

/// Status in force from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusSpan {
    /// First day.
    pub from_day: Day,
    /// Status.
    pub status: SchoolStatus,
}

/// Value of `registry.orgs.v1`, keyed by `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgRecord {
    /// `440106`, `s1024` or `c77`.
    pub id: String,
    /// Level.
    pub level: Level,
    /// Name, in Chinese.
    pub name: String,
    /// Id of the organisation above; empty for the province.
    pub parent: String,
    /// Areas: the own code. Schools and classes: the area that directly manages the school.
    pub division: u32,
    /// Schools and classes; else 0.
    pub school_no: u32,
    /// Classes; else 0.
    pub class_no: u32,
    /// Schools: one of the nine types (FEATURES N6), e.g. `小学`; else empty.
    pub school_type: String,
    /// Schools: status history, ascending; else empty.
    pub status: Vec<StatusSpan>,
    /// Holidays and make-up days (province), closures (all levels above class), ascending.
    pub calendar: Vec<CalendarSpan>,
    /// Schools with bells of their own; empty: the default bells.
    pub bells: Vec<Bells>,
    /// Cities: rollout batch 1 to 3; else 0.
    pub batch: u32,
    /// Cities: took part in the pilot.
    pub pilot: bool,
    /// Global revision of the registry's outbox; a later value of the same key has a higher one.
    pub rev: u64,
    /// When it was changed, ms.
    pub updated_at_ms: i64,
}

/// A belonging in force from a day on, until the next one's `from_day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BelongingFrom {
    /// First day; [`Day::FIRST`] for the first entry of a device.
    pub from_day: Day,
    /// School.
    pub school_no: u32,
    /// Class, 0: none.
    pub class_no: u32,
    /// Area that directly manages the school.
    pub division: u32,
    /// Device and school both count.
    pub in_service: bool,
}

/// Value of `registry.devices.v1`, keyed by `device_no` in decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRecord {
    /// Dense number, never reused.
    pub device_no: u32,
    /// Identity in tokens.
    pub device_id: Uuid,
    /// Kind.
    pub kind: DeviceKind,
    /// State now.
    pub state: DeviceState,
    /// Rotation counter: tokens with a lower `gen` are revoked.
    pub token_gen: u32,
    /// All tokens of the device are revoked.
    pub revoked: bool,
    /// When it was enrolled, ms.
    pub enrolled_at_ms: i64,
    /// Ascending, never empty, the first from [`Day::FIRST`].
    pub belongings: Vec<BelongingFrom>,
    /// Global revision of the registry's outbox.
    pub rev: u64,
    /// When it was changed, ms.
    pub updated_at_ms: i64,
}

/// Days of one device that belong elsewhere than was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Device.
    pub device_no: u32,
    /// First day.
    pub from_day: Day,
    /// Day after the last.
    pub until_day: Day,
    /// School as it was said.
    pub old_school_no: u32,
    /// Class as it was said, 0: none.
    pub old_class_no: u32,
    /// Area as it was said.
    pub old_division: u32,
    /// In service as it was said.
    pub old_in_service: bool,
    /// School as it is right.
    pub school_no: u32,
    /// Class as it is right, 0: none.
    pub class_no: u32,
    /// Area as it is right.
    pub division: u32,
    /// In service as it is right.
    pub in_service: bool,
}

/// Value of `registry.corrections.v1`, keyed by its number: an approved correction of days that have begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionRecord {
    /// Number.
    pub no: u32,
    /// Place in the order of approvals.
    pub seq: u32,
    /// `device`, `school` or `closure`.
    pub kind: String,
    /// What is corrected: `d12`, `s7`, `440106`.
    pub object: String,
    /// First corrected day.
    pub from_day: Day,
    /// Day after the last that may have rows.
    pub until_day: Day,
    /// Why.
    pub reason: String,
    /// Account that proposed it.
    pub proposed_by: String,
    /// Account that approved it, another one.
    pub approved_by: String,
    /// When it was approved, ms.
    pub approved_at_ms: i64,
    /// Belongings that change; none for a closure.
    pub shifts: Vec<Shift>,
    /// Global revision of the registry's outbox.
    pub rev: u64,
}
