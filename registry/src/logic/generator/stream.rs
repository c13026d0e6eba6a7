//! A generated province as values of the registry topics, without a store: for benches and tests of any size.

use super::{GeneratedSchool, Province};
use crate::logic::belonging;
use crate::logic::records::{self, Stamp};
use schemas::registry::{CalendarSpan, DeviceRecord, Level, OrgRecord};

impl Province<'_> {
    /// The values of its areas; `calendar` is the province's. All revisions are 1.
    pub fn area_records(&self, calendar: &[CalendarSpan]) -> impl Iterator<Item = OrgRecord> {
        self.divisions.iter().map(move |division| {
            let own = if division.level == Level::Province { calendar.to_vec() } else { self.closures(division.code) };
            records::area(division, own, self.stamp())
        })
    }

    /// The values of its schools and classes, school by school.
    pub fn school_records(&self) -> impl Iterator<Item = OrgRecord> {
        let stamp = self.stamp();
        self.schools().flat_map(move |generated| org_records(&generated, stamp))
    }

    /// The values of its devices, by number.
    pub fn device_records(&self) -> impl Iterator<Item = DeviceRecord> {
        let stamp = self.stamp();
        self.schools().flat_map(move |generated| device_records(&generated, stamp))
    }

    fn stamp(&self) -> Stamp {
        Stamp { rev: 1, at_ms: self.generator.today.start_ms(), accept_days: self.generator.accept_days }
    }
}

fn org_records(generated: &GeneratedSchool, stamp: Stamp) -> Vec<OrgRecord> {
    let classes = generated.classes.iter().map(|class| records::class(class, &generated.school, stamp));
    std::iter::once(records::school(&generated.school, stamp)).chain(classes).collect()
}

fn device_records(generated: &GeneratedSchool, stamp: Stamp) -> Vec<DeviceRecord> {
    let schools = belonging::Schools::from([(generated.school.no, generated.school.history.clone())]);
    generated.devices.iter().map(|device| records::device(device, &schools, stamp)).collect()
}
