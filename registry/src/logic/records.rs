//! Values of the registry topics, made from what the registry knows.

use super::belonging::{Schools, belongings, horizon};
use super::model::{Class, Device, Division, School, in_force};
use schemas::avro::{encode_correction_record, encode_device_record, encode_org_record};
use schemas::registry::{CalendarSpan, CorrectionRecord, DeviceRecord, Level, OrgRecord, StatusSpan};
use schemas::time::Day;

/// Topic of organisations, keyed by their id.
pub const ORGS_TOPIC: &str = "registry.orgs.v1";
/// Topic of devices, keyed by their number in decimal.
pub const DEVICES_TOPIC: &str = "registry.devices.v1";

/// Topic of approved corrections, keyed by their number in decimal.
pub const CORRECTIONS_TOPIC: &str = "registry.corrections.v1";

/// What a value says about its own making.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Revision.
    pub rev: u64,
    /// Now, ms.
    pub at_ms: i64,
    /// Days that agents may be late.
    pub accept_days: u32,
}

/// A value ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Revision.
    pub rev: u64,
    /// Topic.
    pub topic: &'static str,
    /// Key.
    pub key: String,
    /// Framed Avro; none: the key is removed.
    pub value: Option<Vec<u8>>,
}

impl Outgoing {
    /// An organisation's value, encoded.
    #[must_use]
    pub fn org(record: OrgRecord) -> Outgoing {
        let mut value = Vec::with_capacity(256);
        encode_org_record(&record, &mut value);
        Outgoing { rev: record.rev, topic: ORGS_TOPIC, key: record.id, value: Some(value) }
    }

    /// A correction, encoded.
    #[must_use]
    pub fn correction(record: &CorrectionRecord) -> Outgoing {
        let mut value = Vec::with_capacity(256);
        encode_correction_record(record, &mut value);
        Outgoing { rev: record.rev, topic: CORRECTIONS_TOPIC, key: record.no.to_string(), value: Some(value) }
    }

    /// A device's value, encoded.
    #[must_use]
    pub fn device(record: &DeviceRecord) -> Outgoing {
        let mut value = Vec::with_capacity(96);
        encode_device_record(record, &mut value);
        Outgoing { rev: record.rev, topic: DEVICES_TOPIC, key: record.device_no.to_string(), value: Some(value) }
    }
}

/// The value of an area.
#[must_use]
pub fn area(division: &Division, calendar: Vec<CalendarSpan>, stamp: Stamp) -> OrgRecord {
    OrgRecord {
        level: division.level,
        parent: division.parent.map(|parent| parent.to_string()).unwrap_or_default(),
        division: division.code,
        calendar,
        batch: division.batch,
        pilot: division.pilot,
        ..blank(division.code.to_string(), division.name.clone(), stamp)
    }
}

/// The value of a school.
#[must_use]
pub fn school(school: &School, stamp: Stamp) -> OrgRecord {
    let division = division_on(school, Day::of_ms(stamp.at_ms));
    let statuses = school.history.statuses.iter();
    OrgRecord {
        level: Level::School,
        parent: division.to_string(),
        division,
        school_no: school.no,
        school_type: school.school_type.clone(),
        status: statuses.map(|change| StatusSpan { from_day: change.from_day, status: change.value }).collect(),
        calendar: school.closures.clone(),
        bells: school.bells.clone(),
        ..blank(format!("s{}", school.no), school.name.clone(), stamp)
    }
}

/// The value of a class of `school`.
#[must_use]
pub fn class(class: &Class, school: &School, stamp: Stamp) -> OrgRecord {
    OrgRecord {
        level: Level::Class,
        parent: format!("s{}", school.no),
        division: division_on(school, Day::of_ms(stamp.at_ms)),
        school_no: school.no,
        class_no: class.no,
        ..blank(format!("c{}", class.no), class.name.clone(), stamp)
    }
}

/// The value of a device; `schools` holds the history of every school that it was in.
#[must_use]
pub fn device(device: &Device, schools: &Schools, stamp: Stamp) -> DeviceRecord {
    DeviceRecord {
        device_no: device.no,
        device_id: device.id,
        kind: device.kind,
        state: device.state,
        token_gen: device.token_gen,
        revoked: device.revoked,
        enrolled_at_ms: device.enrolled_at_ms,
        belongings: belongings(device, schools, horizon(Day::of_ms(stamp.at_ms), stamp.accept_days)),
        rev: stamp.rev,
        updated_at_ms: stamp.at_ms,
    }
}

fn division_on(school: &School, day: Day) -> u32 {
    in_force(&school.history.divisions, day).unwrap_or(0)
}

fn blank(id: String, name: String, stamp: Stamp) -> OrgRecord {
    OrgRecord {
        id,
        level: Level::Province,
        name,
        parent: String::new(),
        division: 0,
        school_no: 0,
        class_no: 0,
        school_type: String::new(),
        status: Vec::new(),
        calendar: Vec::new(),
        bells: Vec::new(),
        batch: 0,
        pilot: false,
        rev: stamp.rev,
        updated_at_ms: stamp.at_ms,
    }
}
