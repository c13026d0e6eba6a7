//! Hands out the rows of what is marked, a bounded number at a time.

use super::Roster;
use schemas::rows::{CalendarDayRow, DeviceRow, OrgRow, RosterDayRow};

/// How much one batch may hold; the last school of a batch may go over it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows of each table.
    pub rows: usize,
    /// Device numbers in the lists of `roster_day`.
    pub device_nos: usize,
}

/// Rows to write, of each table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// `orgs`
    pub orgs: Vec<OrgRow>,
    /// `devices`
    pub devices: Vec<DeviceRow>,
    /// `roster_day`
    pub roster: Vec<RosterDayRow>,
    /// `calendar_day`
    pub calendar: Vec<CalendarDayRow>,
}

impl Batch {
    /// No row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.orgs.len() + self.devices.len() + self.roster.len() + self.calendar.len()
    }
}

impl Roster {
    /// Takes marked rows, at most about `limits`; an empty batch: nothing is marked. The caller writes them, or tries
    /// until it can: what was taken is no longer marked. `ver` must not fall.
    #[must_use]
    pub fn take(&mut self, limits: Limits, ver: u64) -> Batch {
        let mut batch = Batch {
            orgs: self.take_orgs(limits.rows),
            devices: self.take_devices(limits.rows, ver),
            ..Batch::default()
        };
        self.take_areas(&mut batch, limits, ver);
        self.take_schools(&mut batch, limits, ver);
        batch
    }

    /// Takes rows of `orgs` alone: they depend on their own record only, so they may be written before all is read.
    #[must_use]
    pub fn take_orgs(&mut self, limit: usize) -> Vec<OrgRow> {
        std::iter::from_fn(|| self.dirty.orgs.pop_first()).take(limit).map(|(_, row)| row).collect()
    }

    /// Rows of `orgs` that are marked.
    #[must_use]
    pub fn waiting_orgs(&self) -> usize {
        self.dirty.orgs.len()
    }

    fn take_devices(&mut self, limit: usize, ver: u64) -> Vec<DeviceRow> {
        let numbers = std::iter::from_fn(|| self.dirty.devices.pop_first()).take(limit);
        numbers.filter_map(|no| self.devices.get(&no).and_then(|device| device.row(self.today, ver))).collect()
    }

    fn take_areas(&mut self, batch: &mut Batch, limits: Limits, ver: u64) {
        while batch.calendar.len() < limits.rows {
            let Some((code, days)) = self.dirty.areas.pop_first() else { return };
            batch.calendar.extend(self.area_rows(code, days, ver));
        }
    }

    fn take_schools(&mut self, batch: &mut Batch, limits: Limits, ver: u64) {
        let mut device_nos = 0;
        while batch.roster.len() < limits.rows && device_nos < limits.device_nos {
            let Some((school_no, days)) = self.dirty.schools.pop_first() else { return };
            let rows = self.roster_rows(school_no, days, ver);
            device_nos += rows.iter().map(|row| row.in_service_nos.len()).sum::<usize>();
            batch.roster.extend(rows);
            batch.calendar.extend(self.closure_rows(school_no, days, ver));
        }
    }
}
