//! What corrections that reach back have told a device-day (docs/adr/0011-corrections-in-the-log.md).
//!
//! A correction stands in the log like an event, and is folded like one: into a row once, whenever and however often it
//! comes, and counted by `ver`, so that a row that knows of it wins over every row that does not. Of several the one with
//! the highest number holds, so that their order does not matter either.

use super::school::LedgerKey;
use schemas::record::Correction;
use smallvec::SmallVec;

/// The corrections of a row; nearly always none, which takes eight bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Option<Box<Told>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    /// Ascending.
    numbers: SmallVec<[u32; 2]>,
    /// Area and school where the day belongs.
    place: (u32, u32),
}

/// Columns `corrections`, `moved_division` and `moved_school_no` that no worker wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the columns of corrections contradict each other")]
pub struct NotMarks;

impl Marks {
    /// Reads the columns of a row back.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn from_columns(key: LedgerKey, numbers: &[u32], moved: (u32, u32)) -> Result<Marks, NotMarks> {
        let here = (key.division, key.school_no);
        if !numbers.is_sorted_by(|a, b| a < b) || (numbers.is_empty() && moved.1 != 0) || moved == here {
            return Err(NotMarks);
        }
        let place = if moved.1 == 0 { here } else { moved };
        let told = || Box::new(Told { numbers: SmallVec::from_slice(numbers), place });
        Ok(Marks((!numbers.is_empty()).then(told)))
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        self.0.as_ref().map_or(&[], |told| &told.numbers)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.numbers().len() as u32
    }

    /// Where the day belongs, if that is not `key`.
    #[must_use]
    pub fn away(&self, key: LedgerKey) -> Option<(u32, u32)> {
        self.0.as_ref().map(|told| told.place).filter(|place| *place != (key.division, key.school_no))
    }

    /// Readers leave a row of this `ver` out: its day is elsewhere, or no event touches it.
    #[must_use]
    pub fn hide(&self, key: LedgerKey, ver: u32) -> bool {
        self.away(key).is_some() || ver == self.count()
    }

    /// Takes a correction.
    pub fn take(&mut self, correction: &Correction) -> Taken {
        let place = (correction.division, correction.school_no);
        let Some(told) = &mut self.0 else {
            self.0 = Some(Box::new(Told { numbers: SmallVec::from_slice(&[correction.seq]), place }));
            return Taken::Newest;
        };
        match told.numbers.binary_search(&correction.seq) {
            Ok(_) => Taken::Known,
            Err(at) if at < told.numbers.len() => {
                told.numbers.insert(at, correction.seq);
                Taken::Older
            }
            Err(at) => {
                told.numbers.insert(at, correction.seq);
                told.place = place;
                Taken::Newest
            }
        }
    }

    /// Bytes outside the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |_| size_of::<Told>())
    }
}

/// What a correction is to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The row had heard of it.
    Known,
    /// It had not, and a later one holds.
    Older,
    /// It holds from now on.
    Newest,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::time::Day;

    const HERE: LedgerKey = LedgerKey { division: 440_106, school_no: 7, day: Day(20_000) };

    fn correction(seq: u32, school_no: u32) -> Correction {
        Correction { seq, marker: true, school_no, class_no: 1, division: 440_106, in_service: true }
    }

    fn marks(told: &[(u32, u32)]) -> Marks {
        let mut marks = Marks::default();
        for (seq, school_no) in told {
            marks.take(&correction(*seq, *school_no));
        }
        marks
    }

    #[test]
    fn the_highest_number_holds_in_any_order() {
        let told = [(1, 8), (4, 7), (2, 9)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
            let marks = marks(&order.map(|at: usize| told[at]));
            assert_eq!((marks.numbers(), marks.away(HERE)), (&[1, 2, 4][..], None), "{order:?}");
        }
        assert_eq!(marks(&[(1, 7), (2, 9)]).away(HERE), Some((440_106, 9)));
    }

    #[test]
    fn a_repetition_changes_nothing() {
        let mut marks = marks(&[(1, 8)]);
        assert_eq!(marks.take(&correction(1, 8)), Taken::Known);
        assert_eq!((marks.take(&correction(3, 7)), marks.take(&correction(2, 9))), (Taken::Newest, Taken::Older));
        assert_eq!(marks.count(), 3);
    }

    #[test]
    fn a_row_without_events_is_hidden() {
        assert!(!Marks::default().hide(HERE, 4));
        assert!(marks(&[(1, 7)]).hide(HERE, 1), "nothing but a correction");
        assert!(!marks(&[(1, 7)]).hide(HERE, 2));
        assert!(marks(&[(1, 8)]).hide(HERE, 5), "its day is elsewhere");
    }

    #[test]
    fn columns_are_read_back_or_refused() {
        for told in [&[][..], &[(1, 7)], &[(1, 8)], &[(1, 8), (5, 7)]] {
            let marks = marks(told);
            let moved = marks.away(HERE).unwrap_or_default();
            assert_eq!(Marks::from_columns(HERE, marks.numbers(), moved), Ok(marks));
        }
        for (numbers, moved) in [(&[][..], (440_106, 8)), (&[2, 1][..], (0, 0)), (&[1][..], (440_106, 7))] {
            assert_eq!(Marks::from_columns(HERE, numbers, moved), Err(NotMarks));
        }
    }
}
