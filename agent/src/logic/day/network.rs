//! Bursts as the lines of classrooms give them.

use super::profile::Line;
use crate::logic::dice::Dice;

/// Probes of a burst that are sent: 64 less the warm-up.
pub const PROBES: usize = 63;

/// A burst's round trips, and whether the link was busy.
#[must_use]
pub fn burst(line: &Line, dice: &mut Dice) -> (bool, Vec<Option<i32>>) {
    let busy = dice.chance(0.06);
    if dice.chance(line.outage) {
        return (busy, vec![None; PROBES]);
    }
    let load = if busy { 6.0 } else { 1.0 };
    // Some bursts meet a congested minute; it moves all of their probes.
    let base =
        line.base_us * (0.95 + 0.1 * dice.unit()) + if dice.chance(0.03) { dice.exponential(9_000.0) } else { 0.0 };
    let rtt = (0..PROBES).map(|_| probe(base, line.jitter_us * load, line.loss * load, dice));
    (busy, rtt.collect())
}

fn probe(base_us: f64, jitter_us: f64, loss: f64, dice: &mut Dice) -> Option<i32> {
    let throw = dice.unit();
    if throw < loss {
        return None;
    }
    // A driver's clock now and then runs backwards: an invalid probe, which the edge takes and METRICS leaves out.
    if throw > 0.99999 {
        return Some(0);
    }
    Some((base_us + dice.exponential(jitter_us)) as i32)
}
