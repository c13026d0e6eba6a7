//! How far a rebuild is.

use super::super::cli::grouped;
use std::collections::BTreeMap;

/// Offsets by partition.
pub type Offsets = BTreeMap<i32, i64>;

/// Where a group is in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// First offsets that are there.
    pub begins: Offsets,
    /// Offsets after the last.
    pub ends: Offsets,
    /// What the group committed.
    pub committed: Offsets,
}

impl Standing {
    /// Records below what is committed.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.sum(|partition, begin| self.committed.get(partition).map_or(0, |offset| offset - begin))
    }

    /// Records that are there.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.sum(|partition, begin| self.ends.get(partition).map_or(0, |offset| offset - begin))
    }

    /// Everything up to `ends` is committed.
    #[must_use]
    pub fn has_reached(&self, ends: &Offsets) -> bool {
        let reached = |(partition, end): (&i32, &i64)| {
            *end <= self.begins.get(partition).copied().unwrap_or(0)
                || self.committed.get(partition).is_some_and(|offset| offset >= end)
        };
        ends.iter().all(reached)
    }

    fn sum(&self, of: impl Fn(&i32, i64) -> i64) -> u64 {
        self.begins.iter().map(|(partition, begin)| u64::try_from(of(partition, *begin)).unwrap_or(0)).sum()
    }
}

/// A line of progress: how much of how much, at which rate, how long still.
#[must_use]
pub fn line(what: &str, done: u64, all: u64, elapsed_ms: u64) -> String {
    let rate = done.saturating_mul(1000) / elapsed_ms.max(1);
    let rest = all.saturating_sub(done).checked_div(rate).map_or("-".to_owned(), |seconds| format!("{seconds} s"));
    let share = done.saturating_mul(100).checked_div(all).unwrap_or(100);
    format!("{} of {} {what} ({share} %), {}/s, {rest} to go", grouped(done), grouped(all), grouped(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_reached_what_it_committed() {
        let offsets = |pairs: &[(i32, i64)]| pairs.iter().copied().collect::<Offsets>();
        let standing = Standing {
            begins: offsets(&[(0, 10), (1, 0), (2, 5)]),
            ends: offsets(&[(0, 30), (1, 4), (2, 5)]),
            committed: offsets(&[(0, 20), (1, 4)]),
        };
        assert_eq!((standing.done(), standing.all()), (14, 24));
        assert!(!standing.has_reached(&standing.ends));
        assert!(standing.has_reached(&offsets(&[(0, 20), (1, 4), (2, 5)])), "an empty partition has no commit");
    }

    #[test]
    fn progress_says_how_long_still() {
        assert_eq!(line("records", 5_000, 20_000, 2_000), "5,000 of 20,000 records (25 %), 2,500/s, 6 s to go");
        assert_eq!(line("records", 0, 10, 0), "0 of 10 records (0 %), 0/s, - to go");
    }
}
