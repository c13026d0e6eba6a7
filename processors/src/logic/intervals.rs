//! Sets of seconds as sorted intervals, packed flat as the tables hold them: `[from, to, from, to, …]`, half-open.

use super::flat::Flat;

/// A set of seconds: disjoint, ascending, intervals that touch are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Flat);

/// A flat list of intervals that is no set of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("intervals are not ascending, disjoint and apart")]
pub struct NotASet;

impl Intervals {
    /// Takes a flat list over.
    ///
    /// # Errors
    /// The list is not ascending, has an empty interval, or intervals that touch.
    pub fn from_flat(flat: &[u32]) -> Result<Intervals, NotASet> {
        let ascending = flat.windows(2).all(|pair| pair[0] < pair[1]);
        if ascending && flat.len().is_multiple_of(2) { Ok(Intervals(flat.into())) } else { Err(NotASet) }
    }

    /// The flat list.
    #[must_use]
    pub fn flat(&self) -> &[u32] {
        &self.0
    }

    /// Number of intervals.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len() / 2
    }

    /// Bytes outside the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Unites the set with `[from, to)`. Mostly that prolongs the last interval, so that is tried first.
    pub fn insert(&mut self, from: u32, to: u32) {
        debug_assert!(from < to, "an empty span is dropped before");
        match &mut *self.0 {
            [.., last_from, last_to] if from >= *last_from && from <= *last_to => *last_to = to.max(*last_to),
            [.., last_to] if from <= *last_to => self.insert_inside(from, to),
            _ => self.0.replace(self.0.len()..self.0.len(), [from, to]),
        }
    }

    fn insert_inside(&mut self, from: u32, to: u32) {
        // The intervals [first, end) touch [from, to) and become one with it.
        let first = self.search(|_, interval_to| interval_to < from);
        let end = self.search(|interval_from, _| interval_from <= to);
        let united = if first == end { [from, to] } else { [from.min(self.0[first * 2]), to.max(self.0[end * 2 - 1])] };
        self.0.replace(first * 2..end * 2, united);
    }

    /// Index of the first interval for which `before` is false.
    fn search(&self, before: impl Fn(u32, u32) -> bool) -> usize {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = usize::midpoint(low, high);
            if before(self.0[middle * 2], self.0[middle * 2 + 1]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The intervals of a flat list.
pub fn pairs(flat: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    flat.chunks_exact(2).map(|pair| (pair[0], pair[1]))
}

/// Seconds in a set.
#[must_use]
pub fn measure(flat: &[u32]) -> u32 {
    pairs(flat).map(|(from, to)| to - from).sum()
}

/// Calls `each` with every interval of the intersection of two sets, ascending.
pub fn intersect(a: &[u32], b: &[u32], mut each: impl FnMut(u32, u32)) {
    let (mut i, mut j) = (0, 0);
    while i + 1 < a.len() && j + 1 < b.len() {
        let (from, to) = (a[i].max(b[j]), a[i + 1].min(b[j + 1]));
        if from < to {
            each(from, to);
        }
        if a[i + 1] <= b[j + 1] {
            i += 2;
        } else {
            j += 2;
        }
    }
}

/// Seconds in the intersection of two sets.
#[must_use]
pub fn measure_of_intersection(a: &[u32], b: &[u32]) -> u32 {
    let mut seconds = 0;
    intersect(a, b, |from, to| seconds += to - from);
    seconds
}

/// Calls `each` with the runs of intervals whose gaps are at most `gap` seconds (METRICS section 10.5).
pub fn join(flat: &[u32], gap: u32, mut each: impl FnMut(u32, u32)) {
    let mut run: Option<(u32, u32)> = None;
    for (from, to) in pairs(flat) {
        run = match run {
            Some((start, end)) if from - end <= gap => Some((start, to)),
            Some((start, end)) => {
                each(start, end);
                Some((from, to))
            }
            None => Some((from, to)),
        };
    }
    if let Some((start, end)) = run {
        each(start, end);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: usize = 200;

    /// The naive model: one bit per second.
    fn bits(spans: &[(u32, u32)]) -> Vec<bool> {
        (0..LEN as u32).map(|second| spans.iter().any(|(from, to)| (*from..*to).contains(&second))).collect()
    }

    fn set(spans: &[(u32, u32)]) -> Intervals {
        let mut set = Intervals::default();
        spans.iter().for_each(|(from, to)| set.insert(*from, *to));
        set
    }

    fn collect(run: impl FnOnce(&mut dyn FnMut(u32, u32))) -> Vec<(u32, u32)> {
        let mut out = Vec::new();
        run(&mut |from, to| out.push((from, to)));
        out
    }

    fn spans() -> impl Strategy<Value = Vec<(u32, u32)>> {
        let span = (0..LEN as u32 - 1, 1..20_u32).prop_map(|(from, len)| (from, (from + len).min(LEN as u32)));
        proptest::collection::vec(span, 0..40)
    }

    proptest! {
        #[test]
        fn a_set_is_its_seconds(spans in spans()) {
            let set = set(&spans);
            prop_assert_eq!(bits(&pairs(set.flat()).collect::<Vec<_>>()), bits(&spans));
            prop_assert_eq!(measure(set.flat()) as usize, bits(&spans).iter().filter(|bit| **bit).count());
            prop_assert_eq!(Intervals::from_flat(set.flat()), Ok(set.clone()), "ascending, disjoint, apart");
        }

        #[test]
        fn an_intersection_is_the_common_seconds(a in spans(), b in spans()) {
            let (x, y) = (set(&a), set(&b));
            let common = collect(|each| intersect(x.flat(), y.flat(), each));
            let expected: Vec<bool> = bits(&a).iter().zip(bits(&b)).map(|(a, b)| *a && b).collect();
            prop_assert_eq!(bits(&common), expected);
            prop_assert_eq!(measure_of_intersection(x.flat(), y.flat()), common.iter().map(|(f, t)| t - f).sum::<u32>());
        }

        #[test]
        fn runs_close_gaps_up_to_the_limit_and_no_others(spans in spans(), gap in 0..8_u32) {
            let set = set(&spans);
            let runs = collect(|each| join(set.flat(), gap, each));
            prop_assert!(runs.windows(2).all(|pair| pair[1].0 - pair[0].1 > gap));
            let gaps: u32 = pairs(set.flat()).zip(pairs(set.flat()).skip(1))
                .map(|((_, to), (from, _))| from - to).filter(|length| *length <= gap).sum();
            prop_assert_eq!(runs.iter().map(|(f, t)| t - f).sum::<u32>(), measure(set.flat()) + gaps);
        }
    }

    #[test]
    fn intervals_that_touch_become_one() {
        assert_eq!(set(&[(10, 20), (30, 40), (20, 30)]).flat(), [10, 40]);
        assert_eq!(set(&[(10, 20), (21, 30)]).flat(), [10, 20, 21, 30]);
        assert_eq!(set(&[(50, 60), (10, 20), (30, 40), (5, 55)]).flat(), [5, 60]);
    }

    #[test]
    fn a_gap_of_exactly_the_limit_is_closed() {
        assert_eq!(collect(|each| join(&[0, 100, 400, 500], 300, each)), [(0, 500)]);
        assert_eq!(collect(|each| join(&[0, 100, 401, 500], 300, each)), [(0, 100), (401, 500)]);
    }

    #[test]
    fn flat_lists_of_another_form_are_refused() {
        for flat in [&[1, 2, 3][..], &[2, 1], &[1, 1], &[1, 3, 3, 4], &[1, 5, 4, 6]] {
            assert_eq!(Intervals::from_flat(flat), Err(NotASet));
        }
    }
}
