//! The fold, done plainly: every distinct event of the log, one bit per second, sums over devices. It shares no code
//! with the workers beyond the shapes of records and rows.

use crate::facts::{FIRST_DAY, Stream, seconds, touches};
use crate::log::{Content, Topic};
use crate::seconds::Seconds;
use crate::table::Key;
use schemas::definitions::{BUCKETS, Definitions, SLOTS};
use schemas::event::{Burst, Span};
use schemas::record::EventRecord;
use schemas::registry::Bells;
use schemas::rows::{DeviceDayRow, NetworkDayRow, SchoolDayRow, SchoolNetworkDayRow, verdict};
use schemas::time::Day;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The school that has its own bells.
pub const BELLS_SCHOOL: u32 = 2;

/// Bells of [`BELLS_SCHOOL`], which change during the run.
#[must_use]
pub fn bells() -> Vec<Bells> {
    vec![
        Bells { from_day: FIRST_DAY.plus(-2), lessons: vec![(32_400, 36_000)] },
        Bells { from_day: FIRST_DAY.plus(1), lessons: vec![(30_000, 33_000), (61_200, 64_800)] },
    ]
}

/// What the tables must hold.
#[derive(Debug, Default)]
pub struct Expected {
    /// Table `device_day`.
    pub device_days: BTreeMap<Key, DeviceDayRow>,
    /// Table `network_day`.
    pub network_days: BTreeMap<Key, NetworkDayRow>,
    /// Table `school_day`.
    pub school_days: BTreeMap<Key, SchoolDayRow>,
    /// Table `school_network_day`.
    pub school_networks: BTreeMap<Key, SchoolNetworkDayRow>,
}

/// The events of a row that were not in the log before: their identities, the class, the last receipt.
#[derive(Default)]
struct Head {
    seen: BTreeSet<(Uuid, u32)>,
    class_no: u32,
    in_service: bool,
    last_received: i64,
}

impl Head {
    /// True if the event is new.
    fn admit(&mut self, event: (Uuid, u32), record: &EventRecord) -> bool {
        let is_new = self.seen.insert(event);
        if is_new {
            self.last_received = self.last_received.max(record.received_at_ms);
            (self.class_no, self.in_service) = (record.belonging.class_no, record.belonging.in_service);
        }
        is_new
    }

    fn ver(&self) -> u32 {
        self.seen.len() as u32
    }

    fn columns(&self) -> (Vec<Uuid>, Vec<Vec<u32>>) {
        let mut boots: BTreeMap<Uuid, Vec<u32>> = BTreeMap::new();
        for (boot, seq) in &self.seen {
            let ranges = boots.entry(*boot).or_default();
            match ranges.last_mut() {
                Some(last) if *last + 1 == *seq => *last = *seq,
                _ => ranges.extend([*seq, *seq]),
            }
        }
        boots.into_iter().unzip()
    }
}

#[derive(Default)]
struct Activity {
    head: Head,
    events: u32,
    last_heartbeat: i64,
    on: Seconds,
    active: Seconds,
    apps: BTreeMap<String, Seconds>,
}

#[derive(Default)]
struct Network {
    head: Head,
    bursts: Vec<Burst>,
}

/// Folds everything that the log holds.
#[must_use]
pub fn fold(topic: &Topic, definitions: &Definitions) -> Expected {
    let (mut activity, mut network) = (BTreeMap::<Key, Activity>::new(), BTreeMap::<Key, Network>::new());
    for entry in topic.partitions.iter().flatten() {
        let Content::Events(record) = &entry.content else { continue };
        for touch in touches(record) {
            match touch.stream {
                Stream::Activity => fold_activity(activity.entry(touch.key).or_default(), touch, record),
                Stream::Network => fold_network(network.entry(touch.key).or_default(), touch, record),
            }
        }
    }
    let mut expected = Expected::default();
    for (key, state) in &activity {
        let row = device_day(*key, state, definitions);
        let school = (key.0, key.1, key.2, 0);
        let sums = expected.school_days.entry(school).or_insert_with(|| empty_school_day(school));
        add_device(sums, state, &row, definitions);
        expected.device_days.insert(*key, row);
    }
    count_classes(&mut expected);
    for (key, state) in &network {
        let row = network_day(*key, state, definitions);
        let school = (key.0, key.1, key.2, 0);
        let sums = expected.school_networks.entry(school).or_insert_with(|| empty_school_network(school));
        add_network(sums, &row);
        expected.network_days.insert(*key, row);
    }
    expected
}

