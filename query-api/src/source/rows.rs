//! Rows of the statements of `logic::plan`, column for column.
#![allow(missing_docs, reason = "columns are explained in logic::plan under the same names")]

use crate::logic::cells::Place;
use crate::logic::gather::Group;
use crate::logic::parts::Part;
use crate::logic::plan::DayCount;
use crate::logic::sums::{ActivitySums, NetworkSums, RosterSums, histogram};
use clickhouse::Row;
use schemas::time::Day;
use serde::Deserialize;
use uuid::Uuid;

/// Denominators of a group, or the calendar of a day.
#[derive(Debug, Row, Deserialize)]
pub struct RosterRow {
    pub k_area: u32,
    pub k_school: u32,
    pub k_day: u16,
    pub k_by_day: u8,
    pub n_rows: u64,
    pub n_school_days: u64,
    pub n_in_service: u64,
    pub n_classes: u64,
    pub n_schools: u64,
    pub n_lesson_slots: u64,
    pub n_provisional: u8,
    pub n_ver: u64,
}

impl RosterRow {
    /// As sums.
    pub fn sums(&self) -> RosterSums {
        RosterSums {
            rows: self.n_rows,
            school_day_rows: self.n_school_days,
            in_service: self.n_in_service,
            classes: self.n_classes,
            schools: self.n_schools,
            lesson_slots: self.n_lesson_slots,
        }
    }

    /// As a day of the calendar.
    pub fn day_count(&self) -> DayCount {
        DayCount {
            day: Day(i32::from(self.k_day)),
            on: self.n_school_days,
            off: self.n_rows - self.n_school_days,
            provisional: self.n_provisional == 1,
        }
    }
}

/// Rows that are of a group, or in memory of a place.
macro_rules! grouped {
    ($($row:ident)+) => {
        $(impl $row {
            /// The place, where the statement tells places apart.
            pub const fn place(&self) -> Place {
                (self.k_area, self.k_school)
            }

            /// Its keys.
            pub fn group(&self) -> Group {
                Group { area: self.k_area, school: self.k_school, day: self.k_day }
            }
        })+
    };
}

grouped! { RosterRow ActivityRow NetworkRow InServiceRow }

/// Numerators of the ledger `activity` of a group.
#[derive(Debug, Row, Deserialize)]
pub struct ActivityRow {
    pub k_area: u32,
    pub k_school: u32,
    pub k_day: u16,
    pub n_rows: u64,
    pub n_reporting: u64,
    pub n_powered: u64,
    pub n_used: u64,
    pub n_classes_used: u64,
    pub n_schools_used: u64,
    pub n_on_s: u64,
    pub n_active_s: u64,
    pub n_lessons_used: u64,
    pub n_online_slots: u64,
    pub n_ver: u64,
}

impl ActivityRow {
    /// As sums.
    pub fn sums(&self) -> ActivitySums {
        ActivitySums {
            reporting: self.n_reporting,
            powered: self.n_powered,
            used: self.n_used,
            classes_used: self.n_classes_used,
            schools_used: self.n_schools_used,
            on_s: self.n_on_s,
            active_s: self.n_active_s,
            lessons_used: self.n_lessons_used,
            online_slots: self.n_online_slots,
        }
    }
}

/// A row of keys and, after them, the numerators of the ledger `network`. The columns of a row are fields side by side,
/// so what two rows have in common cannot be a type.
macro_rules! network_row {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty),+ }) => {
        $(#[$doc])*
        #[derive(Debug, Row, Deserialize)]
        pub struct $name {
            $(pub $key: $kind,)+
            pub n_rows: u64,
            pub n_pass: u64,
            pub n_fail: u64,
            pub n_outage: u64,
            pub n_partial: u64,
            pub n_valid: u64,
            pub n_lost: u64,
            pub n_sent: u64,
            pub n_latency: Vec<u64>,
            pub n_jitter: Vec<u64>,
            pub n_ver: u64,
        }

        impl $name {
            /// As sums.
            pub fn sums(&self) -> NetworkSums {
                NetworkSums {
                    pass: self.n_pass,
                    fail: self.n_fail,
                    outage: self.n_outage,
                    partial: self.n_partial,
                    valid: self.n_valid,
                    lost: self.n_lost,
                    sent: self.n_sent,
                    latency: histogram(&self.n_latency),
                    jitter: histogram(&self.n_jitter),
                }
            }
        }
    };
}

network_row! {
    /// Numerators of the ledger `network` of a group.
    NetworkRow { k_area: u32, k_school: u32, k_day: u16 }
}

network_row! {
    /// Numerators of the ledger `network` of a device.
    DeviceNetworkRow { k_device: u32 }
}

/// Devices in service of one school on one day.
#[derive(Debug, Row, Deserialize)]
pub struct InServiceRow {
    pub k_area: u32,
    pub k_school: u32,
    pub k_day: u16,
    pub devices: Vec<u32>,
}

