//! School days as the fleet plays them: the week, narrowed by ranges without school, widened by make-up days.

use schemas::time::Day;

/// Days that deviate from Monday to Friday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// First and last day of ranges without school.
    pub closed: Vec<(Day, Day)>,
    /// Weekend days with school.
    pub open: Vec<Day>,
}

impl Calendar {
    /// It is a school day.
    #[must_use]
    pub fn is_school_day(&self, day: Day) -> bool {
        let closed = self.closed.iter().any(|(from, to)| (*from..=*to).contains(&day));
        !closed && (day.weekday() < 5 || self.open.contains(&day))
    }

    /// The day on which the last `count` school days before `today` begin, not more than `most_days` back.
    #[must_use]
    pub fn back(&self, today: Day, count: u32, most_days: i32) -> Day {
        let school_days = (1..=most_days).map(|n| today.plus(-n)).filter(|day| self.is_school_day(*day));
        school_days.take(count as usize).last().unwrap_or(today)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn history_skips_weekends_and_holidays_and_has_an_end() {
        let calendar = Calendar { closed: vec![(day("2026-10-01"), day("2026-10-07"))], open: vec![day("2026-10-10")] };
        assert!(calendar.is_school_day(day("2026-10-10")));
        assert!(!calendar.is_school_day(day("2026-10-11")));
        // Back from Monday 12 October: Saturday 10 (make-up), Friday 9, Thursday 8, Wednesday 30 September.
        assert_eq!(calendar.back(day("2026-10-12"), 4, 44), day("2026-09-30"));
        assert_eq!(calendar.back(day("2026-10-12"), 4, 4), day("2026-10-08"));
        assert_eq!(calendar.back(day("2026-10-12"), 0, 44), day("2026-10-12"));
    }
}
