//! Corrections that reach back, as records of the log (docs/adr/0011-corrections-in-the-log.md).
//!
//! A *marker* tells the log of a school where days of a device belong from there on: one goes to the log of the right
//! school, one to that of the school where the days were said to be. *Copies* take the events that were folded there to
//! the right log. Both count once, whenever and however often they come.

use super::archive::date;
use schemas::event::Events;
use schemas::record::{Belonging, Correction, EventRecord};
use schemas::registry::{CorrectionRecord, Shift};
use schemas::rows::{CorrectedDaysRow, CorrectionRow};
use schemas::time::Day;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The place to which a shift moves its days.
#[must_use]
pub fn place(seq: u32, shift: &Shift, marker: bool) -> Correction {
    let Shift { school_no, class_no, division, in_service, .. } = *shift;
    Correction { seq, marker, school_no, class_no, division, in_service }
}

fn belonging(shift: &Shift, (division, school_no): (u32, u32)) -> Belonging {
    let Shift { class_no, in_service, from_day, until_day, .. } = *shift;
    Belonging { school_no, class_no, division, in_service, from_day, until_day }
}

/// The events of a shift have to be copied: its days go to another ledger.
#[must_use]
pub fn moves(shift: &Shift) -> bool {
    (shift.division, shift.school_no) != (shift.old_division, shift.old_school_no)
}

/// The markers of a shift, the one for the right place first: what the other place sends on then finds it told.
pub fn markers(seq: u32, at_ms: i64, shift: &Shift) -> impl Iterator<Item = EventRecord> + use<> {
    let here = (shift.division, shift.school_no);
    let there = moves(shift).then_some((shift.old_division, shift.old_school_no));
    let shift = *shift;
    [Some(here), there].into_iter().flatten().map(move |at| EventRecord {
        device_no: shift.device_no,
        boot_id: Uuid::nil(),
        agent: String::new().into(),
        received_at_ms: at_ms,
        clock_offset_ms: 0,
        belonging: belonging(&shift, at),
        events: Events::default(),
        correction: Some(place(seq, &shift, true)),
    })
}

/// An archived record, with the stamp of a shift.
#[must_use]
pub fn copy(seq: u32, shift: &Shift, archived: EventRecord) -> EventRecord {
    let here = (shift.division, shift.school_no);
    EventRecord { belonging: belonging(shift, here), correction: Some(place(seq, shift, false)), ..archived }
}

/// Appends a record to those before it if it came in the same post: one record of the log tells both.
pub fn join(records: &mut Vec<EventRecord>, next: EventRecord) {
    const EVENTS: usize = 200;
    let of_post = |record: &EventRecord| {
        (record.device_no, record.boot_id, record.received_at_ms, record.belonging, record.agent.clone())
    };
    match records.last_mut().filter(|last| of_post(last) == of_post(&next) && last.events.len() < EVENTS) {
        Some(last) => {
            last.events.heartbeats.extend(next.events.heartbeats);
            last.events.power.extend(next.events.power);
            last.events.bursts.extend(next.events.bursts);
            last.events.bandwidth.extend(next.events.bandwidth);
        }
        None => records.push(next),
    }
}

/// What is in force of all corrections: for each device and day the one with the highest number.
#[derive(Debug, Default)]
pub struct InForce(BTreeMap<(u32, Day), Correction>);

impl InForce {
    /// Of these, in any order.
    #[must_use]
    pub fn of(shifts: &[(u32, Shift)]) -> InForce {
        let mut days = BTreeMap::new();
        for (seq, shift) in shifts {
            for day in shift.from_day.0..shift.until_day.0 {
                let held = days.entry((shift.device_no, Day(day))).or_insert_with(|| place(*seq, shift, false));
                if held.seq < *seq {
                    *held = place(*seq, shift, false);
                }
            }
        }
        InForce(days)
    }

    /// An archived record as it was stamped, and a copy for each corrected day that it may touch.
    pub fn restamped(&self, archived: EventRecord) -> impl Iterator<Item = EventRecord> + use<> {
        let Belonging { from_day, until_day, .. } = archived.belonging;
        let days = moments(&archived.events).map(Day::of_ms).flat_map(|day| [day.plus(-1), day]);
        let days = days.collect::<BTreeSet<_>>().into_iter().filter(move |day| (from_day..until_day).contains(day));
        let corrected = days.filter_map(|day| Some((day, *self.0.get(&(archived.device_no, day))?)));
        let copies: Vec<_> = corrected.map(|(day, to)| restamp(&archived, day, to)).collect();
        std::iter::once(archived).chain(copies)
    }
}

/// `at` of every event that a ledger folds.
fn moments(events: &Events) -> impl Iterator<Item = i64> {
    let activity = events.heartbeats.iter().map(|e| e.at_ms).chain(events.power.iter().map(|e| e.at_ms));
    activity.chain(events.bursts.iter().map(|e| e.at_ms))
}

fn restamp(archived: &EventRecord, day: Day, to: Correction) -> EventRecord {
    let Correction { school_no, class_no, division, in_service, .. } = to;
    let belonging = Belonging { school_no, class_no, division, in_service, from_day: day, until_day: day.plus(1) };
    EventRecord { belonging, correction: Some(to), ..archived.clone() }
}

/// Its row in `corrections`; `applied_at_ms` 0: it was taken up.
#[must_use]
pub fn row(record: &CorrectionRecord, applied_at_ms: i64) -> CorrectionRow {
    let days = |shift: &Shift| u32::try_from(shift.until_day.0 - shift.from_day.0).unwrap_or(0);
    CorrectionRow {
        correction_no: record.no,
        seq: record.seq,
        kind: record.kind.clone(),
        object: record.object.clone(),
        from_day: date(record.from_day),
        until_day: date(record.until_day),
        reason: record.reason.clone(),
        proposed_by: record.proposed_by.clone(),
        approved_by: record.approved_by.clone(),
        approved_at: record.approved_at_ms,
        device_days: record.shifts.iter().map(days).sum(),
        applied_at: applied_at_ms,
        ver: u64::from(applied_at_ms > 0),
    }
}