fn fold_activity(state: &mut Activity, touch: crate::facts::Touch, record: &EventRecord) {
    if !state.head.admit(touch.event, record) {
        return;
    }
    let (day, seq) = (Day(i32::from(touch.key.2)), touch.event.1);
    let mark = |set: &mut Seconds, at_ms, spans: &[Span]| {
        spans.iter().filter_map(|span| seconds(at_ms, *span, day)).for_each(|(from, to)| set.mark(from, to));
    };
    if let Some(power) = record.events.power.iter().find(|power| power.seq == seq) {
        state.events += u32::from(Day::of_ms(power.at_ms) == day);
    }
    if let Some(beat) = record.events.heartbeats.iter().find(|beat| beat.seq == seq) {
        state.last_heartbeat = state.last_heartbeat.max(record.received_at_ms);
        state.events += u32::from(Day::of_ms(beat.at_ms) == day);
        mark(&mut state.on, beat.at_ms, &beat.on);
        mark(&mut state.active, beat.at_ms, &beat.active);
        for app in &beat.apps {
            mark(state.apps.entry(app.app.to_string()).or_default(), beat.at_ms, &app.spans);
        }
    }
}

fn fold_network(state: &mut Network, touch: crate::facts::Touch, record: &EventRecord) {
    let burst = record.events.bursts.iter().find(|burst| burst.seq == touch.event.1);
    if state.head.admit(touch.event, record) {
        state.bursts.extend(burst.cloned());
    }
}

fn lessons_of(key: Key, definitions: &Definitions) -> Vec<(u32, u32)> {
    let mut lessons = definitions.bells.clone();
    if key.1 == BELLS_SCHOOL {
        // Ascending by their first day.
        bells().into_iter().filter(|bells| bells.from_day.0 <= i32::from(key.2)).for_each(|b| lessons = b.lessons);
    }
    lessons
}

fn device_day(key: Key, state: &Activity, definitions: &Definitions) -> DeviceDayRow {
    let in_use = state.on.and(&state.active);
    let on_spans = state.on.runs();
    let session_spans = sessions(&on_spans, definitions.gap_s);
    let lessons = lessons_of(key, definitions).into_iter().enumerate();
    let lessons = lessons.filter(|(_, (from, to))| in_use.count_in(*from, *to) >= definitions.lesson_min_s);
    let apps: Vec<_> = state.apps.iter().filter(|(_, seconds)| seconds.count() > 0).collect();
    let (seen_boots, seen_ranges) = state.head.columns();
    DeviceDayRow {
        division: key.0,
        school_no: key.1,
        day: key.2,
        device_no: key.3,
        class_no: state.head.class_no,
        in_service: u8::from(state.head.in_service),
        ver: state.head.ver(),
        events: state.events,
        on_s: state.on.count(),
        active_s: in_use.count(),
        sessions: session_spans.len() as u16 / 2,
        lessons: lessons.map(|(bit, _)| 1 << bit).sum(),
        used: u8::from(in_use.count() >= definitions.use_min_s),
        first_s: on_spans.first().copied(),
        last_s: on_spans.last().map(|end| end - 1),
        last_received: state.head.last_received,
        last_heartbeat: state.last_heartbeat,
        on_spans,
        active_spans: state.active.runs(),
        session_spans,
        app_ids: apps.iter().map(|(id, _)| (*id).clone()).collect(),
        app_s: apps.iter().map(|(_, seconds)| seconds.and(&in_use).count()).collect(),
        app_spans: apps.iter().map(|(_, seconds)| seconds.runs()).collect(),
        seen_boots,
        seen_ranges,
        corrections: Vec::new(),
        moved_division: 0,
        moved_school_no: 0,
    }
}

