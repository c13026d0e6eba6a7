//! Percentiles of summed histograms (METRICS 10.10 and 10.23).

use schemas::definitions::{BUCKETS, HISTOGRAM_EDGES_MS};

/// A histogram with the buckets of the definitions.
pub type Histogram = [u64; BUCKETS];

/// The percentile in ms: nearest rank `ceil(p n)`, interpolated linearly in its bucket; the last bucket gives its
/// lower edge. None without entries.
#[must_use]
pub fn percentile(histogram: &Histogram, permille: u64) -> Option<f64> {
    let n = count(histogram);
    let rank = (permille * n).div_ceil(1000);
    let mut before = 0;
    for (bucket, in_bucket) in histogram.iter().enumerate() {
        if before + in_bucket >= rank && *in_bucket > 0 {
            return Some(within(bucket, rank - before, *in_bucket));
        }
        before += in_bucket;
    }
    None
}

/// Entries of a histogram.
#[must_use]
pub fn count(histogram: &Histogram) -> u64 {
    histogram.iter().sum()
}

fn within(bucket: usize, rank: u64, in_bucket: u64) -> f64 {
    let lower = f64::from(HISTOGRAM_EDGES_MS[bucket]);
    match HISTOGRAM_EDGES_MS.get(bucket + 1) {
        Some(upper) => lower + (f64::from(*upper) - lower) * (rank as f64) / (in_bucket as f64),
        None => lower,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(entries: &[(usize, u64)]) -> Histogram {
        let mut histogram = [0; BUCKETS];
        for (bucket, count) in entries {
            histogram[*bucket] = *count;
        }
        histogram
    }

    #[test]
    fn hand_computed_examples() {
        // 10 in [10, 15), 30 in [20, 25): n = 40. p50: rank 20, 10 before, so 20 + 5 x 10/30.
        let two = histogram(&[(7, 10), (9, 30)]);
        assert_eq!(percentile(&two, 500), Some(20.0 + 5.0 * 10.0 / 30.0));
        // p90: rank 36: 20 + 5 x 26/30. p99: rank ceil(39.6) = 40: the bucket's upper edge.
        assert_eq!(percentile(&two, 900), Some(20.0 + 5.0 * 26.0 / 30.0));
        assert_eq!(percentile(&two, 990), Some(25.0));
        // Rank 10 of 10 in the first bucket: p25.
        assert_eq!(percentile(&two, 250), Some(15.0));
    }

    #[test]
    fn the_last_bucket_gives_its_lower_edge_and_nothing_gives_nothing() {
        assert_eq!(percentile(&histogram(&[(21, 3)]), 990), Some(3000.0));
        assert_eq!(percentile(&histogram(&[(20, 1)]), 500), Some(3000.0), "the upper edge of [1000, 3000)");
        assert_eq!(percentile(&[0; BUCKETS], 500), None);
    }

    #[test]
    fn ranks_are_integers_not_rounded_floats() {
        // n = 10, p90: rank exactly 9. Floating 0.9 x 10 may come out above 9 and give rank 10.
        let ten = histogram(&[(0, 9), (5, 1)]);
        assert_eq!(percentile(&ten, 900), Some(1.0));
    }

    proptest! {
        #[test]
        fn a_percentile_lies_in_the_bucket_of_the_sorted_value(
            counts in prop::array::uniform22(0u64..50), permille in 1u64..=1000
        ) {
            let sorted: Vec<usize> =
                counts.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(i, *n as usize)).collect();
            let found = percentile(&counts, permille);
            prop_assert_eq!(found.is_none(), sorted.is_empty());
            if let Some(value) = found {
                let rank = (permille as usize * sorted.len()).div_ceil(1000);
                let bucket = sorted[rank - 1];
                let lower = f64::from(HISTOGRAM_EDGES_MS[bucket]);
                let upper = HISTOGRAM_EDGES_MS.get(bucket + 1).map_or(lower, |edge| f64::from(*edge));
                prop_assert!(value >= lower && value <= upper, "{} not in [{}, {}]", value, lower, upper);
            }
        }

        #[test]
        fn percentiles_rise_with_the_share(counts in prop::array::uniform22(0u64..50)) {
            let values: Vec<f64> = [500, 900, 990].iter().filter_map(|p| percentile(&counts, *p)).collect();
            prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
