//! Lists of numbers that take no more memory than their numbers: they change seldom, and millions of them are held.

use std::ops::{Deref, DerefMut, Range};

/// A list that is as long as its allocation. Two numbers, one interval or range, take none: most lists have no more, and each
/// allocation is one more place in memory to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flat {
    /// Two numbers.
    Pair([u32; 2]),
    /// Any other number of them.
    Many(Box<[u32]>),
}

const _: () = assert!(size_of::<Flat>() == size_of::<Box<[u32]>>(), "a pair fits where the length of a list stands");

impl Flat {
    /// Puts `numbers` in the place of those in `range`.
    pub(super) fn replace<const N: usize>(&mut self, range: Range<usize>, numbers: [u32; N]) {
        if range.len() == N {
            self[range].copy_from_slice(&numbers);
            return;
        }
        let mut list = match std::mem::take(self) {
            Flat::Pair(pair) => Vec::from(pair),
            Flat::Many(list) => list.into_vec(),
        };
        list.reserve_exact(N.saturating_sub(range.len()));
        list.splice(range, numbers);
        *self = <[u32; 2]>::try_from(list).map_or_else(|list| Flat::Many(list.into_boxed_slice()), Flat::Pair);
    }

    /// Bytes outside the struct itself.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Flat::Pair(_) => 0,
            Flat::Many(list) => size_of_val(&**list),
        }
    }
}

impl Default for Flat {
    fn default() -> Flat {
        Flat::Many(Box::default())
    }
}

impl From<&[u32]> for Flat {
    fn from(numbers: &[u32]) -> Flat {
        numbers.try_into().map_or_else(|_| Flat::Many(numbers.into()), Flat::Pair)
    }
}

impl Deref for Flat {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Flat::Pair(pair) => pair,
            Flat::Many(list) => list,
        }
    }
}

impl DerefMut for Flat {
    fn deref_mut(&mut self) -> &mut [u32] {
        match self {
            Flat::Pair(pair) => pair,
            Flat::Many(list) => list,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_place_of_more_of_as_many_and_of_fewer() {
        let mut list = Flat::default();
        list.replace(0..0, [2, 5]);
        assert_eq!((&*list, list.heap_bytes()), (&[2, 5][..], 0));
        list.replace(1..1, [3, 4]);
        assert_eq!((&*list, list.heap_bytes()), (&[2, 3, 4, 5][..], 16));
        list.replace(0..2, [7, 8]);
        assert_eq!(*list, [7, 8, 4, 5]);
        list.replace(1..3, []);
        assert_eq!((&*list, list.heap_bytes()), (&[7, 5][..], 0));
        assert_eq!(list, Flat::from(&[7, 5][..]), "lists of the same numbers are equal");
        list.replace(0..2, []);
        assert_eq!(list, Flat::default());
    }
}
