//! What a heartbeat asserts.
//!
//! The current on-interval in full, and every on, active and app span that ends after `floor` (what an earlier
//! heartbeat asserted and the edge acknowledged lies before it), all clipped to the last 24 hours. What does not fit
//! the limits of one heartbeat goes into further ones, so nothing is left out.

use compact_str::CompactString;
use schemas::event::{AppSpans, Heartbeat, Span};

/// The contract's limits.
const ON: usize = 8;
const ACTIVE: usize = 200;
const APPS: usize = 32;
const APP_SPANS: usize = 64;
const REACH_MS: i64 = 86_400_000;

/// `[from, to)` in ms since the epoch; an interval that is still running ends in the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Begin.
    pub from_ms: i64,
    /// End.
    pub to_ms: i64,
}

/// What the agent has seen of this boot, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Switched on and awake.
    pub on: Vec<Interval>,
    /// In use.
    pub active: Vec<Interval>,
    /// In the foreground, per app.
    pub apps: Vec<(CompactString, Vec<Interval>)>,
}

/// The heartbeats of the moment `at_ms`: one, or more where it would break the limits. `seq` counts up from `seq`.
#[must_use]
pub fn build(at_ms: i64, seq: u32, seen: &Seen, floor_ms: i64) -> Vec<Heartbeat> {
    let spans = |intervals: &[Interval]| -> Vec<Span> {
        intervals.iter().filter(|i| i.to_ms > floor_ms).filter_map(|i| span(at_ms, *i)).collect()
    };
    let apps = seen.apps.iter().flat_map(|(app, intervals)| {
        let chunks: Vec<Vec<Span>> = spans(intervals).chunks(APP_SPANS).map(<[Span]>::to_vec).collect();
        chunks.into_iter().map(|spans| AppSpans { app: app.clone(), spans })
    });
    let apps: Vec<AppSpans> = apps.collect();
    let (on, active) = (spans(&seen.on), spans(&seen.active));
    let count = on.len().div_ceil(ON).max(active.len().div_ceil(ACTIVE)).max(apps.len().div_ceil(APPS)).max(1);
    let beat = |i: usize| Heartbeat {
        seq: seq + i as u32,
        at_ms,
        on: chunk(&on, ON, i),
        active: chunk(&active, ACTIVE, i),
        apps: chunk(&apps, APPS, i),
    };
    (0..count).map(beat).collect()
}

fn chunk<T: Clone>(all: &[T], size: usize, index: usize) -> Vec<T> {
    all.chunks(size).nth(index).map(<[T]>::to_vec).unwrap_or_default()
}

/// An interval as seen from `at_ms`, clipped to the last 24 hours; nothing where that leaves nothing.
fn span(at_ms: i64, interval: Interval) -> Option<Span> {
    let from = (at_ms - interval.from_ms).min(REACH_MS);
    let to = (at_ms - interval.to_ms).max(0);
    (from > to).then_some(Span { from_ms_ago: from as u32, to_ms_ago: to as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    fn interval(from_ms: i64, to_ms: i64) -> Interval {
        Interval { from_ms, to_ms }
    }

    #[test]
    fn it_asserts_what_is_new_and_the_whole_running_interval() {
        let seen = Seen {
            on: vec![interval(0, HOUR), interval(2 * HOUR, 99 * HOUR)],
            active: vec![interval(0, 1_000), interval(2 * HOUR, 3 * HOUR)],
            apps: vec![("wps".into(), vec![interval(2 * HOUR, 3 * HOUR)])],
        };
        let beats = build(4 * HOUR, 7, &seen, 2 * HOUR);
        let recent = Span { from_ms_ago: 7_200_000, to_ms_ago: 3_600_000 };
        let expected = Heartbeat {
            seq: 7,
            at_ms: 4 * HOUR,
            on: vec![Span { from_ms_ago: 7_200_000, to_ms_ago: 0 }],
            active: vec![recent],
            apps: vec![AppSpans { app: "wps".into(), spans: vec![recent] }],
        };
        assert_eq!(beats, [expected]);
    }

    #[test]
    fn it_is_clipped_to_a_day() {
        let seen = Seen { on: vec![interval(0, 99 * HOUR)], active: vec![interval(0, HOUR)], ..Seen::default() };
        let beats = build(30 * HOUR, 0, &seen, 0);
        assert_eq!(beats[0].on, [Span { from_ms_ago: 86_400_000, to_ms_ago: 0 }]);
        assert!(beats[0].active.is_empty(), "older than a day");
    }

    proptest! {
        #[test]
        fn heartbeats_keep_the_limits_and_leave_nothing_out(
            on in 0usize..20, active in 0usize..450, apps in 0usize..70, spans in 0usize..130,
        ) {
            let many = |n: usize| (0..n as i64).map(|i| interval(i * 1_000, i * 1_000 + 500)).collect::<Vec<_>>();
            let apps: Vec<_> = (0..apps).map(|i| (format!("app{i}").into(), many(spans))).collect();
            let seen = Seen { on: many(on), active: many(active), apps };
            let beats = build(HOUR, 5, &seen, 0);
            for (i, beat) in beats.iter().enumerate() {
                prop_assert_eq!(beat.seq, 5 + i as u32);
                prop_assert!(beat.on.len() <= 8 && beat.active.len() <= 200 && beat.apps.len() <= 32);
                prop_assert!(beat.apps.iter().all(|app| app.spans.len() <= 64));
            }
            let total = |f: fn(&Heartbeat) -> usize| beats.iter().map(f).sum::<usize>();
            prop_assert_eq!(total(|b| b.on.len()), on);
            prop_assert_eq!(total(|b| b.active.len()), active);
            let app_spans = total(|b| b.apps.iter().map(|app| app.spans.len()).sum());
            prop_assert_eq!(app_spans, seen.apps.len() * spans);
        }
    }
}
