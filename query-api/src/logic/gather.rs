//! Puts together what was read of the groups of an answer, from statements or from memory.

use super::etag::DataVersion;
use super::plan::{Calendar, DayCount, Grouping};
use super::sums::{ActivitySums, DeviceSums, NetworkSums, RosterSums, Sums};
use super::units::Facts;
use schemas::org::OrgId;
use std::collections::HashMap;

/// The keys of a group: zero where the grouping does not tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The area right below; 0: a school that the area manages directly.
    pub area: u32,
    /// That school; 0: an area.
    pub school: u32,
    /// The day, since 1970-01-01.
    pub day: u16,
}

/// Sums by group, the calendar, and the version of what was read.
#[derive(Clone, Debug)]
pub struct Gathered {
    grouping: Grouping,
    units: HashMap<(u32, u32), Sums>,
    days: HashMap<i32, Sums>,
    /// School days of the range.
    pub calendar: Calendar,
    /// Of all that was added.
    pub version: DataVersion,
}

impl Gathered {
    /// Nothing yet.
    #[must_use]
    pub fn new(grouping: Grouping) -> Gathered {
        Gathered {
            grouping,
            units: HashMap::new(),
            days: HashMap::new(),
            calendar: Calendar::default(),
            version: DataVersion::default(),
        }
    }

    /// Adds a day to the calendar; days come in ascending order.
    pub fn day(&mut self, count: DayCount) {
        self.calendar.days.push(count);
    }

    /// Adds denominators.
    pub fn roster(&mut self, group: Group, sums: &RosterSums) {
        self.sums(group).roster.add(sums);
    }

    /// Adds numerators of the ledger `activity`.
    pub fn activity(&mut self, group: Group, sums: &ActivitySums) {
        self.sums(group).activity.add(sums);
    }

    /// Adds numerators of the ledger `network`.
    pub fn network(&mut self, group: Group, sums: &NetworkSums) {
        self.sums(group).network.add(sums);
    }

    /// Adds counts of distinct devices. They are no rows with a version, so what was counted is part of it.
    pub fn devices(&mut self, group: Group, counted: &DeviceSums) {
        let online = counted.online_now.unwrap_or(0);
        self.version.other += counted.in_service + 3 * counted.active7 + 7 * counted.active30 + 11 * online;
        self.sums(group).devices.add(counted);
    }

    fn sums(&mut self, group: Group) -> &mut Sums {
        match self.grouping {
            Grouping::Days => self.days.entry(i32::from(group.day)).or_default(),
            Grouping::Whole => self.units.entry((0, 0)).or_default(),
            Grouping::Units => self.units.entry((group.area, group.school)).or_default(),
        }
    }

    /// What figures are divided from.
    #[must_use]
    pub fn finish(self) -> (Facts, DataVersion) {
        let mut facts = Facts { days: self.days, calendar: self.calendar, ..Facts::default() };
        match self.grouping {
            Grouping::Days => facts.days.values().for_each(|sums| facts.whole.add(sums)),
            Grouping::Whole | Grouping::Units => self.units.values().for_each(|sums| facts.whole.add(sums)),
        }
        if self.grouping == Grouping::Units {
            let named = self.units.into_iter().map(|((area, school), sums)| (unit_of(area, school), sums));
            facts.units = named.filter(|(id, _)| *id != OrgId::School(0)).collect();
        }
        (facts, self.version)
    }
}

/// The unit that a group of [`Grouping::Units`] stands for.
fn unit_of(area: u32, school: u32) -> OrgId {
    if area == 0 { OrgId::School(school) } else { OrgId::Area(area) }
}
