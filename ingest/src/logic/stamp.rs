//! Stamps a post's events with the belongings of the days that they touch (CONTRACT section 3, METRICS section 10).

use schemas::event::{Events, Heartbeat, Span};
use schemas::record::Belonging;
use schemas::registry::BelongingFrom;
use schemas::time::{Day, ZONE_OFFSET_MS};
use smallvec::SmallVec;

/// The events of a post by belonging; mostly one.
pub type Stamped = SmallVec<[(Belonging, Events); 1]>;

/// Splits the valid events of a post by the belongings that their days fall into: an event that touches the days of
/// two stands in both.
#[must_use]
pub fn stamp(events: Events, belongings: &[BelongingFrom]) -> Stamped {
    let mut stamped = Stamped::new();
    let Some((first, last)) = days(&events) else {
        return stamped;
    };
    let mut in_force = in_force(belongings, first, last);
    match in_force.len() {
        1 => stamped.push((in_force.remove(0), events)),
        _ => stamped.extend(in_force.into_iter().map(|b| (b, touching(&events, b))).filter(|(_, e)| !e.is_empty())),
    }
    stamped
}

/// The belongings in force on any day from `first` to `last`.
fn in_force(belongings: &[BelongingFrom], first: Day, last: Day) -> SmallVec<[Belonging; 2]> {
    let ends = belongings.iter().skip(1).map(|next| next.from_day).chain([Day::OPEN]);
    belongings
        .iter()
        .zip(ends)
        .map(|(from, until_day)| Belonging {
            school_no: from.school_no,
            class_no: from.class_no,
            division: from.division,
            in_service: from.in_service,
            from_day: from.from_day,
            until_day,
        })
        .filter(|belonging| belonging.from_day <= last && first < belonging.until_day)
        .collect()
}

/// Bounds of the days that the events touch; `None` without events.
fn days(events: &Events) -> Option<(Day, Day)> {
    let mut bounds: Option<(i64, i64)> = None;
    let mut widen = |from: i64, to: i64| {
        bounds = Some(bounds.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
    };
    events.heartbeats.iter().for_each(|e| widen(e.at_ms - i64::from(furthest(e)), e.at_ms));
    instants(events).for_each(|at| widen(at, at));
    bounds.map(|(from, to)| (Day::of_ms(from), Day::of_ms(to)))
}

/// The furthest look back of a heartbeat, ms.
fn furthest(heartbeat: &Heartbeat) -> u32 {
    spans(heartbeat).map(|span| span.from_ms_ago).max().unwrap_or(0)
}

fn spans(heartbeat: &Heartbeat) -> impl Iterator<Item = &Span> {
    let apps = heartbeat.apps.iter().flat_map(|app| &app.spans);
    heartbeat.on.iter().chain(&heartbeat.active).chain(apps)
}

/// `at` of every event but the heartbeats.
fn instants(events: &Events) -> impl Iterator<Item = i64> {
    let activity = events.power.iter().map(|e| e.at_ms);
    let network = events.bursts.iter().map(|e| e.at_ms).chain(events.bandwidth.iter().map(|e| e.at_ms));
    let device = events.inventory.iter().map(|e| e.at_ms).chain(events.faults.iter().map(|e| e.at_ms));
    activity.chain(network).chain(device).chain(events.resources.iter().map(|e| e.at_ms))
}

/// The events that touch a day of the belonging.
fn touching(events: &Events, belonging: Belonging) -> Events {
    let inside = |at_ms: i64| (belonging.from_day..belonging.until_day).contains(&Day::of_ms(at_ms));
    Events {
        heartbeats: chosen(&events.heartbeats, |e| {
            inside(e.at_ms) || spans(e).any(|s| reaches(e.at_ms, *s, belonging))
        }),
        power: chosen(&events.power, |e| inside(e.at_ms)),
        bursts: chosen(&events.bursts, |e| inside(e.at_ms)),
        bandwidth: chosen(&events.bandwidth, |e| inside(e.at_ms)),
        inventory: chosen(&events.inventory, |e| inside(e.at_ms)),
        faults: chosen(&events.faults, |e| inside(e.at_ms)),
        resources: chosen(&events.resources, |e| inside(e.at_ms)),
    }
}

fn chosen<T: Clone>(events: &[T], touches: impl Fn(&T) -> bool) -> Vec<T> {
    events.iter().filter(|event| touches(event)).cloned().collect()
}

/// A span, both ends floored to seconds, is not empty in the belonging's days.
fn reaches(at_ms: i64, span: Span, belonging: Belonging) -> bool {
    let second = |ms_ago: u32| (at_ms - i64::from(ms_ago) + ZONE_OFFSET_MS).div_euclid(1000);
    let midnight = |day: Day| i64::from(day.0) * i64::from(schemas::time::DAY_S);
    let from = second(span.from_ms_ago).max(midnight(belonging.from_day));
    let to = second(span.to_ms_ago).min(midnight(belonging.until_day));
    from < to
}

#[cfg(test)]
mod tests;
