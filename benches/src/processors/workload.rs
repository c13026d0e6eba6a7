//! One school day of many devices, 96 heartbeats each: what they post, and what the day comes to.
//!
//! The expectation is computed from the same posts by another method: one byte per second of the day.

use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::event::{AppSpans, Events, Heartbeat, Span};
use schemas::record::{Belonging, EventRecord};
use schemas::time::Day;
use uuid::Uuid;

/// Devices of a school.
pub const PER_SCHOOL: u32 = 100;
/// Heartbeats of a device.
pub const BEATS: u32 = 96;
/// Seconds between heartbeats.
const EVERY_S: u32 = 300;
/// The first heartbeat falls into the five minutes after this second of the day.
const BEGIN_S: u32 = 27_000;
/// One in this many heartbeats is sent twice, and one in as many late.
const RARE: u32 = 100;
/// A late heartbeat comes this many rounds after its time, a repetition this many after the first.
const LATE_ROUNDS: u32 = 12;
const APPS: [&str; 4] = ["seewo.whiteboard", "wps.presentation", "chrome", "media.player"];

/// What the rows of a device must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Distinct heartbeats.
    pub ver: u32,
    /// On-time, seconds.
    pub on_s: u32,
    /// Active time within it.
    pub active_s: u32,
    /// Bits of the lessons in use.
    pub lessons: u8,
    /// First and last second on.
    pub bounds: (u32, u32),
    /// Foreground time within active time, over all apps.
    pub app_s: u32,
}

/// The workload of one day.
pub struct Workload {
    day: Day,
    devices: u32,
    definitions: Definitions,
}

