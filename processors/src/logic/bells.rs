//! Bell times in force on a day: the school's own, effective-dated, else the default ones.

use hashbrown::HashMap;
use schemas::registry::Bells;
use schemas::time::Day;

/// Lessons `[start, end)` in seconds after local midnight.
pub type Lessons = [(u32, u32)];

/// The bells that a school has from `bells` on `day`: those of the latest entry that has begun; without one, or where
/// it names no lessons, the default bells.
#[must_use]
pub fn in_force<'a>(bells: &'a [Bells], default: &'a Lessons, day: Day) -> &'a Lessons {
    let latest = bells.iter().filter(|entry| entry.from_day <= day).max_by_key(|entry| entry.from_day);
    latest.map(|entry| entry.lessons.as_slice()).filter(|lessons| !lessons.is_empty()).unwrap_or(default)
}

/// Bells of every school that has its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timetable(HashMap<u32, Vec<Bells>>);

impl Timetable {
    /// Replaces the bells of a school; true if that changes anything.
    pub fn set(&mut self, school_no: u32, bells: Vec<Bells>) -> bool {
        let former = self.0.get(&school_no).map(Vec::as_slice).unwrap_or_default();
        if former == bells.as_slice() {
            return false;
        }
        if bells.is_empty() {
            self.0.remove(&school_no);
        } else {
            self.0.insert(school_no, bells);
        }
        true
    }

    /// The lessons of a school on a day.
    #[must_use]
    pub fn lessons<'a>(&'a self, school_no: u32, default: &'a Lessons, day: Day) -> &'a Lessons {
        self.0.get(&school_no).map_or(default, |bells| in_force(bells, default, day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_entry_that_has_begun_counts() {
        let default = [(1, 2)];
        let entry = |from_day, lesson| Bells { from_day: Day(from_day), lessons: vec![lesson] };
        let mut timetable = Timetable::default();
        assert!(timetable.set(7, vec![entry(10, (3, 4)), entry(20, (5, 6))]));
        let on = |day| timetable.lessons(7, &default, Day(day)).to_vec();
        assert_eq!((on(9), on(10), on(19), on(20)), (vec![(1, 2)], vec![(3, 4)], vec![(3, 4)], vec![(5, 6)]));
        assert_eq!(timetable.lessons(8, &default, Day(30)), default);
        assert!(timetable.set(7, vec![]) && !timetable.set(7, vec![]));
        assert_eq!(timetable.lessons(7, &default, Day(30)), default);
    }
}
