//! Which events a row holds: of each boot the folded sequence numbers, as inclusive ranges, never coalesced over gaps.

use super::flat::Flat;
use smallvec::SmallVec;
use uuid::Uuid;

/// The set of folded `(boot, seq)`; boots ascending. One boot with one range fits without an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(SmallVec<[Boot; 1]>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Boot {
    id: Uuid,
    /// `[first, last, first, last, …]`, ascending, at least one number missing between two ranges.
    ranges: Flat,
}

/// Columns that are no such set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seen_boots and seen_ranges are not ascending ranges of ascending boots")]
pub struct NotSeen;

impl Seen {
    /// Takes the columns `seen_boots` and `seen_ranges` over.
    ///
    /// # Errors
    /// They are not ascending, or differ in length.
    pub fn from_columns(boots: &[Uuid], ranges: &[Vec<u32>]) -> Result<Seen, NotSeen> {
        let ascending = boots.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || boots.len() != ranges.len() || !ranges.iter().all(|ranges| are_ranges(ranges)) {
            return Err(NotSeen);
        }
        let boot = |(id, ranges): (&Uuid, &Vec<u32>)| Boot { id: *id, ranges: Flat::from(ranges.as_slice()) };
        Ok(Seen(boots.iter().zip(ranges).map(boot).collect()))
    }

    /// Each boot and its ranges, ascending.
    pub fn boots(&self) -> impl ExactSizeIterator<Item = (Uuid, &[u32])> {
        self.0.iter().map(|boot| (boot.id, &*boot.ranges))
    }

    /// Number of events.
    #[must_use]
    pub fn total(&self) -> u64 {
        let of_boot = |boot: &Boot| boot.ranges.chunks_exact(2).map(|r| u64::from(r[1] - r[0]) + 1).sum::<u64>();
        self.0.iter().map(of_boot).sum()
    }

    /// Number of ranges of all boots.
    #[must_use]
    pub fn ranges(&self) -> usize {
        self.0.iter().map(|boot| boot.ranges.len() / 2).sum()
    }

    /// Bytes outside the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let own = if self.0.spilled() { self.0.capacity() * size_of::<Boot>() } else { 0 };
        own + self.0.iter().map(|boot| boot.ranges.heap_bytes()).sum::<usize>()
    }

    /// The event is in the set.
    #[must_use]
    pub fn contains(&self, boot: Uuid, seq: u32) -> bool {
        let Ok(index) = self.find(boot) else { return false };
        let ranges = &self.0[index].ranges;
        let after = first_after(ranges, seq);
        after > 0 && seq <= ranges[after * 2 - 1]
    }

    /// By how many ranges the set grows if the event, which is not in it, is added: -1, 0 or 1.
    #[must_use]
    pub fn growth(&self, boot: Uuid, seq: u32) -> isize {
        let Ok(index) = self.find(boot) else { return 1 };
        let ranges = &self.0[index].ranges;
        let after = first_after(ranges, seq);
        1 - isize::from(joins_left(ranges, after, seq)) - isize::from(joins_right(ranges, after, seq))
    }

    /// Adds an event; false if it was in the set.
    pub fn insert(&mut self, boot: Uuid, seq: u32) -> bool {
        match self.find(boot) {
            Ok(index) => insert(&mut self.0[index].ranges, seq),
            Err(index) => {
                self.0.insert(index, Boot { id: boot, ranges: Flat::from(&[seq, seq][..]) });
                true
            }
        }
    }

    fn find(&self, boot: Uuid) -> Result<usize, usize> {
        self.0.binary_search_by(|candidate| candidate.id.cmp(&boot))
    }
}

fn are_ranges(flat: &[u32]) -> bool {
    let inside = flat.chunks(2).all(|range| range.len() == 2 && range[0] <= range[1]);
    inside && !flat.is_empty() && flat.windows(3).step_by(2).all(|w| w[2] > w[1] && w[2] - w[1] > 1)
}

/// Index of the first range that begins after `seq`.
fn first_after(ranges: &[u32], seq: u32) -> usize {
    let count = ranges.len() / 2;
    if count > 0 && ranges[ranges.len() - 2] <= seq {
        return count;
    }
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if ranges[middle * 2] <= seq {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn joins_left(ranges: &[u32], after: usize, seq: u32) -> bool {
    after > 0 && ranges[after * 2 - 1].checked_add(1) == Some(seq)
}

fn joins_right(ranges: &[u32], after: usize, seq: u32) -> bool {
    ranges.get(after * 2).is_some_and(|first| seq.checked_add(1) == Some(*first))
}

fn insert(ranges: &mut Flat, seq: u32) -> bool {
    let after = first_after(ranges, seq);
    if after > 0 && seq <= ranges[after * 2 - 1] {
        return false;
    }
    match (joins_left(ranges, after, seq), joins_right(ranges, after, seq)) {
        (true, true) => ranges.replace(after * 2 - 1..after * 2 + 1, []),
        (true, false) => ranges[after * 2 - 1] = seq,
        (false, true) => ranges[after * 2] = seq,
        (false, false) => ranges.replace(after * 2..after * 2, [seq, seq]),
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn columns(seen: &Seen) -> (Vec<Uuid>, Vec<Vec<u32>>) {
        seen.boots().map(|(id, ranges)| (id, ranges.to_vec())).unzip()
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_what_was_added(events in proptest::collection::vec((0..3_u128, 0..40_u32), 0..120)) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for (boot, seq) in events {
                let id = Uuid::from_u128(boot);
                prop_assert_eq!(seen.contains(id, seq), model.contains(&(boot, seq)));
                let (before, growth) = (seen.ranges() as isize, seen.growth(id, seq));
                let added = seen.insert(id, seq);
                prop_assert_eq!(added, model.insert((boot, seq)));
                if added {
                    prop_assert_eq!(seen.ranges() as isize, before + growth);
                }
                prop_assert_eq!(seen.total(), model.len() as u64);
            }
            let (boots, ranges) = columns(&seen);
            prop_assert_eq!(Seen::from_columns(&boots, &ranges), Ok(seen));
        }
    }

    #[test]
    fn ranges_join_only_without_a_gap_and_reach_the_last_number() {
        let (mut seen, boot) = (Seen::default(), Uuid::from_u128(7));
        for seq in [0, 2, u32::MAX, 1, u32::MAX - 1] {
            assert!(seen.insert(boot, seq));
        }
        assert!(!seen.insert(boot, 1));
        assert_eq!(columns(&seen).1, [[0, 2, u32::MAX - 1, u32::MAX]]);
        assert_eq!(seen.total(), 5);
    }

    #[test]
    fn columns_of_another_form_are_refused() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(Seen::from_columns(&[b, a], &[vec![0, 0], vec![0, 0]]), Err(NotSeen));
        assert_eq!(Seen::from_columns(&[a], &[]), Err(NotSeen));
        for ranges in [vec![], vec![1], vec![2, 1], vec![0, 1, 2, 3], vec![0, 5, 3, 9]] {
            assert_eq!(Seen::from_columns(&[a], &[ranges]), Err(NotSeen));
        }
    }
}
