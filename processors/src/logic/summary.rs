//! What a device-day comes to: a pure function of its ledger, the bells of that day and the definitions (P4).

use super::activity::ActivityDay;
use super::bells::Lessons;
use super::intervals::{intersect, join, measure, measure_of_intersection};
use schemas::definitions::{Definitions, SLOTS};
use schemas::time::DAY_S;

/// Seconds in a slot of the curves.
pub const SLOT_S: u32 = DAY_S / SLOTS as u32;

/// Inputs of a row besides its events; frozen at the day's midnight.
#[derive(Clone, Copy, Debug)]
pub struct DayRules<'a> {
    /// Parameters.
    pub definitions: &'a Definitions,
    /// Bells in force.
    pub lessons: &'a Lessons,
}

/// Figures of a device-day; names and units are those of table `device_day`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "documented in the DDL under the same name")]
pub struct Summary {
    pub on_s: u32,
    pub active_s: u32,
    pub lessons: u8,
    pub used: bool,
    pub powered: bool,
    /// Active time clipped to on-time, flat.
    pub in_use: Vec<u32>,
}

impl Summary {
    /// Computes the figures; `self` is reused for its memory.
    pub fn compute(&mut self, ledger: &ActivityDay, rules: &DayRules<'_>) {
        let definitions = rules.definitions;
        self.in_use.clear();
        intersect(ledger.on.flat(), ledger.active.flat(), |from, to| self.in_use.extend([from, to]));
        self.on_s = measure(ledger.on.flat());
        self.active_s = measure(&self.in_use);
        self.lessons = lessons_in_use(&self.in_use, rules);
        self.used = self.active_s >= definitions.use_min_s;
        self.powered = self.on_s >= definitions.power_on_min_s;
    }
}

/// Bit i: active for long enough within lesson i + 1.
fn lessons_in_use(in_use: &[u32], rules: &DayRules<'_>) -> u8 {
    let mut bits = 0;
    for (bit, (start, end)) in rules.lessons.iter().take(8).enumerate() {
        if measure_of_intersection(in_use, &[*start, *end]) >= rules.definitions.lesson_min_s {
            bits |= 1 << bit;
        }
    }
    bits
}

/// Sessions of a day: on-intervals joined over gaps of at most `gap_s`, flat.
#[must_use]
pub fn sessions(ledger: &ActivityDay, gap_s: u32) -> Vec<u32> {
    let mut spans = Vec::with_capacity(2);
    join(ledger.on.flat(), gap_s, |from, to| spans.extend([from, to]));
    spans
}

/// Counts devices per slot of ten minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve([u16; SLOTS]);

impl Default for Curve {
    fn default() -> Self {
        Curve([0; SLOTS])
    }
}

impl Curve {
    /// Counts a device in each slot in which it has at least a second of the set.
    pub fn add(&mut self, flat: &[u32]) {
        let mut counted_below = 0;
        for (from, to) in super::intervals::pairs(flat) {
            let first = ((from / SLOT_S) as usize).max(counted_below);
            counted_below = to.div_ceil(SLOT_S) as usize;
            for slot in self.0.get_mut(first..counted_below).unwrap_or_default() {
                *slot = slot.saturating_add(1);
            }
        }
    }

    /// The counts.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u16> {
        self.0.to_vec()
    }
}