/// An active part of a table.
#[derive(Debug, Row, Deserialize)]
pub struct PartRow {
    pub table: String,
    pub name: String,
    pub home: u64,
    pub partition_id: String,
    pub first_block: i64,
    pub last_block: i64,
    pub is_mutated: u8,
}

impl PartRow {
    /// As a part.
    pub fn part(self) -> Part {
        Part {
            name: self.name,
            home: self.home,
            partition: self.partition_id,
            blocks: (self.first_block, self.last_block),
            mutated: self.is_mutated == 1,
        }
    }
}

/// An area and a day that a part has rows of.
#[derive(Debug, Row, Deserialize)]
pub struct TouchedRow {
    pub part: String,
    pub k_area: u32,
    pub k_day: u16,
}

/// Devices with a session on a day.
#[derive(Debug, Row, Deserialize)]
pub struct SessionDevicesRow {
    pub k_day: u16,
    pub devices: Vec<u32>,
}

/// A device: one that was heard of, or was in service.
#[derive(Debug, Row, Deserialize)]
pub struct DeviceNoRow {
    pub k_device: u32,
}

/// A row of `devices`.
#[derive(Debug, Row, Deserialize)]
pub struct DeviceRow {
    pub device_no: u32,
    #[serde(with = "clickhouse::serde::uuid")]
    pub device_id: Uuid,
    pub school_no: u32,
    pub class_no: u32,
    pub division: u32,
    pub kind_code: i8,
    pub state_code: i8,
    pub ver: u64,
}

/// A day of a school's calendar.
#[derive(Debug, Row, Deserialize)]
pub struct SchoolDayRow {
    pub k_day: u16,
    pub n_school_day: u8,
    pub n_provisional: u8,
    pub n_ver: u64,
}

impl SchoolDayRow {
    /// As a day of a calendar of one school.
    pub fn day_count(&self) -> DayCount {
        let on = u64::from(self.n_school_day.min(1));
        DayCount { day: Day(i32::from(self.k_day)), on, off: 1 - on, provisional: self.n_provisional == 1 }
    }
}

/// Denominators of a device.
#[derive(Debug, Row, Deserialize)]
pub struct DeviceRosterRow {
    pub k_device: u32,
    pub n_days: u64,
    pub n_lessons: u64,
    pub n_on_to: u8,
}

/// Numerators of the ledger `activity` of a device.
#[derive(Debug, Row, Deserialize)]
pub struct DeviceActivityRow {
    pub k_device: u32,
    pub n_reporting: u64,
    pub n_powered: u64,
    pub n_used: u64,
    pub n_on_s: u64,
    pub n_active_s: u64,
    pub n_lessons_used: u64,
    pub n_online_slots: u64,
    pub n_rows: u64,
    pub n_ver: u64,
}

impl DeviceActivityRow {
    /// As sums; a device is no class and no school.
    pub fn sums(&self) -> ActivitySums {
        ActivitySums {
            reporting: self.n_reporting,
            powered: self.n_powered,
            used: self.n_used,
            on_s: self.n_on_s,
            active_s: self.n_active_s,
            lessons_used: self.n_lessons_used,
            online_slots: self.n_online_slots,
            ..ActivitySums::default()
        }
    }
}

/// A day of a device.
#[derive(Debug, Row, Deserialize)]
pub struct DayRow {
    pub day: u16,
    pub in_service: u8,
    pub on_s: u32,
    pub active_s: u32,
    pub sessions: u16,
    pub used: u8,
    pub lessons: u8,
    pub first_s: Option<u32>,
    pub last_s: Option<u32>,
    pub ver: u32,
}

/// A verdict of a device's day.
#[derive(Debug, Row, Deserialize)]
pub struct VerdictRow {
    pub day: u16,
    pub in_service: u8,
    pub verdict_code: i8,
    pub ver: u32,
}

/// Sessions of a device's day.
#[derive(Debug, Row, Deserialize)]
pub struct SessionsRow {
    pub day: u16,
    pub session_spans: Vec<u32>,
    pub from_start: u8,
    pub to_end: u8,
    pub ver: u32,
}

/// Days on which a device reported.
#[derive(Debug, Row, Deserialize)]
pub struct ReportedRow {
    pub n_reporting: u64,
}

/// A row of `orgs`.
#[derive(Debug, Row, Deserialize)]
pub struct OrgRow {
    pub id: String,
    pub level_code: i8,
    pub division: u32,
    pub school_no: u32,
    pub name: String,
}

/// How far `orgs` has come.
#[derive(Debug, PartialEq, Eq, Clone, Copy, Row, Deserialize)]
pub struct OrgsVersionRow {
    pub n_rows: u64,
    pub n_ver: u64,
}

/// The latest receipt.
#[derive(Debug, Row, Deserialize)]
pub struct FreshnessRow {
    pub received_ms: i64,
}
