//! The rows that a flush writes, made as they are asked for.

use super::super::rows;
use super::super::school::{self, LedgerKey};
use super::super::summary::{DayRules, Summary};
use super::Worker;
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow};

impl Worker {
    /// The dirty rows of table `device_day`, made as they are asked for.
    pub fn device_days(&self) -> impl Iterator<Item = DeviceDayRow> + '_ {
        self.activity.dirty().flat_map(move |(key, school)| {
            let (rules, mut summary) = (self.day_rules(key), Summary::default());
            school.dirty_devices().map(move |(no, ledger)| rows::device_day(key, no, ledger, &rules, &mut summary))
        })
    }

    /// The dirty rows of table `network_day`.
    pub fn network_days(&self) -> impl Iterator<Item = NetworkDayRow> + '_ {
        let definitions = &self.rules.definitions;
        self.network.dirty().flat_map(move |(key, school)| {
            school.dirty_devices().map(move |(no, ledger)| rows::network_day(key, no, ledger, definitions))
        })
    }

    /// The rows of dirty schools, to be written when the device rows were acknowledged.
    pub fn school_days(&self) -> impl Iterator<Item = SchoolDayRow> + '_ {
        self.activity
            .dirty()
            .map(move |(key, school)| school::activity_row(key, school.devices(), &self.day_rules(key)))
    }

    /// The same on stream network.
    pub fn school_network_days(&self) -> impl Iterator<Item = SchoolNetworkDayRow> + '_ {
        let definitions = &self.rules.definitions;
        self.network.dirty().map(move |(key, school)| school::network_row(key, school.devices(), definitions))
    }

    fn day_rules(&self, key: LedgerKey) -> DayRules<'_> {
        let definitions = &self.rules.definitions;
        DayRules { definitions, lessons: self.timetable.lessons(key.school_no, &definitions.bells, key.day) }
    }
}
