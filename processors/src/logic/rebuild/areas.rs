//! What other definitions change, by area: the daily usage rate of the days compared, old and new.

use schemas::org::area_chain;
use std::collections::BTreeMap;

/// Used device-days of a division's school days, and the device-days in service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Device-days in service.
    pub in_service: u64,
    /// Of these: used, in the tables that are there.
    pub old: u64,
    /// Of these: used, in the tables that were made.
    pub new: u64,
}

impl Usage {
    fn plus(self, other: Usage) -> Usage {
        Usage { in_service: self.in_service + other.in_service, old: self.old + other.old, new: self.new + other.new }
    }
}

/// Areas by code, ascending, so that a province stands before its cities and a city before its counties. Schools of a
/// city or the province itself count there.
#[must_use]
pub fn by_area(divisions: &[(u32, Usage)]) -> BTreeMap<u32, Usage> {
    let mut areas: BTreeMap<u32, Usage> = BTreeMap::new();
    for (division, usage) in divisions {
        let mut above = area_chain(*division).to_vec();
        above.dedup();
        for area in above {
            let sum = areas.entry(area).or_default();
            *sum = sum.plus(*usage);
        }
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_county_counts_in_its_city_and_province_once() {
        let usage = |n| Usage { in_service: 10 * n, old: 2 * n, new: n };
        let areas = by_area(&[(440_106, usage(1)), (441_900, usage(2)), (440_000, usage(3))]);
        assert_eq!(areas.keys().copied().collect::<Vec<_>>(), [440_000, 440_100, 440_106, 441_900]);
        assert_eq!(areas[&440_000], usage(6));
        assert_eq!((areas[&440_100], areas[&441_900]), (usage(1), usage(2)));
    }
}
