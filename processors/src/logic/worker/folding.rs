//! The step that folds a batch into the ledgers.

use super::super::activity::Assertion;
use super::super::bounds::{Applied, OverBound};
use super::super::marks::Marks;
use super::super::school::LedgerKey;
use super::super::shelf::{Dirt, Ledger};
use super::super::tally::StepOutcome;
use super::super::touch::Touched;
use super::{Rules, Staged, Worker, keys, marked};
use schemas::avro::encode_event_record;
use schemas::event::{Burst, Events, Heartbeat, Power};
use schemas::record::{Belonging, Correction, DeadRecord, EventRecord};
use schemas::time::Day;

impl Worker {
    /// Folds the batch, whose ledgers are all in memory.
    pub fn fold(&mut self, now_ms: i64) {
        let mut staged = std::mem::take(&mut self.staged);
        for one in staged.drain(..) {
            self.fold_record(&one, now_ms);
        }
        self.staged = staged;
        for (partition, next) in std::mem::take(&mut self.read) {
            if let Some(position) = self.positions.get_mut(&partition) {
                position.folded = next;
            }
        }
        debug_assert!(self.tally.balances(), "received = folded + duplicate + dead-lettered + elsewhere + unfolded");
    }

    /// In the order of the type table, then of the post (CONTRACT section 4).
    fn fold_record(&mut self, staged: &Staged, now_ms: i64) {
        let replay = self.is_replay(staged.partition, staged.offset);
        let events = &staged.record.events;
        for beat in &events.heartbeats {
            let outcome = self.fold_activity(staged, &heard(&staged.record, beat), Touched::by(beat), replay, now_ms);
            self.tally.count(outcome);
        }
        for power in &events.power {
            let touched = Touched::at(power.at_ms);
            let outcome = self.fold_activity(staged, &switched(&staged.record, power), touched, replay, now_ms);
            self.tally.count(outcome);
        }
        for burst in &events.bursts {
            let outcome = self.fold_burst(staged, burst, replay, now_ms);
            self.tally.count(outcome);
        }
        self.fold_correction(&staged.record, replay);
        events.bandwidth.iter().for_each(|_| self.tally.count(StepOutcome::Unfolded));
    }

    /// A marker tells every day of its belonging, whether it has a row or not: later events must find it.
    fn fold_correction(&mut self, record: &EventRecord, replay: bool) {
        let Some(correction) = record.correction else { return };
        let (device_no, stamps) = (record.device_no, (correction.class_no, correction.in_service));
        for key in marked(record) {
            self.activity.with(key, device_no, stamps, |ledger| {
                let applied = ledger.correct(&correction);
                ((), dirties(applied, replay))
            });
            self.network.with(key, device_no, stamps, |ledger| {
                let applied = ledger.correct(&correction);
                ((), dirties(applied, replay))
            });
        }
    }

    fn fold_activity(
        &mut self,
        staged: &Staged,
        event: &Assertion<'_>,
        touched: Touched,
        replay: bool,
        now_ms: i64,
    ) -> StepOutcome {
        let record = &staged.record;
        let stamps = (record.belonging.class_no, record.belonging.in_service);
        let mut outcome = StepOutcome::Elsewhere;
        for key in keys(record, touched) {
            let (names, bounds) = (&mut self.names, &self.rules.bounds);
            let (applied, away) = self.activity.with(key, record.device_no, stamps, |ledger| {
                let away = destination(key, &ledger.marks, (ledger.class_no, ledger.in_service));
                let applied = if away.is_some() { Applied::Away } else { ledger.apply(event, key.day, names, bounds) };
                ((applied, away), dirties(applied, replay))
            });
            outcome = outcome.or(applied);
            if let Some(to) = away.filter(|_| !replay) {
                self.forwards.push((staged.partition, forward(record, activity_of(record, event), key.day, to)));
            }
            if let Applied::OverBound(bound) = applied {
                self.bury(staged, key.day, ("activity", event.seq), bound, replay, now_ms);
            }
        }
        outcome
    }

