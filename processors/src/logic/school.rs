//! Rows of a school's day: pure sums over its device ledgers, never increments.

use super::activity::ActivityDay;
use super::marks::Marks;
use super::network::NetworkDay;
use super::summary::{Curve, DayRules, Summary};
use schemas::definitions::Definitions;
use schemas::rows::{SchoolDayRow, SchoolNetworkDayRow, verdict};
use schemas::time::Day;

/// Identity of a ledger: one school's day, in the division of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    /// Area that directly manages the school.
    pub division: u32,
    /// School.
    pub school_no: u32,
    /// Local day.
    pub day: Day,
}

impl LedgerKey {
    /// The day as the tables hold it.
    #[must_use]
    pub fn date(&self) -> u16 {
        u16::try_from(self.day.0.max(0)).unwrap_or(u16::MAX)
    }
}

/// Sums the activity of a school's day. All but the unlisted count and the session devices is of devices in service.
pub fn activity_row<'a>(
    key: LedgerKey,
    devices: impl Iterator<Item = (u32, &'a ActivityDay)>,
    rules: &DayRules<'_>,
) -> SchoolDayRow {
    let mut row = empty_activity_row(key);
    let (mut online, mut active, mut classes) = (Curve::default(), Curve::default(), Vec::new());
    let mut summary = Summary::default();
    for (device_no, ledger) in devices {
        row.ver = row.ver.saturating_add(ledger.ver);
        row.hidden_ver = row.hidden_ver.saturating_add(hidden_ver(key, ledger.ver, &ledger.marks));
        if ledger.marks.hide(key, ledger.ver) {
            continue;
        }
        if !ledger.on.flat().is_empty() {
            row.session_device_nos.push(device_no);
        }
        let reports = u32::from(ledger.events > 0);
        if !ledger.in_service {
            row.reporting_unlisted += reports;
            continue;
        }
        summary.compute(ledger, rules);
        add(&mut row, &summary, reports);
        if summary.used && ledger.class_no != 0 {
            classes.push(ledger.class_no);
        }
        online.add(ledger.on.flat());
        active.add(&summary.in_use);
    }
    classes.sort_unstable();
    classes.dedup();
    SchoolDayRow { classes_used: classes.len() as u32, online: online.to_vec(), active: active.to_vec(), ..row }
}

/// What of a row's `ver` counts no event that readers see.
fn hidden_ver(key: LedgerKey, ver: u32, marks: &Marks) -> u32 {
    if marks.hide(key, ver) { ver } else { marks.count() }
}

fn add(row: &mut SchoolDayRow, summary: &Summary, reports: u32) {
    row.reporting += reports;
    row.powered += u32::from(summary.powered);
    row.used += u32::from(summary.used);
    row.on_s += u64::from(summary.on_s);
    row.active_s += u64::from(summary.active_s);
    row.active_s_reporting += u64::from(summary.active_s * reports);
    row.lessons_used += summary.lessons.count_ones();
}

fn empty_activity_row(key: LedgerKey) -> SchoolDayRow {
    SchoolDayRow {
        division: key.division,
        school_no: key.school_no,
        day: key.date(),
        ver: 0,
        hidden_ver: 0,
        reporting: 0,
        powered: 0,
        used: 0,
        classes_used: 0,
        on_s: 0,
        active_s: 0,
        active_s_reporting: 0,
        lessons_used: 0,
        online: Vec::new(),
        active: Vec::new(),
        reporting_unlisted: 0,
        session_device_nos: Vec::new(),
    }
}

/// Sums the network of a school's day, of devices in service.
pub fn network_row<'a>(
    key: LedgerKey,
    devices: impl Iterator<Item = (u32, &'a NetworkDay)>,
    definitions: &Definitions,
) -> SchoolNetworkDayRow {
    let mut row = empty_network_row(key);
    for (_, ledger) in devices {
        row.ver = row.ver.saturating_add(ledger.ver);
        row.hidden_ver = row.hidden_ver.saturating_add(hidden_ver(key, ledger.ver, &ledger.marks));
        if ledger.in_service && !ledger.marks.hide(key, ledger.ver) {
            match ledger.verdict(definitions) {
                verdict::PASS => row.pass += 1,
                verdict::FAIL => row.fail += 1,
                _ => row.unknown += 1,
            }
            add_counters(&mut row, ledger);
        }
    }
    row
}

fn add_counters(row: &mut SchoolNetworkDayRow, ledger: &NetworkDay) {
    row.bursts += u64::from(ledger.bursts);
    row.busy += u64::from(ledger.busy);
    row.outage += u64::from(ledger.outage);
    row.partial += u64::from(ledger.partial);
    row.valid += u64::from(ledger.valid);
    row.probes_sent += u64::from(ledger.probes_sent);
    row.probes_lost += u64::from(ledger.probes_lost);
    row.probes_invalid += u64::from(ledger.probes_invalid);
    let add = |sum: &mut [u32], counts: &[u16]| sum.iter_mut().zip(counts).for_each(|(s, c)| *s += u32::from(*c));
    add(&mut row.latency_hist, &ledger.latency_hist);
    add(&mut row.jitter_hist, &ledger.jitter_hist);
}

fn empty_network_row(key: LedgerKey) -> SchoolNetworkDayRow {
    SchoolNetworkDayRow {
        division: key.division,
        school_no: key.school_no,
        day: key.date(),
        ver: 0,
        hidden_ver: 0,
        pass: 0,
        fail: 0,
        unknown: 0,
        bursts: 0,
        busy: 0,
        outage: 0,
        partial: 0,
        valid: 0,
        probes_sent: 0,
        probes_lost: 0,
        probes_invalid: 0,
        latency_hist: vec![0; schemas::definitions::BUCKETS],
        jitter_hist: vec![0; schemas::definitions::BUCKETS],
    }
}