/// Spreads numbers, always alike.
fn mix(n: u32, salt: u32) -> u32 {
    let mut h = (u64::from(n) << 32 | u64::from(salt)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^= h >> 32;
    h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
    (h ^ (h >> 32)) as u32
}

impl Workload {
    /// The workload of `devices` devices on `day`.
    pub fn new(day: Day, devices: u32) -> anyhow::Result<Workload> {
        Ok(Workload { day, devices, definitions: Definitions::parse(CURRENT_TOML)? })
    }

    /// Its day.
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Its devices, numbered from 1.
    pub const fn devices(&self) -> u32 {
        self.devices
    }

    /// Every record in the order of the log, with its school.
    pub fn for_each(&self, mut each: impl FnMut(u32, &EventRecord) -> anyhow::Result<()>) -> anyhow::Result<()> {
        for round in 0..BEATS + LATE_ROUNDS {
            for device_no in 1..=self.devices {
                for beat in due(device_no, round) {
                    let record = self.record(device_no, beat);
                    each(record.belonging.school_no, &record)?;
                }
            }
        }
        Ok(())
    }

    /// Records in the log.
    pub fn records(&self) -> u64 {
        let of = |device_no| (0..BEATS + LATE_ROUNDS).map(|round| due(device_no, round).count() as u64).sum::<u64>();
        (1..=self.devices).map(of).sum()
    }

    fn record(&self, device_no: u32, beat: u32) -> EventRecord {
        let at_ms =
            self.day.start_ms() + i64::from(second(device_no, beat)) * 1000 + i64::from(mix(device_no, 7) % 1000);
        let belonging = Belonging {
            school_no: (device_no - 1) / PER_SCHOOL + 1,
            class_no: device_no,
            division: 440_100 + (device_no - 1) / PER_SCHOOL % 20,
            in_service: true,
            from_day: Day::FIRST,
            until_day: Day::OPEN,
        };
        EventRecord {
            device_no,
            boot_id: Uuid::from_u64_pair(u64::from(mix(device_no, 1)) << 16 | 0x4000, 1 << 63 | u64::from(device_no)),
            agent: "1.0.3".into(),
            received_at_ms: at_ms + 40,
            clock_offset_ms: 0,
            belonging,
            events: Events { heartbeats: vec![heartbeat(device_no, beat, at_ms)], ..Events::default() },
            correction: None,
        }
    }

    /// What the rows of a device must say, from its posts, second by second.
    pub fn expected(&self, device_no: u32) -> Expected {
        let (mut on, mut active) = (vec![false; 86_400], vec![false; 86_400]);
        let mut apps = vec![vec![false; 86_400]; APPS.len()];
        for beat in 0..BEATS {
            let record = self.record(device_no, beat);
            let beat = &record.events.heartbeats[0];
            self.mark(&mut on, beat.at_ms, &beat.on);
            self.mark(&mut active, beat.at_ms, &beat.active);
            for app in &beat.apps {
                let index = APPS.iter().position(|id| *id == app.app).unwrap_or(0);
                self.mark(&mut apps[index], beat.at_ms, &app.spans);
            }
        }
        self.sum_up(&on, &active, &apps)
    }

    fn mark(&self, seconds: &mut [bool], at_ms: i64, spans: &[Span]) {
        let second = |ms_ago: u32| ((at_ms - i64::from(ms_ago) - self.day.start_ms()).div_euclid(1000)) as usize;
        for span in spans {
            seconds[second(span.from_ms_ago)..second(span.to_ms_ago)].fill(true);
        }
    }

    fn sum_up(&self, on: &[bool], active: &[bool], apps: &[Vec<bool>]) -> Expected {
        let in_use: Vec<bool> = on.iter().zip(active).map(|(on, active)| *on && *active).collect();
        let count = |seconds: &[bool]| seconds.iter().filter(|second| **second).count() as u32;
        let lessons = self.definitions.bells.iter().enumerate().fold(0, |bits, (lesson, (from, to))| {
            bits | u8::from(count(&in_use[*from as usize..*to as usize]) >= 600) << lesson
        });
        let common = |app: &Vec<bool>| app.iter().zip(&in_use).filter(|(app, used)| **app && **used).count() as u32;
        Expected {
            ver: BEATS,
            on_s: count(on),
            active_s: count(&in_use),
            lessons,
            bounds: (first(on), last(on)),
            app_s: apps.iter().map(common).sum(),
        }
    }
}

fn first(seconds: &[bool]) -> u32 {
    seconds.iter().position(|second| *second).unwrap_or(0) as u32
}

fn last(seconds: &[bool]) -> u32 {
    seconds.iter().rposition(|second| *second).unwrap_or(0) as u32
}

/// Heartbeats that a device sends in a round: that of the round unless it is late, and late ones and repetitions of
/// earlier rounds.
fn due(device_no: u32, round: u32) -> impl Iterator<Item = u32> {
    let is_late = move |beat: u32| mix(device_no, 1000 + beat).is_multiple_of(RARE);
    let is_twice = move |beat: u32| mix(device_no, 5000 + beat).is_multiple_of(RARE);
    let now = (round < BEATS && !is_late(round)).then_some(round);
    let before = round.checked_sub(LATE_ROUNDS).filter(|beat| *beat < BEATS);
    let late = before.filter(|beat| is_late(*beat));
    let again = before.filter(|beat| is_twice(*beat));
    now.into_iter().chain(late).chain(again)
}

/// Second of the day of a heartbeat.
fn second(device_no: u32, beat: u32) -> u32 {
    BEGIN_S + mix(device_no, 3) % EVERY_S + beat * EVERY_S
}

/// Re-asserts the on-interval, and what was in use in the last two periods; every few periods the device rests.
fn heartbeat(device_no: u32, beat: u32, at_ms: i64) -> Heartbeat {
    let period = EVERY_S * 1000;
    let span = |from_ms_ago, to_ms_ago| Span { from_ms_ago, to_ms_ago };
    let rests = |beat: u32| (beat + device_no) % 10 >= 7;
    let (mut active, mut apps) = (Vec::new(), Vec::new());
    if !rests(beat) {
        let from = if beat > 0 && !rests(beat - 1) { 2 * period } else { period };
        active.push(span(from, 0));
        let app = APPS[(beat / 8 + device_no) as usize % APPS.len()];
        apps.push(AppSpans { app: app.into(), spans: vec![span(period, 0)] });
    }
    Heartbeat { seq: beat, at_ms, on: vec![span((beat + 1) * period, 0)], active, apps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_in_a_hundred_is_late_and_one_twice() {
        let all: u32 =
            (1..=2000).map(|no| (0..BEATS + LATE_ROUNDS).map(|r| due(no, r).count() as u32).sum::<u32>()).sum();
        let extra = f64::from(all) / f64::from(2000 * BEATS) - 1.0;
        assert!((0.005..0.015).contains(&extra), "{extra}");
    }
}
