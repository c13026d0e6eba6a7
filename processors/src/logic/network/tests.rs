#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use schemas::definitions::CURRENT_TOML;
use schemas::event::{Link, Method};
use schemas::time::parse_rfc3339_ms;

fn definitions() -> Definitions {
    Definitions::parse(CURRENT_TOML).unwrap()
}

fn probes(rtt_us: &[Option<i32>]) -> Probes {
    Probes::of(rtt_us, &definitions())
}

fn burst(seq: u32, at: &str, busy: bool, rtt_us: Vec<Option<i32>>) -> Burst {
    let at_ms = parse_rfc3339_ms(at).unwrap();
    Burst { seq, at_ms, anchor: "a".into(), method: Method::Udp, link: Link::Wired, busy, interval_ms: 200, rtt_us }
}

fn day(bursts: &[Burst]) -> NetworkDay {
    let mut day = NetworkDay::default();
    for burst in bursts {
        assert_eq!(day.apply(Uuid::nil(), burst, 0, &definitions(), &Bounds::default()), Applied::Folded);
    }
    day
}

const MORNING: &str = "2026-11-20T09:00:00+08:00";

#[test]
fn the_jitter_of_the_worked_example_is_15_5_ms() {
    // METRICS section 4: 21.0 22.0 21.5 lost 24.0 23.0 60.0 22.0 ms. Differences 1.0 0.5, then 1.0 37.0 38.0: 77.5 / 5.
    let mut lenient = definitions();
    lenient.jitter_min_pairs = 5;
    let rtt = [Some(21_000), Some(22_000), Some(21_500), None, Some(24_000), Some(23_000), Some(60_000), Some(22_000)];
    assert_eq!(Probes::of(&rtt, &lenient).jitter, Some(Ratio { sum: 77_500, parts: 5 }));
    let by_the_rules = probes(&rtt);
    assert_eq!((by_the_rules.latency, by_the_rules.jitter), (None, None), "a burst too short to count");
    assert_eq!((by_the_rules.sent, by_the_rules.lost, by_the_rules.invalid), (8, 1, 0));
}

#[test]
fn an_even_count_takes_the_mean_of_the_middle_values() {
    let even: Vec<_> = [1, 2, 3, 4, 29_999, 30_000, 40_000, 40_000, 40_000, 40_000].map(Some).into();
    let latency = probes(&even).latency.unwrap();
    assert_eq!(latency, Ratio { sum: 59_999, parts: 2 });
    assert!(latency.is_below(30_000), "29,999.5 us is below 30 ms");
    let edge: Vec<_> = [1, 2, 3, 4, 29_999, 30_001, 40_000, 40_000, 40_000, 40_000].map(Some).into();
    assert!(!probes(&edge).latency.unwrap().is_below(30_000), "30,000 us is not: strict");
}

#[test]
fn buckets_hold_their_lower_edge_exactly() {
    let edges = definitions().histogram_edges_ms;
    let bucket = |sum, parts| Ratio { sum, parts }.bucket(&edges);
    assert_eq!((bucket(0, 2), bucket(1_999, 2), bucket(2_000, 2)), (0, 0, 1));
    assert_eq!((bucket(59_999, 2), bucket(60_000, 2)), (10, 11), "25 and 30 ms");
    assert_eq!((bucket(34_999, 7), bucket(35_000, 7)), (4, 5), "below and at 5 ms of seven pairs");
    assert_eq!((bucket(5_999_999, 2), bucket(6_000_000, 2)), (20, 21), "the last bucket is open");
}

#[test]
fn invalid_probes_count_only_as_invalid_and_form_no_pair() {
    let seen = probes(&[Some(10), Some(0), Some(20), Some(-5), Some(3_000_001), Some(3_000_000), None]);
    assert_eq!((seen.sent, seen.lost, seen.invalid), (4, 1, 3));
    let mut lenient = definitions();
    lenient.jitter_min_pairs = 1;
    assert_eq!(Probes::of(&[Some(10), Some(0), Some(20)], &lenient).jitter, None);
}

#[test]
fn nine_in_a_row_have_jitter_but_no_latency() {
    let seen = probes(&[Some(10); 9]);
    assert_eq!((seen.latency, seen.jitter), (None, Some(Ratio { sum: 0, parts: 8 })));
    let counted = day(&[burst(0, MORNING, false, vec![Some(10); 9])]);
    assert_eq!((counted.partial, counted.judged), (1, 0));
    assert_eq!((counted.jitter_hist[0], counted.latency_hist.iter().sum::<u16>()), (1, 0));
}

#[test]
fn classes_are_told_apart_in_their_order() {
    let counted = day(&[
        burst(0, MORNING, true, vec![None; 20]),
        burst(1, MORNING, false, vec![None; 20]),
        burst(2, MORNING, false, vec![Some(1000); 20]),
        burst(3, MORNING, false, vec![Some(-1); 20]),
        burst(4, "2026-11-20T18:00:00+08:00", false, vec![Some(1000); 20]),
        burst(5, "2026-11-20T07:29:59.999+08:00", false, vec![None; 20]),
        burst(6, "2026-11-20T07:30:00+08:00", false, vec![Some(1000); 20]),
    ]);
    assert_eq!((counted.bursts, counted.busy, counted.outage, counted.partial, counted.valid), (7, 1, 2, 1, 3));
    assert_eq!((counted.probes_sent, counted.probes_lost, counted.probes_invalid), (100, 40, 20));
    assert_eq!((counted.judged, counted.latency_ok, counted.jitter_ok), (3, 2, 2));
    assert_eq!((counted.latency_hist[1], counted.jitter_hist[0]), (3, 3), "histograms hold all hours");
}

#[test]
fn nine_of_ten_pass_and_eight_of_nine_are_unknown() {
    let bursts = |good: u32, bad: u32| {
        let of = |seq, rtt| burst(seq, MORNING, false, rtt);
        let good_ones = (0..good).map(|seq| of(seq, vec![Some(1000); 20]));
        let bad_ones = (good..good + bad).map(|seq| of(seq, vec![None; 20]));
        day(&good_ones.chain(bad_ones).collect::<Vec<_>>()).verdict(&definitions())
    };
    assert_eq!(bursts(8, 1), verdict::UNKNOWN);
    assert_eq!(bursts(9, 1), verdict::PASS);
    assert_eq!(bursts(8, 2), verdict::FAIL);
    assert_eq!(bursts(89, 11), verdict::FAIL);
    assert_eq!(bursts(90, 10), verdict::PASS);
}

#[test]
fn a_counter_that_is_full_takes_no_more() {
    let mut full = NetworkDay { bursts: u16::MAX, ..NetworkDay::default() };
    let one = burst(1, MORNING, false, vec![Some(1000); 20]);
    let before = full.clone();
    let applied = full.apply(Uuid::nil(), &one, 9, &definitions(), &Bounds::default());
    assert_eq!((applied, full), (Applied::OverBound(OverBound::Counter), before));
}

#[test]
fn the_same_identity_counts_once_whatever_it_says() {
    let mut day = day(&[burst(0, MORNING, false, vec![None; 20])]);
    let other = burst(0, MORNING, false, vec![Some(1000); 20]);
    assert_eq!(day.apply(Uuid::nil(), &other, 9, &definitions(), &Bounds::default()), Applied::Duplicate);
    assert_eq!((day.ver, day.outage, day.valid, day.last_received_ms), (1, 1, 0, 0));
}
