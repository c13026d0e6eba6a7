//! The naive model: one bit per second of a device-day.

use super::world::{Op, day};
use crate::worker::memory::FinalRows;
use schemas::event::Span;
use schemas::time::{DAY_S, Day};

/// Compares on-time, active time, events and versions of every device-day with the model, and school sums with rows.
pub fn check(ops: &[Op], finals: &FinalRows) {
    for device_no in 1..6 {
        for day in [day().plus(-1), day(), day().plus(1)] {
            check_device(ops, finals, device_no, day);
        }
    }
    for school in finals.school_days.values() {
        let own =
            || finals.device_days.values().filter(|row| (row.school_no, row.day) == (school.school_no, school.day));
        let serving = || own().filter(|row| row.in_service == 1);
        assert_eq!(school.ver, own().map(|row| row.ver).sum::<u32>());
        assert_eq!(school.on_s, serving().map(|row| u64::from(row.on_s)).sum::<u64>());
        assert_eq!(school.active_s, serving().map(|row| u64::from(row.active_s)).sum::<u64>());
        assert_eq!(school.reporting, serving().filter(|row| row.events > 0).count() as u32);
        assert_eq!(school.reporting_unlisted, own().filter(|row| row.in_service == 0 && row.events > 0).count() as u32);
        let with_session: Vec<u32> = own().filter(|row| row.sessions > 0).map(|row| row.device_no).collect();
        assert_eq!(school.session_device_nos, with_session);
        check_curve(&school.online, &serving().map(|row| row.on_spans.clone()).collect::<Vec<_>>());
    }
}

fn check_device(ops: &[Op], finals: &FinalRows, device_no: u32, day: Day) {
    let (mut on, mut active) = (vec![false; DAY_S as usize], vec![false; DAY_S as usize]);
    let (mut events, mut ver) = (0, 0);
    let own = ops.iter().filter(|op| op.device_no == device_no);
    for op in own {
        for power in &op.events.power {
            let here = u32::from(Day::of_ms(power.at_ms) == day);
            (events, ver) = (events + here, ver + here);
        }
        for beat in &op.events.heartbeats {
            let mut touched = Day::of_ms(beat.at_ms) == day;
            events += u32::from(touched);
            touched |= mark(&mut on, beat.at_ms, &beat.on, day);
            touched |= mark(&mut active, beat.at_ms, &beat.active, day);
            ver += u32::from(touched);
        }
    }
    let row = finals.device_days.values().find(|row| (row.device_no, i32::from(row.day)) == (device_no, day.0));
    let Some(row) = row else { return assert_eq!(ver, 0, "device {device_no} has no row on {day}") };
    let count = |bits: &[bool]| bits.iter().filter(|bit| **bit).count() as u32;
    let in_use: Vec<bool> = on.iter().zip(&active).map(|(on, active)| *on && *active).collect();
    let first = on.iter().position(|bit| *bit).map(|second| second as u32);
    let last = on.iter().rposition(|bit| *bit).map(|second| second as u32);
    assert_eq!((row.ver, row.events, row.on_s, row.active_s), (ver, events, count(&on), count(&in_use)));
    assert_eq!((row.first_s, row.last_s), (first, last));
    assert_eq!(u32::from(row.sessions), sessions(&on));
}

/// Sets the seconds of spans in `day`, both ends floored; true if there is any.
fn mark(bits: &mut [bool], at_ms: i64, spans: &[Span], day: Day) -> bool {
    let mut any = false;
    for span in spans {
        let second = |ms_ago: u32| (at_ms - i64::from(ms_ago)).div_euclid(1000) - day.start_ms() / 1000;
        for at in second(span.from_ms_ago)..second(span.to_ms_ago) {
            if let Some(bit) = usize::try_from(at).ok().and_then(|at| bits.get_mut(at)) {
                (*bit, any) = (true, true);
            }
        }
    }
    any
}

fn sessions(on: &[bool]) -> u32 {
    let (mut sessions, mut dark) = (0, u32::MAX);
    for bit in on {
        if *bit {
            sessions += u32::from(dark > 300);
            dark = 0;
        } else {
            dark = dark.saturating_add(1);
        }
    }
    sessions
}

fn check_curve(curve: &[u16], devices: &[Vec<u32>]) {
    for (slot, count) in curve.iter().enumerate() {
        let (from, to) = (slot as u32 * 600, slot as u32 * 600 + 600);
        let is_on = |spans: &&Vec<u32>| spans.chunks(2).any(|span| span[0] < to && from < span[1]);
        assert_eq!(usize::from(*count), devices.iter().filter(is_on).count(), "slot {slot}");
    }
}
