//! School-days in memory, summed by the area that directly manages the schools and by day: a few thousand cells tell of
//! a province's month what its tables tell in a hundred times as many rows. Schools right below a city or the province
//! are units beside its counties and cities, so each of them has a cell of its own. Cells are filled without a scope and
//! read through one.

use super::gather::{Gathered, Group};
use super::plan::{DayCount, Grouping};
use super::scope::{Scope, child_area};
use super::sums::{ActivitySums, NetworkSums, RosterSums};
use schemas::org::area_range;
use schemas::time::Day;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A table that cells come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// `roster_day`
    Roster,
    /// `school_day`
    Activity,
    /// `school_network_day`
    Network,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 3] = [Table::Roster, Table::Activity, Table::Network];

    /// Its name in ClickHouse.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Table::Roster => "roster_day",
            Table::Activity => "school_day",
            Table::Network => "school_network_day",
        }
    }

    /// The tables whose cells rest on rows of this one: numerators leave out schools that the roster says are off.
    const fn dependants(self) -> &'static [Table] {
        match self {
            Table::Roster => &Table::ALL,
            Table::Activity => &[Table::Activity],
            Table::Network => &[Table::Network],
        }
    }
}

/// Sums with the version of the rows that they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted<S> {
    /// Sums.
    pub sums: S,
    /// Rows.
    pub rows: u64,
    /// Sum of their `ver`.
    pub ver: u64,
}

/// Whose a cell is: the area that directly manages the schools, and the school; 0: all schools of a county.
pub type Place = (u32, u32);

/// One place on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    roster: Counted<RosterSums>,
    provisional: bool,
    activity: Counted<ActivitySums>,
    network: Counted<NetworkSums>,
}

/// What one table tells of a cell.
#[derive(Clone, Debug)]
pub enum Told {
    /// Denominators, and whether the calendar is not official yet.
    Roster(Counted<RosterSums>, bool),
    /// Numerators of `activity`.
    Activity(Counted<ActivitySums>),
    /// Numerators of `network`.
    Network(Box<Counted<NetworkSums>>),
}

/// Cells of a table that have to be read again: these days, of these areas (none: of all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reread {
    /// Ascending.
    pub days: Vec<Day>,
    /// Ascending.
    pub areas: Option<Vec<u32>>,
}

/// What is stale of one table.
#[derive(Clone, Debug, Default)]
struct Stale {
    /// Days of which nothing has been read.
    days: BTreeSet<i32>,
    /// Days and areas of which rows may have changed.
    cells: BTreeMap<i32, BTreeSet<u32>>,
}

/// Which cells are summed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What the caller may see.
    pub scope: &'a Scope,
    /// The area.
    pub area: u32,
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
    /// By what.
    pub grouping: Grouping,
    /// Numerators of `network` are needed.
    pub network: bool,
}

/// The memory.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    days: BTreeMap<i32, HashMap<Place, Cell>>,
    stale: HashMap<Table, Stale>,
}

impl Cells {
    /// Holds these days and no others; what is new among them is to be read.
    pub fn hold(&mut self, from: Day, to: Day) {
        self.days.retain(|day, _| (from.0..=to.0).contains(day));
        for day in (from.0..=to.0).filter(|day| !self.days.contains_key(day)).collect::<Vec<_>>() {
            self.days.insert(day, HashMap::new());
            for table in Table::ALL {
                self.stale.entry(table).or_default().days.insert(day);
            }
        }
        for stale in self.stale.values_mut() {
            stale.days.retain(|day| self.days.contains_key(day));
            stale.cells.retain(|day, _| self.days.contains_key(day));
        }
    }

    /// Rows of a table may have changed in an area's day.
    pub fn touch(&mut self, table: Table, area: u32, day: Day) {
        if self.days.contains_key(&day.0) {
            for dependant in table.dependants() {
                self.stale.entry(*dependant).or_default().cells.entry(day.0).or_default().insert(area);
            }
        }
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Cells::default();
    }

    /// Nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// What is to be read next of a table, at most so many days of it; none: it is up to date.
    #[must_use]
    pub fn stale(&self, table: Table, days: usize) -> Option<Reread> {
        let stale = self.stale.get(&table)?;
        let take = |days_of: Vec<i32>| days_of.into_iter().take(days).map(Day).collect::<Vec<_>>();
        if !stale.days.is_empty() {
            return Some(Reread { days: take(stale.days.iter().copied().collect()), areas: None });
        }
        let chosen = take(stale.cells.keys().copied().collect());
        let areas: BTreeSet<u32> = chosen.iter().flat_map(|day| &stale.cells[&day.0]).copied().collect();
        (!chosen.is_empty()).then(|| Reread { days: chosen, areas: Some(areas.into_iter().collect()) })
    }

