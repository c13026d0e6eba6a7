//! The scenario: which devices, schools and counties are odd.

use super::Purpose;
use crate::logic::calendar::Calendar;
use crate::logic::dice::Dice;
use schemas::time::Day;
use std::collections::BTreeSet;

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Everything, frozen disks and wrong clocks included.
    Default,
    /// Without frozen disks and wrong clocks, whose losses depend on timing: two runs end in equal tables.
    Steady,
}

impl Scenario {
    /// The scenario of a name in the configuration.
    #[must_use]
    pub fn parse(name: &str) -> Option<Scenario> {
        match name {
            "default" => Some(Scenario::Default),
            "steady" => Some(Scenario::Steady),
            _ => None,
        }
    }
}

/// A device as the registry seeded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Number.
    pub device_no: u32,
    /// School.
    pub school_no: u32,
    /// Area that manages the school directly.
    pub division: u32,
    /// First day on which it exists.
    pub from_day: Day,
}

/// What all devices share.
#[derive(Clone, Debug)]
pub struct World {
    /// Seed of everything.
    pub seed: u64,
    /// Scenario.
    pub scenario: Scenario,
    /// Day of the fleet's first start: days before it are history, played thinned out.
    pub anchor: Day,
    /// School days.
    pub calendar: Calendar,
    /// Lessons, seconds after local midnight.
    pub bells: Vec<(u32, u32)>,
    bad_network: BTreeSet<u32>,
    silent_schools: BTreeSet<u32>,
}

/// The silent schools fall silent this many days before the anchor: at least 10 school days.
const SILENT_DAYS: i32 = 15;
/// Share of device-days on which an offline time begins.
const OFFLINE_SHARE: f64 = 0.004;
/// Longest offline time, days.
const OFFLINE_DAYS: i64 = 3;
/// One in so many schools falls silent, at least one.
const SCHOOLS_PER_SILENT: usize = 80;
/// One in so many counties has a bad network, at least one.
const COUNTIES_PER_BAD: usize = 40;

impl World {
    /// Chooses the odd ones among the devices' schools and counties.
    #[must_use]
    pub fn new(
        seed: u64,
        scenario: Scenario,
        anchor: Day,
        calendar: Calendar,
        bells: Vec<(u32, u32)>,
        devices: &[Device],
    ) -> World {
        let counties = devices.iter().map(|d| d.division).filter(|code| code % 100 != 0).collect();
        let schools = devices.iter().map(|d| d.school_no).collect();
        let bad_network = choose(seed, 1, &counties, COUNTIES_PER_BAD);
        let silent_schools = choose(seed, 2, &schools, SCHOOLS_PER_SILENT);
        World { seed, scenario, anchor, calendar, bells, bad_network, silent_schools }
    }

    /// The county has a bad network.
    #[must_use]
    pub fn has_bad_network(&self, division: u32) -> bool {
        self.bad_network.contains(&division)
    }

    /// The device is offline on that day and comes back at 08:00 of the day returned, with its spool. Days before the
    /// anchor are offline anyway.
    #[must_use]
    pub fn offline_until(&self, device_no: u32, day: Day) -> Option<Day> {
        let back = |begin: Day| {
            let key = [self.seed, Purpose::Offline as u64, u64::from(device_no), begin.0 as u64];
            let mut dice = Dice::of(&key);
            (begin >= self.anchor && dice.chance(OFFLINE_SHARE))
                .then(|| begin.plus(dice.within(1, 1 + OFFLINE_DAYS) as i32))
        };
        (0..OFFLINE_DAYS as i32).filter_map(|n| back(day.plus(-n))).filter(|until| *until > day).max()
    }

    /// The school has fallen silent on that day.
    #[must_use]
    pub fn is_silent(&self, school_no: u32, day: Day) -> bool {
        self.silent_schools.contains(&school_no) && day >= self.anchor.plus(-SILENT_DAYS)
    }
}

fn choose(seed: u64, what: u64, among: &BTreeSet<u32>, one_in: usize) -> BTreeSet<u32> {
    let key = |unit: &u32| Dice::of(&[seed, Purpose::World as u64, what, u64::from(*unit)]).bits();
    let mut units: Vec<u32> = among.iter().copied().collect();
    units.sort_by_key(key);
    units.truncate((among.len() / one_in).max(1));
    units.into_iter().collect()
}