/// Runs whose gaps are at most `gap` seconds become one.
fn sessions(runs: &[u32], gap: u32) -> Vec<u32> {
    let mut sessions: Vec<u32> = Vec::new();
    for run in runs.chunks(2) {
        match sessions.last_mut() {
            Some(end) if run[0] - *end <= gap => *end = run[1],
            _ => sessions.extend(run),
        }
    }
    sessions
}

fn empty_school_day(key: Key) -> SchoolDayRow {
    SchoolDayRow {
        division: key.0,
        school_no: key.1,
        day: key.2,
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
        online: vec![0; SLOTS],
        active: vec![0; SLOTS],
        reporting_unlisted: 0,
        session_device_nos: Vec::new(),
    }
}

fn add_device(school: &mut SchoolDayRow, state: &Activity, row: &DeviceDayRow, definitions: &Definitions) {
    school.ver += row.ver;
    if row.sessions > 0 {
        school.session_device_nos.push(row.device_no);
    }
    let reports = u32::from(row.events > 0);
    if row.in_service == 0 {
        school.reporting_unlisted += reports;
        return;
    }
    school.reporting += reports;
    school.powered += u32::from(row.on_s >= definitions.power_on_min_s);
    school.used += u32::from(row.used);
    school.on_s += u64::from(row.on_s);
    school.active_s += u64::from(row.active_s);
    school.active_s_reporting += u64::from(row.active_s) * u64::from(reports);
    school.lessons_used += row.lessons.count_ones();
    let in_use = state.on.and(&state.active);
    for slot in 0..SLOTS {
        let (from, to) = (slot as u32 * 600, slot as u32 * 600 + 600);
        school.online[slot] += u16::from(state.on.count_in(from, to) > 0);
        school.active[slot] += u16::from(in_use.count_in(from, to) > 0);
    }
}

/// Classes with a used device, each once; class 0 is none.
fn count_classes(expected: &mut Expected) {
    let mut classes: BTreeMap<Key, BTreeSet<u32>> = BTreeMap::new();
    for (key, row) in &expected.device_days {
        if row.used == 1 && row.in_service == 1 && row.class_no != 0 {
            classes.entry((key.0, key.1, key.2, 0)).or_default().insert(row.class_no);
        }
    }
    for (key, school) in &mut expected.school_days {
        school.classes_used = classes.get(key).map_or(0, BTreeSet::len) as u32;
    }
}

fn network_day(key: Key, state: &Network, definitions: &Definitions) -> NetworkDayRow {
    let mut row = empty_network_day(key, &state.head);
    state.bursts.iter().for_each(|burst| add_burst(&mut row, burst, definitions));
    let mostly = |good: u16| 10 * u32::from(good) >= definitions.verdict_share_tenths * u32::from(row.judged);
    row.verdict = match u32::from(row.judged) {
        judged if judged < definitions.verdict_min_judged => verdict::UNKNOWN,
        _ if mostly(row.latency_ok) && mostly(row.jitter_ok) => verdict::PASS,
        _ => verdict::FAIL,
    };
    row
}

fn empty_network_day(key: Key, head: &Head) -> NetworkDayRow {
    let (seen_boots, seen_ranges) = head.columns();
    NetworkDayRow {
        division: key.0,
        school_no: key.1,
        day: key.2,
        device_no: key.3,
        class_no: head.class_no,
        in_service: u8::from(head.in_service),
        ver: head.ver(),
        bursts: 0,
        busy: 0,
        outage: 0,
        partial: 0,
        valid: 0,
        probes_sent: 0,
        probes_lost: 0,
        probes_invalid: 0,
        judged: 0,
        latency_ok: 0,
        jitter_ok: 0,
        verdict: 0,
        latency_hist: vec![0; BUCKETS],
        jitter_hist: vec![0; BUCKETS],
        last_received: head.last_received,
        seen_boots,
        seen_ranges,
        corrections: Vec::new(),
        moved_division: 0,
        moved_school_no: 0,
    }
}

