//! A plainly fictitious province of any size: the same seed makes the same schools, classes and devices.
//!
//! It streams school by school in bounded memory, and is stable under growth: the first schools of a larger province
//! are those of a smaller one with the same seed. Names say that they are examples.
//!
//! ```
//! use registry::logic::{divisions, generator::{Generator, Province}};
//! use schemas::time::Day;
//!
//! let divisions = divisions::parse(divisions::GUANGDONG_CSV)?;
//! let today = Day::parse("2026-11-20").ok_or("a day")?;
//! let province = Province::new(Generator { schools: 20, ..Generator::new(1, today) }, &divisions);
//! assert_eq!(province.schools().count(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod naming;
mod placement;
mod school;
mod stream;

pub use school::GeneratedSchool;

use super::model::Division;
use placement::Placement;
use schemas::registry::CalendarSpan;
use schemas::time::Day;

/// Schools of the default province: enough for one in every county.
pub const DEFAULT_SCHOOLS: u32 = 160;

/// What is to be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generator {
    /// Seed of everything random.
    pub seed: u64,
    /// Number of schools.
    pub schools: u32,
    /// Devices of each school; none: 3 to 12 classes with a device each.
    pub devices_per_school: Option<u32>,
    /// Histories end on this day.
    pub today: Day,
    /// Most devices were enrolled longer ago than this many days.
    pub accept_days: u32,
}

impl Generator {
    /// The default province.
    #[must_use]
    pub fn new(seed: u64, today: Day) -> Generator {
        Generator { seed, schools: DEFAULT_SCHOOLS, devices_per_school: None, today, accept_days: 45 }
    }
}

/// A province to be generated.
#[derive(Debug)]
pub struct Province<'a> {
    generator: Generator,
    divisions: &'a [Division],
    placement: Placement,
}

impl<'a> Province<'a> {
    /// Prepares a province over the given divisions.
    #[must_use]
    pub fn new(generator: Generator, divisions: &'a [Division]) -> Province<'a> {
        Province { generator, divisions, placement: Placement::new(divisions) }
    }

    /// The divisions it stands on.
    #[must_use]
    pub fn divisions(&self) -> &'a [Division] {
        self.divisions
    }

    /// What is generated.
    #[must_use]
    pub fn generator(&self) -> Generator {
        self.generator
    }

    /// Its schools with all that is in them, in the order of their numbers.
    #[must_use]
    pub fn schools(&self) -> Schools<'_> {
        Schools::new(self)
    }

    /// Closures of one city in the month before `today`, so that not every area has the same school days.
    #[must_use]
    pub fn closures(&self, division: u32) -> Vec<CalendarSpan> {
        if division != placement::CITY_WITH_A_CLOSURE {
            return Vec::new();
        }
        vec![closure(early_in_a_week(self.generator.today.plus(-16)), 2, "台风停课")]
    }
}

/// A closure of `days` days.
fn closure(from_day: Day, days: i32, name: &str) -> CalendarSpan {
    let until_day = from_day.plus(days);
    CalendarSpan { from_day, until_day, school_day: false, name: name.into(), provisional: false }
}

/// The last Monday to Thursday up to `day`.
fn early_in_a_week(day: Day) -> Day {
    day.plus(-(i32::from(day.weekday()) - 3).max(0))
}

/// The schools of a province, one after the other.
#[derive(Debug)]
pub struct Schools<'a> {
    province: &'a Province<'a>,
    names: naming::Names<'a>,
    next: school::Numbers,
}

impl<'a> Schools<'a> {
    fn new(province: &'a Province<'a>) -> Schools<'a> {
        Schools { province, names: naming::Names::new(province.divisions), next: school::Numbers::first() }
    }
}

impl Iterator for Schools<'_> {
    type Item = GeneratedSchool;

    fn next(&mut self) -> Option<GeneratedSchool> {
        if self.next.school > self.province.generator.schools {
            return None;
        }
        let division = self.province.placement.of_school(self.next.school)?;
        Some(school::generate(self.province.generator, division, &mut self.names, &mut self.next))
    }
}

#[cfg(test)]
mod tests;
