//! The order of lists, exact to the last bit, and their pages.

use super::cursor::Key;
use super::figures::Figure;
use super::params::Order;
use schemas::figures::FigureId;
use std::cmp::Ordering;

/// A row's figures, as wanted.
pub type Figures = Vec<(FigureId, Figure)>;

/// The place of a row: section, then the figure of `order` (rows without value last; ties: larger denominator first),
/// then code.
#[must_use]
pub fn key(section: u8, figures: &Figures, order: Option<Order>, code: (u32, u32)) -> Key {
    let figure = order.and_then(|order| figures.iter().find(|(id, _)| *id == order.figure)).map(|(_, figure)| figure);
    let Some(figure) = figure else { return Key { section, value: None, den: 0, code } };
    let value = match (figure.value, figure.num) {
        (None, _) => None,
        (Some(_), Some(num)) => Some((num, figure.den)),
        // A percentile: not negative, so its bits are ordered as it is.
        (Some(value), None) => Some((value.to_bits(), 0)),
    };
    Key { section, value, den: figure.den, code }
}

/// Compares two rows of a list.
#[must_use]
pub fn compare(a: &Key, b: &Key, descending: bool) -> Ordering {
    let values = match (a.value, b.value) {
        (Some(a), Some(b)) if descending => compare_values(b, a),
        (Some(a), Some(b)) => compare_values(a, b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    a.section.cmp(&b.section).then(values).then(b.den.cmp(&a.den)).then(a.code.cmp(&b.code))
}

/// Fractions by cross-multiplication: no rounding, so that equal rates are equal.
fn compare_values(a: (u64, u64), b: (u64, u64)) -> Ordering {
    if a.1 == 0 || b.1 == 0 {
        return a.0.cmp(&b.0);
    }
    (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1)))
}

/// One page of a list: its rows, where the next begins, and how many rows stand before it.
pub struct Page<T> {
    /// Rows with their keys.
    pub rows: Vec<(Key, T)>,
    /// The last key, if more follows.
    pub next: Option<Key>,
    /// Rows before this page.
    pub before: usize,
}

/// Sorts and cuts out the page after `after`.
#[must_use]
pub fn page<T>(mut rows: Vec<(Key, T)>, after: Option<&Key>, size: usize, descending: bool) -> Page<T> {
    rows.sort_unstable_by(|(a, _), (b, _)| compare(a, b, descending));
    let before = after.map_or(0, |after| rows.partition_point(|(key, _)| compare(key, after, descending).is_le()));
    let mut rows = rows.split_off(before);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|(key, _)| key.clone());
    Page { rows, next, before }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(num: u64, den: u64, code: u32) -> (Key, u32) {
        (Key { section: 0, value: (den > 0).then_some((num, den)), den, code: (code, 0) }, code)
    }

    fn codes(page: &Page<u32>) -> Vec<u32> {
        page.rows.iter().map(|(_, code)| *code).collect()
    }

    #[test]
    fn by_rate_then_larger_denominator_then_code() {
        let rows = vec![row(1, 2, 4), row(50, 100, 3), row(50, 100, 2), row(2, 3, 9), row(0, 0, 1)];
        assert_eq!(codes(&page(rows.clone(), None, 9, true)), [9, 2, 3, 4, 1]);
        assert_eq!(codes(&page(rows, None, 9, false)), [2, 3, 4, 9, 1], "ties and the missing stay where they are");
    }

    #[test]
    fn equal_rates_are_equal_although_floats_differ() {
        let third = row(1, 3, 5);
        let same = row(333_333_333_333_333_333, 999_999_999_999_999_999, 7);
        assert_eq!(compare_values(third.0.value.unwrap(), same.0.value.unwrap()), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_whole_list(
            rates in prop::collection::vec((0u64..4, 0u64..4), 0..40), size in 1usize..7, descending: bool
        ) {
            let rows: Vec<_> = rates.iter().zip(0..).map(|((num, den), code)| row(*num, *den, code)).collect();
            let whole = codes(&page(rows.clone(), None, 1000, descending));
            let (mut after, mut together) = (None, Vec::new());
            loop {
                let part = page(rows.clone(), after.as_ref(), size, descending);
                prop_assert_eq!(part.before, together.len());
                together.extend(codes(&part));
                after = part.next;
                if after.is_none() { break }
            }
            prop_assert_eq!(together, whole);
        }
    }
}