/// METRICS sections 4, 10.8 and 10.9.
fn add_burst(row: &mut NetworkDayRow, burst: &Burst, definitions: &Definitions) {
    row.bursts += 1;
    if burst.busy {
        row.busy += 1;
        return;
    }
    let is_valid = |rtt: &i32| *rtt > 0 && *rtt <= definitions.rtt_max_us;
    let mut received: Vec<u64> =
        burst.rtt_us.iter().flatten().filter(|rtt| is_valid(rtt)).map(|rtt| *rtt as u64).collect();
    let lost = burst.rtt_us.iter().filter(|rtt| rtt.is_none()).count();
    row.probes_sent += (received.len() + lost) as u32;
    row.probes_lost += lost as u32;
    row.probes_invalid += (burst.rtt_us.len() - received.len() - lost) as u32;
    let valid = |rtt: Option<i32>| rtt.filter(|rtt| is_valid(rtt)).map(i64::from);
    let differences = burst.rtt_us.windows(2).filter_map(|pair| Some(valid(pair[0])?.abs_diff(valid(pair[1])?)));
    let differences: Vec<u64> = differences.collect();
    received.sort_unstable();
    let n = received.len();
    // As (sum, parts): the value is sum / parts microseconds.
    let latency = (n >= definitions.latency_min_received as usize).then(|| match n % 2 {
        0 => (received[n / 2 - 1] + received[n / 2], 2),
        _ => (received[n / 2], 1),
    });
    let enough_pairs = differences.len() >= definitions.jitter_min_pairs as usize;
    let jitter = enough_pairs.then(|| (differences.iter().sum::<u64>(), differences.len() as u64));
    let bucket = |(sum, parts): (u64, u64)| {
        let reached = definitions.histogram_edges_ms.iter().filter(|edge| u64::from(**edge) * 1000 * parts <= sum);
        reached.count() - 1
    };
    latency.into_iter().for_each(|ratio| row.latency_hist[bucket(ratio)] += 1);
    jitter.into_iter().for_each(|ratio| row.jitter_hist[bucket(ratio)] += 1);
    let is_outage = n == 0 && lost > 0;
    match (is_outage, latency.is_some() && jitter.is_some()) {
        (true, _) => row.outage += 1,
        (false, true) => row.valid += 1,
        (false, false) => row.partial += 1,
    }
    let second = (burst.at_ms - Day::of_ms(burst.at_ms).start_ms()) / 1000;
    let (opens, closes) = definitions.school_hours;
    let in_school_hours = i64::from(opens) <= second && second < i64::from(closes);
    if in_school_hours && (is_outage || latency.is_some() && jitter.is_some()) {
        row.judged += 1;
        let below = |ratio: Option<(u64, u64)>, limit| ratio.is_some_and(|(sum, parts)| sum < limit * parts);
        row.latency_ok += u16::from(!is_outage && below(latency, definitions.latency_limit_us));
        row.jitter_ok += u16::from(!is_outage && below(jitter, definitions.jitter_limit_us));
    }
}

fn empty_school_network(key: Key) -> SchoolNetworkDayRow {
    SchoolNetworkDayRow {
        division: key.0,
        school_no: key.1,
        day: key.2,
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
        latency_hist: vec![0; BUCKETS],
        jitter_hist: vec![0; BUCKETS],
    }
}

fn add_network(school: &mut SchoolNetworkDayRow, row: &NetworkDayRow) {
    school.ver += row.ver;
    if row.in_service == 0 {
        return;
    }
    school.pass += u32::from(row.verdict == verdict::PASS);
    school.fail += u32::from(row.verdict == verdict::FAIL);
    school.unknown += u32::from(row.verdict == verdict::UNKNOWN);
    school.bursts += u64::from(row.bursts);
    school.busy += u64::from(row.busy);
    school.outage += u64::from(row.outage);
    school.partial += u64::from(row.partial);
    school.valid += u64::from(row.valid);
    school.probes_sent += u64::from(row.probes_sent);
    school.probes_lost += u64::from(row.probes_lost);
    school.probes_invalid += u64::from(row.probes_invalid);
    for bucket in 0..BUCKETS {
        school.latency_hist[bucket] += u32::from(row.latency_hist[bucket]);
        school.jitter_hist[bucket] += u32::from(row.jitter_hist[bucket]);
    }
}
