//! Ledgers to rows of the tables and back: a row is its ledger's checkpoint, so nothing may be lost on the way.

use super::activity::{ActivityDay, App};
use super::intervals::{Intervals, NotASet, measure_of_intersection};
use super::marks::{Marks, NotMarks};
use super::names::Names;
use super::network::NetworkDay;
use super::school::LedgerKey;
use super::seen::{NotSeen, Seen};
use super::summary::{DayRules, Summary, sessions};
use schemas::definitions::Definitions;
use schemas::rows::{DeviceDayRow, NetworkDayRow};
use schemas::time::Day;
use uuid::Uuid;

/// A row that no worker wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Interval columns.
    #[error(transparent)]
    Intervals(#[from] NotASet),
    /// Columns of the seen set.
    #[error(transparent)]
    Seen(#[from] NotSeen),
    /// Columns of the corrections.
    #[error(transparent)]
    Marks(#[from] NotMarks),
    /// `ver` is the number of events and corrections in the row.
    #[error("ver {ver} of a row that holds {seen} events and corrections")]
    Version {
        /// Column `ver`.
        ver: u32,
        /// Size of the seen set, and corrections.
        seen: u64,
    },
    /// `app_ids` and `app_spans` belong together, ascending.
    #[error("app columns do not belong together")]
    Apps,
    /// A histogram has another number of buckets.
    #[error("a histogram has another number of buckets")]
    Histogram,
}

/// The ledger and device that a `device_day` row belongs to.
#[must_use]
pub fn key_of_device_day(row: &DeviceDayRow) -> (LedgerKey, u32) {
    let day = Day(i32::from(row.day));
    (LedgerKey { division: row.division, school_no: row.school_no, day }, row.device_no)
}

/// The ledger and device that a `network_day` row belongs to.
#[must_use]
pub fn key_of_network_day(row: &NetworkDayRow) -> (LedgerKey, u32) {
    let day = Day(i32::from(row.day));
    (LedgerKey { division: row.division, school_no: row.school_no, day }, row.device_no)
}

/// Writes a device-day on stream activity as a row.
#[must_use]
pub fn device_day(
    key: LedgerKey,
    device_no: u32,
    ledger: &ActivityDay,
    rules: &DayRules<'_>,
    summary: &mut Summary,
) -> DeviceDayRow {
    summary.compute(ledger, rules);
    let session_spans = sessions(ledger, rules.definitions.gap_s);
    let app_s = |app: &App| measure_of_intersection(app.spans.flat(), &summary.in_use);
    let (seen_boots, seen_ranges) = seen_columns(&ledger.seen);
    let (moved_division, moved_school_no) = ledger.marks.away(key).unwrap_or_default();
    DeviceDayRow {
        division: key.division,
        school_no: key.school_no,
        day: key.date(),
        device_no,
        class_no: ledger.class_no,
        in_service: u8::from(ledger.in_service),
        ver: ledger.ver,
        events: ledger.events,
        on_s: summary.on_s,
        active_s: summary.active_s,
        sessions: (session_spans.len() / 2) as u16,
        lessons: summary.lessons,
        used: u8::from(summary.used),
        first_s: ledger.on.flat().first().copied(),
        last_s: ledger.on.flat().last().map(|end| end - 1),
        last_received: ledger.last_received_ms,
        last_heartbeat: ledger.last_heartbeat_ms,
        on_spans: ledger.on.flat().to_vec(),
        active_spans: ledger.active.flat().to_vec(),
        session_spans,
        app_ids: ledger.apps.iter().map(|app| app.id.to_string()).collect(),
        app_s: ledger.apps.iter().map(app_s).collect(),
        app_spans: ledger.apps.iter().map(|app| app.spans.flat().to_vec()).collect(),
        seen_boots,
        seen_ranges,
        corrections: ledger.marks.numbers().to_vec(),
        moved_division,
        moved_school_no,
    }
}

/// Reads a device-day back.
///
/// # Errors
/// The row contradicts itself.
pub fn activity_day(row: &DeviceDayRow, names: &mut Names) -> Result<ActivityDay, RowFault> {
    if row.app_ids.len() != row.app_spans.len() || !row.app_ids.is_sorted_by(|a, b| a < b) {
        return Err(RowFault::Apps);
    }
    let app = |(id, spans): (&String, &Vec<u32>)| Ok(App { id: names.share(id), spans: Intervals::from_flat(spans)? });
    Ok(ActivityDay {
        class_no: row.class_no,
        in_service: row.in_service != 0,
        ver: row.ver,
        events: row.events,
        last_received_ms: row.last_received,
        last_heartbeat_ms: row.last_heartbeat,
        on: Intervals::from_flat(&row.on_spans)?,
        active: Intervals::from_flat(&row.active_spans)?,
        apps: row.app_ids.iter().zip(&row.app_spans).map(app).collect::<Result<_, NotASet>>()?,
        seen: seen(&row.seen_boots, &row.seen_ranges, row.ver, &row.corrections)?,
        marks: Marks::from_columns(
            key_of_device_day(row).0,
            &row.corrections,
            (row.moved_division, row.moved_school_no),
        )?,
    })
}

/// Writes a device-day on stream network as a row.
#[must_use]
pub fn network_day(key: LedgerKey, device_no: u32, ledger: &NetworkDay, definitions: &Definitions) -> NetworkDayRow {
    let (seen_boots, seen_ranges) = seen_columns(&ledger.seen);
    let (moved_division, moved_school_no) = ledger.marks.away(key).unwrap_or_default();
    NetworkDayRow {
        division: key.division,
        school_no: key.school_no,
        day: key.date(),
        device_no,
        class_no: ledger.class_no,
        in_service: u8::from(ledger.in_service),
        ver: ledger.ver,
        bursts: ledger.bursts,
        busy: ledger.busy,
        outage: ledger.outage,
        partial: ledger.partial,
        valid: ledger.valid,
        probes_sent: ledger.probes_sent,
        probes_lost: ledger.probes_lost,
        probes_invalid: ledger.probes_invalid,
        judged: ledger.judged,
        latency_ok: ledger.latency_ok,
        jitter_ok: ledger.jitter_ok,
        verdict: ledger.verdict(definitions),
        latency_hist: ledger.latency_hist.to_vec(),
        jitter_hist: ledger.jitter_hist.to_vec(),
        last_received: ledger.last_received_ms,
        seen_boots,
        seen_ranges,
        corrections: ledger.marks.numbers().to_vec(),
        moved_division,
        moved_school_no,
    }
}

/// Reads a device-day back.
///
/// # Errors
/// The row contradicts itself.
pub fn network_ledger(row: &NetworkDayRow) -> Result<NetworkDay, RowFault> {
    let hist = |counts: &[u16]| counts.try_into().map_err(|_| RowFault::Histogram);
    Ok(NetworkDay {
        class_no: row.class_no,
        in_service: row.in_service != 0,
        ver: row.ver,
        bursts: row.bursts,
        busy: row.busy,
        outage: row.outage,
        partial: row.partial,
        valid: row.valid,
        judged: row.judged,
        latency_ok: row.latency_ok,
        jitter_ok: row.jitter_ok,
        probes_sent: row.probes_sent,
        probes_lost: row.probes_lost,
        probes_invalid: row.probes_invalid,
        latency_hist: hist(&row.latency_hist)?,
        jitter_hist: hist(&row.jitter_hist)?,
        last_received_ms: row.last_received,
        seen: seen(&row.seen_boots, &row.seen_ranges, row.ver, &row.corrections)?,
        marks: Marks::from_columns(
            key_of_network_day(row).0,
            &row.corrections,
            (row.moved_division, row.moved_school_no),
        )?,
    })
}

fn seen(boots: &[Uuid], ranges: &[Vec<u32>], ver: u32, corrections: &[u32]) -> Result<Seen, RowFault> {
    let seen = Seen::from_columns(boots, ranges)?;
    let folded = seen.total() + corrections.len() as u64;
    if folded == u64::from(ver) { Ok(seen) } else { Err(RowFault::Version { ver, seen: folded }) }
}

fn seen_columns(seen: &Seen) -> (Vec<Uuid>, Vec<Vec<u32>>) {
    seen.boots().map(|(boot, ranges)| (boot, ranges.to_vec())).unzip()
}
