//! The activity of one device on one day: intervals on, in use and per app, and which events they come from.

use super::bounds::{Applied, Bounds, OverBound};
use super::intervals::Intervals;
use super::marks::Marks;
use super::names::{AppId, Names};
use super::seen::Seen;
use super::touch::clip;
use schemas::event::{AppSpans, Span};
use schemas::time::Day;
use uuid::Uuid;

/// An activity event as the ledger sees it. A power event has no spans.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// Boot of the agent.
    pub boot: Uuid,
    /// Number in the activity stream of the boot.
    pub seq: u32,
    /// The moment it speaks of.
    pub at_ms: i64,
    /// When the edge took it.
    pub received_at_ms: i64,
    /// A heartbeat, which says that the device is online when it comes; a power event does not (METRICS section 3).
    pub heartbeat: bool,
    /// Spans switched on.
    pub on: &'a [Span],
    /// Spans in use.
    pub active: &'a [Span],
    /// Foreground spans.
    pub apps: &'a [AppSpans],
}

impl Assertion<'_> {
    fn spans(&self) -> usize {
        self.on.len() + self.active.len() + self.apps.iter().map(|app| app.spans.len()).sum::<usize>()
    }
}

/// Foreground time of one app, as asserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// App id.
    pub id: AppId,
    /// United intervals.
    pub spans: Intervals,
}

/// Ledger of a device-day on stream activity. Intervals are kept as asserted; active time is clipped to on-time, and
/// app time to both, only when a row is made, so that the order of arrival does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityDay {
    /// Class stamped by the first record of the row.
    pub class_no: u32,
    /// Stamped likewise.
    pub in_service: bool,
    /// Distinct events and corrections folded.
    pub ver: u32,
    /// Of these: with `at` in the day.
    pub events: u32,
    /// Latest receipt of a folded event.
    pub last_received_ms: i64,
    /// Latest receipt of a folded heartbeat; 0: none.
    pub last_heartbeat_ms: i64,
    /// Switched on.
    pub on: Intervals,
    /// In use.
    pub active: Intervals,
    /// Apps, ascending by id.
    pub apps: Box<[App]>,
    /// The folded events.
    pub seen: Seen,
    /// The folded corrections.
    pub marks: Marks,
}

impl ActivityDay {
    /// Folds an event that touches `day`. Changes nothing if the row holds it already, or if it would go beyond a
    /// bound.
    pub fn apply(&mut self, event: &Assertion<'_>, day: Day, names: &mut Names, bounds: &Bounds) -> Applied {
        if self.seen.contains(event.boot, event.seq) {
            return Applied::Duplicate;
        }
        if let Err(bound) = self.admit_seen(event, bounds) {
            return Applied::OverBound(bound);
        }
        // Uniting never adds more intervals than there are spans, so the exact check is seldom needed.
        if self.intervals() + event.spans() <= bounds.intervals {
            self.unite(event, day, names);
        } else {
            let mut tried = self.clone();
            tried.unite(event, day, names);
            if tried.intervals() > bounds.intervals {
                return Applied::OverBound(OverBound::Intervals);
            }
            *self = tried;
        }
        self.count(event, day);
        Applied::Folded
    }

    /// Number of united intervals of on, active and apps.
    #[must_use]
    pub fn intervals(&self) -> usize {
        self.on.count() + self.active.count() + self.apps.iter().map(|app| app.spans.count()).sum::<usize>()
    }

    /// Bytes outside the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let apps = size_of_val(&*self.apps);
        let app_spans: usize = self.apps.iter().map(|app| app.spans.heap_bytes()).sum();
        let sets = self.on.heap_bytes() + self.active.heap_bytes() + self.seen.heap_bytes();
        sets + self.marks.heap_bytes() + apps + app_spans
    }

    fn admit_seen(&self, event: &Assertion<'_>, bounds: &Bounds) -> Result<(), OverBound> {
        let ranges = self.seen.ranges();
        if ranges >= bounds.seen_ranges
            && ranges.saturating_add_signed(self.seen.growth(event.boot, event.seq)) > bounds.seen_ranges
        {
            return Err(OverBound::SeenRanges);
        }
        if self.ver == u32::MAX { Err(OverBound::Counter) } else { Ok(()) }
    }

    fn unite(&mut self, event: &Assertion<'_>, day: Day, names: &mut Names) {
        unite(&mut self.on, event.on, event.at_ms, day);
        unite(&mut self.active, event.active, event.at_ms, day);
        for app in event.apps {
            // An app is in the row only with time in the day.
            if app.spans.iter().any(|span| clip(event.at_ms, *span, day).is_some()) {
                unite(self.app(&app.app, names), &app.spans, event.at_ms, day);
            }
        }
    }

    fn app(&mut self, id: &str, names: &mut Names) -> &mut Intervals {
        let index = match self.apps.binary_search_by(|app| (*app.id).cmp(id)) {
            Ok(index) => index,
            Err(index) => {
                let mut apps = std::mem::take(&mut self.apps).into_vec();
                apps.reserve_exact(1);
                apps.insert(index, App { id: names.share(id), spans: Intervals::default() });
                self.apps = apps.into_boxed_slice();
                index
            }
        };
        &mut self.apps[index].spans
    }

    fn count(&mut self, event: &Assertion<'_>, day: Day) {
        self.seen.insert(event.boot, event.seq);
        self.ver += 1;
        self.events += u32::from(Day::of_ms(event.at_ms) == day);
        self.last_received_ms = self.last_received_ms.max(event.received_at_ms);
        if event.heartbeat {
            self.last_heartbeat_ms = self.last_heartbeat_ms.max(event.received_at_ms);
        }
    }
}

fn unite(set: &mut Intervals, spans: &[Span], at_ms: i64, day: Day) {
    for span in spans {
        if let Some((from, to)) = clip(at_ms, *span, day) {
            set.insert(from, to);
        }
    }
}