    fn fold_burst(&mut self, staged: &Staged, burst: &Burst, replay: bool, now_ms: i64) -> StepOutcome {
        let record = &staged.record;
        let stamps = (record.belonging.class_no, record.belonging.in_service);
        let mut outcome = StepOutcome::Elsewhere;
        for key in keys(record, Touched::at(burst.at_ms)) {
            let Rules { definitions, bounds, .. } = &self.rules;
            let (applied, away) = self.network.with(key, record.device_no, stamps, |ledger| {
                let away = destination(key, &ledger.marks, (ledger.class_no, ledger.in_service));
                let mut fold = || ledger.apply(record.boot_id, burst, record.received_at_ms, definitions, bounds);
                let applied = if away.is_some() { Applied::Away } else { fold() };
                ((applied, away), dirties(applied, replay))
            });
            outcome = outcome.or(applied);
            if let Some(to) = away.filter(|_| !replay) {
                let events = Events { bursts: vec![burst.clone()], ..Events::default() };
                self.forwards.push((staged.partition, forward(record, events, key.day, to)));
            }
            if let Applied::OverBound(bound) = applied {
                self.bury(staged, key.day, ("network", burst.seq), bound, replay, now_ms);
            }
        }
        outcome
    }

    fn bury(&mut self, staged: &Staged, day: Day, event: (&str, u32), bound: OverBound, replay: bool, now_ms: i64) {
        if replay {
            return;
        }
        let record = &staged.record;
        let detail =
            format!("{bound}: device {}, {day}, {} {} of boot {}", record.device_no, event.0, event.1, record.boot_id);
        let letter = self.letter(staged.partition, staged.offset, "over_bound", detail, now_ms);
        let mut value = Vec::new();
        encode_event_record(record, &mut value);
        self.dead.push(DeadRecord { key: record.belonging.school_no.to_string().into_bytes(), value, ..letter });
    }
}

/// P3: touched is dirty, changed or not. Below the committed offset a device row is dirty only if it changed, for the
/// load has shown that it is there; of the school's row, which no load reads, nobody knows that, so it is always.
fn dirties(applied: Applied, replay: bool) -> Dirt {
    if !replay || applied == Applied::Folded { Dirt::Row } else { Dirt::School }
}

/// Where the events of a row belong, if a correction put its day elsewhere.
fn destination(key: LedgerKey, marks: &Marks, (class_no, in_service): (u32, bool)) -> Option<Correction> {
    let (division, school_no) = marks.away(key)?;
    let seq = marks.numbers().last().copied()?;
    Some(Correction { seq, marker: false, school_no, class_no, division, in_service })
}

/// The record that takes an event to the log of the school where a day of it belongs.
fn forward(record: &EventRecord, events: Events, day: Day, to: Correction) -> EventRecord {
    let Correction { school_no, class_no, division, in_service, .. } = to;
    let belonging = Belonging { school_no, class_no, division, in_service, from_day: day, until_day: day.plus(1) };
    EventRecord { agent: record.agent.clone(), belonging, events, correction: Some(to), ..*record }
}

/// The event of a record that an assertion is of.
fn activity_of(record: &EventRecord, event: &Assertion<'_>) -> Events {
    let heartbeats = record.events.heartbeats.iter().filter(|beat| event.heartbeat && beat.seq == event.seq);
    let power = record.events.power.iter().filter(|power| !event.heartbeat && power.seq == event.seq);
    Events { heartbeats: heartbeats.cloned().collect(), power: power.cloned().collect(), ..Events::default() }
}

fn heard<'a>(record: &EventRecord, beat: &'a Heartbeat) -> Assertion<'a> {
    Assertion {
        boot: record.boot_id,
        seq: beat.seq,
        at_ms: beat.at_ms,
        received_at_ms: record.received_at_ms,
        heartbeat: true,
        on: &beat.on,
        active: &beat.active,
        apps: &beat.apps,
    }
}

fn switched<'a>(record: &EventRecord, power: &Power) -> Assertion<'a> {
    Assertion {
        boot: record.boot_id,
        seq: power.seq,
        at_ms: power.at_ms,
        received_at_ms: record.received_at_ms,
        heartbeat: false,
        on: &[],
        active: &[],
        apps: &[],
    }
}
