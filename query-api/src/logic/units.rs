//! Which units an answer lists, and how their rows are put together with their names.

use super::cursor::Key;
use super::figures::figure;
use super::order::{Figures, key};
use super::params::Order;
use super::plan::Calendar;
use super::sums::Sums;
use super::tree::{Org, Target, Tree};
use schemas::figures::FigureId;
use schemas::org::OrgId;
use std::collections::HashMap;

/// What was read for an answer: sums by unit and by day, the calendar of the range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The whole unit.
    pub whole: Sums,
    /// By unit below, where units were asked.
    pub units: HashMap<OrgId, Sums>,
    /// By day, where days were asked.
    pub days: HashMap<i32, Sums>,
    /// School days of the range.
    pub calendar: Calendar,
}

/// A unit below with its sums.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Who.
    pub org: Org,
    /// A school that the area manages directly; else an area.
    pub is_school: bool,
    /// The code that lists are ordered by where all else is equal.
    pub code: (u32, u32),
    /// Counts.
    pub sums: Sums,
}

/// The units right below: all that hang there now, and those that had rows there in the range.
#[must_use]
pub fn units(tree: &Tree, target: Target, facts: &Facts) -> Vec<Unit> {
    let Target::Area(area) = target else { return Vec::new() };
    let schools = tree.direct_schools(area).iter().map(|no| OrgId::School(*no));
    let areas = tree.child_areas(area).iter().map(|code| OrgId::Area(*code));
    let mut ids: Vec<OrgId> = schools.chain(areas).collect();
    let known: std::collections::HashSet<OrgId> = ids.iter().copied().collect();
    ids.extend(facts.units.keys().filter(|id| !known.contains(id)));
    ids.into_iter().map(|id| unit(tree, area, id, facts)).collect()
}

fn unit(tree: &Tree, area: u32, id: OrgId, facts: &Facts) -> Unit {
    let sums = facts.units.get(&id).copied().unwrap_or_default();
    match id {
        OrgId::Area(code) => Unit { org: tree.org(id, code), is_school: false, code: (code, 0), sums },
        OrgId::School(no) | OrgId::Class(no) => {
            Unit { org: as_was(tree.org(id, area), area), is_school: true, code: (area, no), sums }
        }
    }
}

/// A school that has moved away since is listed where its days belong, with the division that they belong to.
fn as_was(org: Org, area: u32) -> Org {
    Org { division: area, ..org }
}

/// The wanted figures of one unit.
#[must_use]
pub fn figures(wanted: &[FigureId], sums: &Sums, calendar: &Calendar) -> Figures {
    let has_school_days = calendar.days.iter().any(|day| day.on > 0);
    wanted.iter().map(|id| (*id, figure(*id, sums, has_school_days))).collect()
}

/// The units as rows of a list: direct schools (section 0), then areas (section 1).
#[must_use]
pub fn rows(
    units: Vec<Unit>,
    wanted: &[FigureId],
    calendar: &Calendar,
    order: Option<Order>,
) -> Vec<(Key, (Org, Figures))> {
    let row = |unit: Unit| {
        let figures = figures(wanted, &unit.sums, calendar);
        (key(u8::from(!unit.is_school), &figures, order, unit.code), (unit.org, figures))
    };
    units.into_iter().map(row).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use crate::logic::tree::Node;
    use schemas::registry::Level;

    fn node(id: &str, level: Level, division: u32, school_no: u32) -> Node {
        Node { id: OrgId::parse(id).unwrap(), level, division, school_no, name: id.to_uppercase() }
    }

    #[test]
    fn silent_units_are_listed_and_schools_that_moved_away_stay_where_their_days_are() {
        let tree = Tree::new(vec![
            node("440100", Level::City, 440_100, 0),
            node("440105", Level::County, 440_105, 0),
            node("440106", Level::County, 440_106, 0),
            node("s2", Level::School, 440_100, 2),
            node("s9", Level::School, 440_106, 9),
        ]);
        let mut facts = Facts::default();
        facts.units.insert(OrgId::School(9), Sums::default());
        facts.units.insert(OrgId::Area(440_106), Sums::default());
        let units = units(&tree, Target::Area(440_100), &facts);
        let mut listed: Vec<_> = rows(units, &[FigureId::UsageRate], &Calendar::default(), None)
            .into_iter()
            .map(|(key, (org, _))| (key.section, org.id, org.division))
            .collect();
        listed.sort();
        let expected = [(0, "s2", 440_100), (0, "s9", 440_100), (1, "440105", 440_105), (1, "440106", 440_106)];
        assert_eq!(listed, expected.map(|(section, id, division)| (section, id.to_owned(), division)));
    }
}
