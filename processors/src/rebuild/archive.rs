//! The archive as a log: `events_raw`, day by day, for days that Kafka does not hold any more. What it yields are
//! records as the edge makes them, one per event, in the partitions that they came from; the worker folds them as ever.

use super::Workshop;
use crate::console;
use crate::logic::archive::record_of;
use crate::logic::cli::grouped;
use crate::logic::corrections::{InForce, markers, shift_of};
use crate::logic::sets::MadeSet;
use crate::logic::worker::{Commit, Record, Rules};
use crate::store::clickhouse::Tables;
use crate::store::dead::DeadTopic;
use crate::tables;
use crate::worker::ports::{Appetite, Assigned, Log, Polled, PortFault};
use crate::worker::{Engine, Limits, Now, Phase, Turn};
use anyhow::Context;
use clickhouse::Client;
use clickhouse::query::RowCursor;
use schemas::avro::encode_event_record;
use schemas::record::EventRecord;
use schemas::registry::Shift;
use schemas::rows::{CorrectedDaysRow, EventRawRow};
use schemas::time::Day;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Rows folded between two flushes at most: device-days, and events of one batch.
const FLUSH_ROWS: usize = 300_000;
const BATCH: usize = 20_000;
/// An effect that fails is tried again so often.
const ATTEMPTS: u32 = 20;

/// Folds the archive's events of the set's days; returns how many there were.
pub(super) fn fold(
    workshop: &Workshop,
    set: &MadeSet,
    days: Vec<Day>,
    partitions: u32,
    timetable: Arc<crate::logic::bells::Timetable>,
    runtime: &Handle,
) -> anyhow::Result<u64> {
    let clickhouse = &workshop.config.clickhouse;
    let client = tables::client(clickhouse);
    let shifts = runtime.block_on(shifts(&client)).context("read the corrections")?;
    let markers = shifts.iter().flat_map(|(seq, shift)| markers(*seq, 0, shift)).collect();
    let log = ArchiveLog {
        client,
        markers,
        corrections: InForce::of(&shifts),
        runtime: runtime.clone(),
        days: days.into(),
        rows: None,
        partitions,
        announced: false,
        next: vec![0; partitions as usize],
        read: 0,
        value: Vec::new(),
    };
    let rules = Rules {
        topic: workshop.config.events.topic.to_string(),
        group: set.group_id.clone(),
        partitions,
        definitions: set.definitions.clone(),
        bounds: Default::default(),
        rewind_ms: 0,
        breaker: 0,
    };
    let limits = Limits {
        flush_ms: 30_000,
        catch_up_ms: 30_000,
        flush_rows: FLUSH_ROWS,
        batch_records: BATCH,
        batch_bytes: 64 << 20,
        memory_bytes: workshop.config.worker.memory_budget_mb << 20,
        wait: Duration::ZERO,
    };
    let tables = || Tables::new(clickhouse, &set.name, runtime.clone());
    let mut engine = Engine::new(rules, limits, log, tables(), tables(), None::<DeadTopic>);
    engine.worker_mut().keep_days(set.days);
    engine.worker_mut().set_timetable(timetable);
    drive(&mut engine)?;
    Ok(engine.log.read)
}

/// Turns until the archive is read and everything is written.
fn drive(engine: &mut Engine<ArchiveLog, Tables, Tables, Option<DeadTopic>>) -> anyhow::Result<()> {
    let (began, mut told, mut failed) = (Instant::now(), Instant::now(), 0);
    let mut drained = false;
    loop {
        // Past days only: nothing is open.
        let now = Now { real_ms: began.elapsed().as_millis() as i64, today: Day(0) };
        match engine.turn(now)? {
            Turn::Done(Phase::Release) if drained => return Ok(()),
            Turn::Done(_) => failed = 0,
            Turn::Idle => {
                drained = true;
                engine.drain();
            }
            Turn::Failed(fault) => {
                failed += 1;
                anyhow::ensure!(!fault.fatal && failed < ATTEMPTS, anyhow::Error::from(fault));
                std::thread::sleep(Duration::from_millis(500));
            }
        }
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            let rate = engine.log.read * 1000 / began.elapsed().as_millis().max(1) as u64;
            let left = engine.log.days.len();
            let read = grouped(engine.log.read);
            console::tell(&format!("{read} events of the archive, {}/s, {left} days to go", grouped(rate)));
        }
    }
}

