//! Half-open ranges of days.

use schemas::time::Day;

/// Days after today for which denominators are written ahead.
const DAYS_AHEAD: i32 = 7;

/// The days `[from, until)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub from: Day,
    /// Day after the last.
    pub until: Day,
}

impl Window {
    /// `accept_days` before today to a week after it.
    #[must_use]
    pub fn around(today: Day, accept_days: u32) -> Window {
        let back = i32::try_from(accept_days).unwrap_or(i32::MAX);
        Window { from: Day(today.0.saturating_sub(back).max(Day::FIRST.0)), until: today.plus(DAYS_AHEAD + 1) }
    }

    /// The days that the window of a later day has and this one has not.
    #[must_use]
    pub(super) fn gained_by(self, today: Day, accept_days: u32) -> Window {
        let later = Window::around(today, accept_days);
        Window { from: later.from.max(self.until), until: later.until }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub(super) fn hull(self, other: Window) -> Window {
        Window { from: self.from.min(other.from), until: self.until.max(other.until) }
    }

    /// What both have; may be empty.
    #[must_use]
    pub(super) fn intersect(self, other: Window) -> Window {
        Window { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    /// The days, in order.
    pub fn days(self) -> impl Iterator<Item = Day> + use<> {
        (self.from.0..self.until.0).map(Day)
    }

    /// Index of a day that is in the range.
    #[must_use]
    pub(super) fn index(self, day: Day) -> usize {
        usize::try_from(day.0 - self.from.0).unwrap_or_default()
    }

    /// Number of days.
    #[must_use]
    pub fn len(self) -> usize {
        usize::try_from(self.until.0 - self.from.0).unwrap_or_default()
    }

    /// No day.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}
