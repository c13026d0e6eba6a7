//! Percentiles of measured times.

use std::time::Duration;

/// Nearest rank, in ms; NaN of nothing.
pub fn percentile_ms(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rank_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=20).rev().map(Duration::from_millis).collect();
        let found = [0, 50, 95, 99, 100].map(|percent| percentile_ms(&times, percent).round() as u32);
        assert_eq!(found, [1, 10, 19, 20, 20]);
        assert!(percentile_ms(&[], 99).is_nan());
    }
}
