//! A device, in the little room that three million of them leave.

use super::RecordFault;
use super::window::Window;
use schemas::registry::{BelongingFrom, DeviceKind, DeviceRecord, DeviceState};
use schemas::rows::DeviceRow;
use schemas::time::Day;
use smallvec::SmallVec;
use uuid::Uuid;

/// What of a device the rows need; belongings that ended before the window are forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) no: u32,
    id: Uuid,
    kind: DeviceKind,
    state: DeviceState,
    enrolled_at_ms: i64,
    /// Ascending, never empty.
    pub(super) belongings: SmallVec<[BelongingFrom; 1]>,
}

impl Device {
    /// Keeps of a record what matters from a day on.
    pub(super) fn of(record: &DeviceRecord, from: Day) -> Result<Device, RecordFault> {
        if record.belongings.is_empty() {
            return Err(RecordFault::NoBelonging(record.device_no));
        }
        let mut device = Device {
            no: record.device_no,
            id: record.device_id,
            kind: record.kind,
            state: record.state,
            enrolled_at_ms: record.enrolled_at_ms,
            belongings: SmallVec::new(),
        };
        let keep = kept(&record.belongings, from);
        device.belongings.extend_from_slice(record.belongings.get(keep..).unwrap_or_default());
        Ok(device)
    }

    /// Forgets belongings that ended before a day.
    pub(super) fn forget_before(&mut self, from: Day) {
        let keep = kept(&self.belongings, from);
        if keep > 0 {
            self.belongings.drain(..keep);
        }
    }

    /// The schools that it belongs to, now or at other days.
    pub(super) fn schools(&self) -> SmallVec<[u32; 2]> {
        let mut schools = SmallVec::new();
        for entry in &self.belongings {
            if !schools.contains(&entry.school_no) {
                schools.push(entry.school_no);
            }
        }
        schools
    }

    /// Its belongings, each with the days in which it is in force.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (&BelongingFrom, Window)> {
        let ends = self.belongings.iter().skip(1).map(|next| next.from_day).chain([Day::OPEN]);
        self.belongings.iter().zip(ends).map(|(entry, until)| (entry, Window { from: entry.from_day, until }))
    }

    fn on(&self, day: Day) -> Option<&BelongingFrom> {
        self.belongings.iter().rev().find(|entry| entry.from_day <= day).or(self.belongings.first())
    }

    /// Its row as of today.
    pub(super) fn row(&self, today: Day, ver: u64) -> Option<DeviceRow> {
        self.on(today).map(|place| DeviceRow {
            device_no: self.no,
            device_id: self.id,
            school_no: place.school_no,
            class_no: place.class_no,
            division: place.division,
            kind: self.kind as i8,
            state: self.state as i8,
            enrolled_at: self.enrolled_at_ms,
            ver,
        })
    }
}

/// Index of the belonging in force on a day; those before it are past.
fn kept(belongings: &[BelongingFrom], from: Day) -> usize {
    belongings.iter().rposition(|entry| entry.from_day <= from).unwrap_or_default()
}