struct ArchiveLog {
    client: Client,
    runtime: Handle,
    days: VecDeque<Day>,
    rows: Option<RowCursor<EventRawRow>>,
    /// What corrections that reach back tell the logs, to be handed over before any event.
    markers: VecDeque<EventRecord>,
    corrections: InForce,
    partitions: u32,
    announced: bool,
    /// By partition: positions of this log, which are not those of the topic.
    next: Vec<i64>,
    read: u64,
    value: Vec<u8>,
}

impl ArchiveLog {
    /// The next row; opens the next day where one ends.
    fn row(&mut self) -> Result<Option<EventRawRow>, PortFault> {
        loop {
            if self.rows.is_none() {
                let Some(day) = self.days.front() else { return Ok(None) };
                let query = self.client.query(&events_of(*day)).fetch::<EventRawRow>();
                self.rows = Some(query.map_err(fault)?);
            }
            let Some(rows) = &mut self.rows else { return Ok(None) };
            match self.runtime.clone().block_on(rows.next()) {
                Ok(Some(row)) => return Ok(Some(row)),
                Ok(None) => {
                    self.days.pop_front();
                    self.rows = None;
                }
                // The day is read again: what was folded of it already changes nothing.
                Err(error) => {
                    self.rows = None;
                    return Err(fault(error));
                }
            }
        }
    }

    fn hand_over(&mut self, row: EventRawRow, each: &mut dyn FnMut(Record<'_>)) -> Result<(), PortFault> {
        let record = record_of(row)
            .map_err(|error| PortFault { fatal: true, ..PortFault::new("read an event of the archive", error) })?;
        // As it was stamped, and as it is right: the markers keep the former out of rows that readers see.
        for record in self.corrections.restamped(record) {
            self.hand_over_record(&record, each);
        }
        Ok(())
    }

    fn hand_over_record(&mut self, record: &EventRecord, each: &mut dyn FnMut(Record<'_>)) {
        let school_no = record.belonging.school_no;
        let partition = crate::logic::partition::of_school(school_no, self.partitions);
        self.value.clear();
        encode_event_record(record, &mut self.value);
        let offset = self.next[partition as usize];
        self.next[partition as usize] += 1;
        each(Record { partition, offset, key: school_no.to_string().as_bytes(), value: &self.value });
    }
}

/// All device-days that were corrected.
async fn shifts(client: &Client) -> Result<Vec<(u32, Shift)>, clickhouse::error::Error> {
    let rows = client.query("SELECT ?fields FROM corrected_days FINAL ORDER BY seq, device_no, from_day");
    Ok(rows.fetch_all::<CorrectedDaysRow>().await?.iter().map(shift_of).collect())
}

/// Events whose `at` is in a day, of the streams that the ledgers fold, without copies.
fn events_of(day: Day) -> String {
    let (from, to) = (day.start_ms(), day.plus(1).start_ms());
    format!(
        "SELECT ?fields FROM events_raw FINAL WHERE at >= fromUnixTimestamp64Milli({from}) AND \
         at < fromUnixTimestamp64Milli({to}) AND stream IN ('activity', 'network')"
    )
}

fn fault(error: clickhouse::error::Error) -> PortFault {
    PortFault::new("read the archive", error)
}

impl Log for ArchiveLog {
    fn poll(&mut self, appetite: Appetite, each: &mut dyn FnMut(Record<'_>)) -> Result<Polled, PortFault> {
        if !std::mem::replace(&mut self.announced, true) {
            let assigned = |partition| Assigned { partition, committed: None, rewind_to: None };
            return Ok(Polled::Assigned((0..self.partitions as i32).map(assigned).collect()));
        }
        let mut records = 0;
        while let Some(marker) = self.markers.pop_front() {
            self.hand_over_record(&marker, each);
            records += 1;
        }
        while records < appetite.records {
            let Some(row) = self.row()? else { break };
            self.hand_over(row, each)?;
            (records, self.read) = (records + 1, self.read + 1);
        }
        Ok(Polled::Records(records))
    }

    fn is_behind(&self) -> bool {
        true
    }

    fn start(&mut self, _from: &[(i32, i64)]) -> Result<(), PortFault> {
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<Option<Polled>, PortFault> {
        Ok(None)
    }

    fn commit(&mut self, _commits: &[Commit]) -> Result<(), PortFault> {
        Ok(())
    }

    fn release(&mut self, _partitions: &[i32]) -> Result<(), PortFault> {
        Ok(())
    }
}