/// Its rows in `corrected_days`.
pub fn day_rows(record: &CorrectionRecord) -> impl Iterator<Item = CorrectedDaysRow> {
    record.shifts.iter().map(|shift| CorrectedDaysRow {
        device_no: shift.device_no,
        from_day: date(shift.from_day),
        until_day: date(shift.until_day),
        seq: record.seq,
        correction_no: record.no,
        old_division: shift.old_division,
        old_school_no: shift.old_school_no,
        old_class_no: shift.old_class_no,
        old_in_service: u8::from(shift.old_in_service),
        division: shift.division,
        school_no: shift.school_no,
        class_no: shift.class_no,
        in_service: u8::from(shift.in_service),
    })
}

/// A row of `corrected_days` read back: its place in the order of approvals, and the shift.
#[must_use]
pub fn shift_of(row: &CorrectedDaysRow) -> (u32, Shift) {
    let shift = Shift {
        device_no: row.device_no,
        from_day: Day(i32::from(row.from_day)),
        until_day: Day(i32::from(row.until_day)),
        old_school_no: row.old_school_no,
        old_class_no: row.old_class_no,
        old_division: row.old_division,
        old_in_service: row.old_in_service != 0,
        school_no: row.school_no,
        class_no: row.class_no,
        division: row.division,
        in_service: row.in_service != 0,
    };
    (row.seq, shift)
}

/// The archived events of the devices of some shifts, on the days of the earliest to the latest and the day after, whose
/// spans may reach back. One row per identity: the copy that came first counts, whatever its stamps.
#[must_use]
pub fn archived(shifts: &[&Shift]) -> String {
    let mut devices: Vec<u32> = shifts.iter().map(|shift| shift.device_no).collect();
    devices.sort_unstable();
    devices.dedup();
    let devices = devices.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let from = shifts.iter().map(|shift| shift.from_day).min().unwrap_or(Day::FIRST).start_ms();
    let until = shifts.iter().map(|shift| shift.until_day).max().unwrap_or(Day::FIRST).plus(1).start_ms();
    format!(
        "SELECT ?fields FROM events_raw FINAL WHERE device_no IN ({devices}) AND \
         at >= fromUnixTimestamp64Milli({from}) AND at < fromUnixTimestamp64Milli({until}) AND \
         stream IN ('activity', 'network') ORDER BY device_no, boot_id, received_at, stream, seq, received_at"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::event::{Power, PowerKind};

    fn shift(device_no: u32, (from, until): (i32, i32), to: u32) -> Shift {
        Shift {
            device_no,
            from_day: Day(from),
            until_day: Day(until),
            old_school_no: 7,
            old_class_no: 70,
            old_division: 440_106,
            old_in_service: true,
            school_no: to,
            class_no: 0,
            division: 440_106,
            in_service: true,
        }
    }

    fn archived_on(day: i32) -> EventRecord {
        let mut record = markers(1, 5, &shift(3, (0, 40_000), 7)).next().unwrap();
        record.events.power.push(Power { seq: 1, at_ms: Day(day).start_ms() + 1, kind: PowerKind::Boot });
        EventRecord { correction: None, ..record }
    }

    #[test]
    fn both_places_are_told_the_right_one_first() {
        let told: Vec<_> = markers(9, 5, &shift(3, (10, 12), 8)).collect();
        let places: Vec<_> = told.iter().map(|record| record.belonging.school_no).collect();
        assert_eq!(places, [8, 7]);
        assert!(told.iter().all(|record| record.correction == Some(place(9, &shift(3, (10, 12), 8), true))));
        assert_eq!(markers(9, 5, &shift(3, (10, 12), 7)).count(), 1, "another class is in the same log");
    }

    #[test]
    fn of_several_corrections_of_a_day_the_highest_is_in_force() {
        let shifts = [(2, shift(3, (10, 12), 9)), (1, shift(3, (10, 13), 8))];
        for shifts in [shifts, [shifts[1], shifts[0]]] {
            let force = InForce::of(&shifts);
            let places = |day| {
                force
                    .restamped(archived_on(day))
                    .skip(1)
                    .map(|r| (r.belonging.from_day.0, r.belonging.school_no))
                    .collect::<Vec<_>>()
            };
            assert_eq!(places(11), [(10, 9), (11, 9)]);
            assert_eq!(places(12), [(11, 9), (12, 8)]);
            assert_eq!(places(14), [], "no day of it was corrected");
        }
    }

    #[test]
    fn rows_are_read_back() {
        let record = CorrectionRecord {
            no: 12,
            seq: 4,
            kind: "device".into(),
            object: "d3".into(),
            from_day: Day(10),
            until_day: Day(12),
            reason: "misplaced".into(),
            proposed_by: "a".into(),
            approved_by: "b".into(),
            approved_at_ms: 5,
            shifts: vec![shift(3, (10, 12), 8), shift(4, (10, 11), 9)],
            rev: 1,
        };
        let read: Vec<_> = day_rows(&record).map(|row| shift_of(&row)).collect();
        assert_eq!(read, record.shifts.iter().map(|shift| (4, *shift)).collect::<Vec<_>>());
        assert_eq!((row(&record, 0).device_days, row(&record, 0).ver, row(&record, 9).ver), (3, 0, 1));
    }
}
