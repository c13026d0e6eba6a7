//! Rows that move while they are compared. Two sets fold the same log at their own pace, so a row of a device that
//! posts now has another `ver` here than there; it counts as compared once it was seen with one `ver` on both sides.
//! A row that stays unequal while neither side moves is a difference: an event is missing.

use std::collections::BTreeMap;

/// A row: table, day, division, school, device (0: a school's row).
pub type RowKey = (&'static str, i32, u32, u32, u32);
/// `ver` in the live table and in the one that was made; 0: no row.
pub type Versions = (u64, u64);

/// The rows that are still to be seen equal.
#[derive(Clone, Debug, Default)]
pub struct Moving {
    waiting: BTreeMap<RowKey, Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    versions: Versions,
    /// Looks in a row at which neither side had moved.
    still: u32,
}

/// Looks at which nothing moved before a row counts as different: each look is later than both sides' flushes.
pub const STILL_LOOKS: u32 = 3;

impl Moving {
    /// After the first look: the rows whose versions differed.
    #[must_use]
    pub fn begin(rows: impl IntoIterator<Item = (RowKey, Versions)>) -> Moving {
        let waiting = |(key, versions)| (key, Waiting { versions, still: 0 });
        Moving { waiting: rows.into_iter().map(waiting).collect() }
    }

    /// After a further look at all days of [`Moving::days`]: rows that were waiting and are not among those whose
    /// versions differ have been seen equal. What moves only now had been seen equal before.
    pub fn look(&mut self, rows: impl IntoIterator<Item = (RowKey, Versions)>) {
        let mut before = std::mem::take(&mut self.waiting);
        for (key, versions) in rows {
            if let Some(waited) = before.remove(&key) {
                let still = if waited.versions == versions { waited.still + 1 } else { 0 };
                self.waiting.insert(key, Waiting { versions, still });
            }
        }
    }

    /// Tables and days that must be looked at again.
    #[must_use]
    pub fn days(&self) -> Vec<(&'static str, i32)> {
        let mut days: Vec<_> = self.waiting.keys().map(|(table, day, ..)| (*table, *day)).collect();
        days.dedup();
        days
    }

    /// Rows that differ for good: they do not move, and are not equal.
    pub fn stuck(&self) -> impl Iterator<Item = (&RowKey, Versions)> {
        self.waiting.iter().filter(|(_, row)| row.still >= STILL_LOOKS).map(|(key, row)| (key, row.versions))
    }

    /// Rows that were not seen equal, and still moved at the last look.
    #[must_use]
    pub fn restless(&self) -> usize {
        self.waiting.len() - self.stuck().count()
    }

    /// Looking again can change nothing any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.restless() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(device: u32) -> RowKey {
        ("device_day", 20_000, 440_106, 10, device)
    }

    #[test]
    fn a_row_that_was_seen_equal_once_counts_though_it_moves_on() {
        let mut moving = Moving::begin([(key(1), (5, 4)), (key(2), (7, 6))]);
        moving.look([(key(2), (8, 7)), (key(3), (2, 1))]);
        assert_eq!((moving.restless(), moving.days()), (1, vec![("device_day", 20_000)]));
        moving.look([(key(1), (6, 5))]);
        assert!(moving.is_over() && moving.stuck().count() == 0);
    }

    #[test]
    fn a_row_that_lacks_an_event_is_found() {
        let mut moving = Moving::begin([(key(1), (5, 4))]);
        for _ in 0..STILL_LOOKS {
            assert!(!moving.is_over());
            moving.look([(key(1), (5, 4))]);
        }
        assert!(moving.is_over());
        assert_eq!(moving.stuck().collect::<Vec<_>>(), [(&key(1), (5, 4))]);
    }

    #[test]
    fn a_row_that_never_rests_is_neither() {
        let mut moving = Moving::begin([(key(1), (5, 4))]);
        (0..9).for_each(|step| moving.look([(key(1), (6 + step, 5 + step))]));
        assert_eq!((moving.restless(), moving.stuck().count()), (1, 0));
    }
}
