//! What the registry knows, as the store keeps it and the generator makes it.

use schemas::registry::{Bells, CalendarSpan, DeviceKind, DeviceState, Level, SchoolStatus};
use schemas::time::Day;
use uuid::Uuid;

/// A value in force from a day on, until the next change's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// First day.
    pub from_day: Day,
    /// Value.
    pub value: T,
}

/// The value in force on a day; the first one also before its day. `changes` ascend.
pub fn in_force<T: Copy>(changes: &[Change<T>], day: Day) -> Option<T> {
    let after = changes.partition_point(|change| change.from_day <= day);
    changes.get(after.saturating_sub(1)).map(|change| change.value)
}

/// Province, city or county.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// GB/T 2260 code.
    pub code: u32,
    /// Name, in Chinese.
    pub name: String,
    /// Province, city or county.
    pub level: Level,
    /// Code of the area above; none for the province.
    pub parent: Option<u32>,
    /// Rollout batch of a city, 1 to 3; else 0.
    pub batch: u32,
    /// First and last day of the batch's window.
    pub window: Option<(Day, Day)>,
    /// Took part in the pilot of 2018-2019.
    pub pilot: bool,
}

/// What of a school's history decides over its devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchoolHistory {
    /// The area that directly manages it.
    pub divisions: Vec<Change<u32>>,
    /// Its status.
    pub statuses: Vec<Change<SchoolStatus>>,
}

/// A school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct School {
    /// Dense number, never reused.
    pub no: u32,
    /// Name, in Chinese.
    pub name: String,
    /// One of [`SCHOOL_TYPES`].
    pub school_type: String,
    /// Who managed it and in which status it was.
    pub history: SchoolHistory,
    /// Its own closures.
    pub closures: Vec<CalendarSpan>,
    /// The bells that count in it, its areas' included.
    pub bells: Vec<Bells>,
}

/// The nine types of school (FEATURES N6).
pub const SCHOOL_TYPES: [&str; 9] =
    ["教学点", "小学", "初中", "9年一贯制", "高中", "完全中学", "十二年一贯制", "中职", "高职"];

/// A part of a school with an address of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campus {
    /// Dense number.
    pub no: u32,
    /// Its school.
    pub school_no: u32,
    /// Name within the school.
    pub name: String,
}

/// A class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Dense number, never reused.
    pub no: u32,
    /// Its school.
    pub school_no: u32,
    /// Its campus.
    pub campus_no: u32,
    /// 1 to 12, vocational colleges 13 to 15.
    pub grade: u32,
    /// Name, in Chinese.
    pub name: String,
    /// Pupils.
    pub size: u32,
}

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// School.
    pub school_no: u32,
    /// Class, 0: none.
    pub class_no: u32,
}

/// A device and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Dense number, never reused.
    pub no: u32,
    /// Identity in tokens.
    pub id: Uuid,
    /// Kind.
    pub kind: DeviceKind,
    /// State now.
    pub state: DeviceState,
    /// Rotation counter of its tokens.
    pub token_gen: u32,
    /// All its tokens are revoked.
    pub revoked: bool,
    /// When it was enrolled, ms.
    pub enrolled_at_ms: i64,
    /// Places, ascending, never empty.
    pub places: Vec<Change<Place>>,
    /// Suspensions, their ends, retirement, ascending.
    pub states: Vec<Change<DeviceState>>,
}
