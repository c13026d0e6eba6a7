//! How far below the committed offset a new owner of a partition begins (precondition P2).
//!
//! A load may miss rows that were acknowledged within the last `span`, the longest that a replica lags. The position
//! that was committed that long ago is below every event of such rows, whatever speed the log was read at; it is
//! kept with each commit, and the next owner begins there.

use std::collections::VecDeque;

/// Commits of one partition by this owner.
#[derive(Clone, Debug)]
pub struct History {
    span_ms: i64,
    /// Where this owner began.
    floor: i64,
    /// (real time in ms, offset), thinned out, oldest first; the first is at least `span_ms` old, or there is none such.
    commits: VecDeque<(i64, i64)>,
}

/// Commits per `span` that are remembered.
const MARKS: i64 = 64;

impl History {
    /// An owner that begins at `floor`.
    #[must_use]
    pub fn new(span_ms: i64, floor: i64) -> History {
        History { span_ms, floor, commits: VecDeque::new() }
    }

    /// Notes a commit, and returns where an owner that took over right now would have to begin.
    pub fn commit(&mut self, now_ms: i64, offset: i64) -> i64 {
        if self.span_ms == 0 {
            self.floor = offset;
            return offset;
        }
        if self.commits.back().is_none_or(|(at, _)| now_ms - at >= self.span_ms / MARKS) {
            self.commits.push_back((now_ms, offset));
        }
        while let Some((_, offset)) = self.commits.pop_front_if(|(at, _)| now_ms - *at >= self.span_ms) {
            self.floor = offset;
        }
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_owner_begins_where_was_committed_a_span_ago() {
        let mut history = History::new(600_000, 5);
        assert_eq!(history.commit(0, 100), 5, "this owner has not been here for long enough");
        for second in 1..600 {
            assert_eq!(history.commit(second * 1000, 100 + second), 5);
        }
        assert_eq!(history.commit(600_000, 700), 100);
        let floor = history.commit(1_200_000, 1300);
        assert!((690..=700).contains(&floor), "{floor}");
        assert!(history.commits.len() <= 66, "thinned out");
    }

    #[test]
    fn without_replicas_nothing_is_read_again() {
        assert_eq!(History::new(0, 5).commit(0, 100), 100);
    }
}