    /// Puts what was read in the place of what was held; cells without rows are empty.
    pub fn put(&mut self, table: Table, read: &Reread, rows: impl Iterator<Item = (Place, Day, Told)>) {
        for day in &read.days {
            let cells = self.days.entry(day.0).or_default();
            let held =
                cells.iter_mut().filter(|((area, _), _)| read.areas.as_ref().is_none_or(|areas| areas.contains(area)));
            held.for_each(|(_, cell)| cell.clear(table));
        }
        for (place, day, told) in rows {
            self.days.entry(day.0).or_default().entry(place).or_default().set(told);
        }
        let Some(stale) = self.stale.get_mut(&table) else { return };
        for day in &read.days {
            match &read.areas {
                None => {
                    stale.days.remove(&day.0);
                    stale.cells.remove(&day.0);
                }
                Some(areas) => stale.cells.entry(day.0).or_default().retain(|area| !areas.contains(area)),
            }
        }
        stale.cells.retain(|_, areas| !areas.is_empty());
    }

    /// Sums the cells inside the scope.
    #[must_use]
    pub fn gather(&self, wanted: &Wanted<'_>) -> Gathered {
        let mut gathered = Gathered::new(wanted.grouping);
        let range = area_range(wanted.area);
        for (day, cells) in self.days.range(wanted.from.0..=wanted.to.0) {
            let inside = |area: &u32| range.contains(area) && wanted.scope.covers_area(*area);
            let cells = cells.iter().filter(|((area, _), cell)| inside(area) && !cell.is_empty());
            let cells: Vec<(Place, &Cell)> = cells.map(|(place, cell)| (*place, cell)).collect();
            let count = day_count(Day(*day), &cells);
            if count.on + count.off > 0 {
                gathered.day(count);
            }
            for (place, cell) in cells {
                cell.add(&mut gathered, group(wanted, place, Day(*day)), count.on > 0, wanted.network);
            }
        }
        gathered
    }
}

/// The group that a place belongs to.
#[must_use]
pub fn group(wanted: &Wanted<'_>, (area, school): Place, day: Day) -> Group {
    match wanted.grouping {
        Grouping::Whole => Group::default(),
        Grouping::Days => Group { day: u16::try_from(day.0).unwrap_or(0), ..Group::default() },
        Grouping::Units => match child_area(wanted.area, area) {
            Some(child) => Group { area: child, ..Group::default() },
            None => Group { school, ..Group::default() },
        },
    }
}

fn day_count(day: Day, cells: &[(Place, &Cell)]) -> DayCount {
    let rosters = || cells.iter().map(|(_, cell)| &cell.roster.sums);
    let on = rosters().map(|sums| sums.school_day_rows).sum();
    let rows: u64 = rosters().map(|sums| sums.rows).sum();
    DayCount { day, on, off: rows - on, provisional: cells.iter().any(|(_, cell)| cell.provisional) }
}

impl Cell {
    fn clear(&mut self, table: Table) {
        match table {
            Table::Roster => (self.roster, self.provisional) = (Counted::default(), false),
            Table::Activity => self.activity = Counted::default(),
            Table::Network => self.network = Counted::default(),
        }
    }

    fn set(&mut self, told: Told) {
        match told {
            Told::Roster(roster, provisional) => (self.roster, self.provisional) = (roster, provisional),
            Told::Activity(activity) => self.activity = activity,
            Told::Network(network) => self.network = *network,
        }
    }

    fn is_empty(&self) -> bool {
        self.roster.rows + self.activity.rows + self.network.rows == 0
    }

    /// Adds what there are rows of: a unit, or a day, without any is none of the answer's.
    fn add(&self, to: &mut Gathered, group: Group, is_school_day: bool, network: bool) {
        if self.roster.rows > 0 {
            to.version.add(self.roster.rows, self.roster.ver);
            to.roster(group, &self.roster.sums);
        }
        if is_school_day && self.activity.rows > 0 {
            to.version.add(self.activity.rows, self.activity.ver);
            to.activity(group, &self.activity.sums);
        }
        if is_school_day && network && self.network.rows > 0 {
            to.version.add(self.network.rows, self.network.ver);
            to.network(group, &self.network.sums);
        }
    }
}

#[cfg(test)]
#[path = "cells/tests.rs"]
mod tests;
