//! A province's month, written through the row types that the processors write.

use clickhouse::{Client, RowOwned, RowWrite};
use processors::tables;
use runtime::config::ClickHouseConfig;
use schemas::definitions::BUCKETS;
use schemas::rows::{DeviceDayRow, NetworkDayRow, OrgRow, RosterDayRow, SchoolDayRow, SchoolNetworkDayRow};
use schemas::time::{DAY_MS, Day, format_rfc3339_ms};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Devices of a school, as in a large province.
const PER_SCHOOL: u32 = 50;
/// Cities, and counties of each.
const CITIES: u32 = 20;
const COUNTIES: u32 = 6;
/// Every so many-th school hangs directly under its city, or (rarer) under the province.
const DIRECT_CITY: u32 = 40;
const DIRECT_PROVINCE: u32 = 400;
/// Rows of device tables in one insert.
const BATCH_DAYS: i32 = 1;

/// What is written: the same for the same numbers.
pub struct World {
    devices: u32,
    /// First and last day.
    pub days: (Day, Day),
}

/// What it took.
pub struct Written {
    /// Rows of all tables.
    pub rows: u64,
    /// Time.
    pub took: Duration,
    /// On disk, after merging.
    pub bytes: u64,
}

/// Friday, 20 November 2026.
const TODAY: Day = Day(20_777);

impl World {
    /// So many devices over so many days.
    pub fn new(devices: u32, days: i32) -> World {
        World { devices, days: (TODAY.plus(1 - days), TODAY) }
    }

    /// For the report.
    pub fn describe(&self) -> String {
        format!(
            "{} devices of {} schools in {} counties and {CITIES} cities, {} to {}",
            self.devices,
            self.schools(),
            CITIES * COUNTIES,
            self.days.0,
            self.days.1
        )
    }

    /// Mid-morning of the last day.
    pub fn now(&self) -> String {
        format_rfc3339_ms(self.now_ms())
    }

    fn now_ms(&self) -> i64 {
        self.days.1.start_ms() + 10 * 3_600_000
    }

    fn schools(&self) -> u32 {
        self.devices / PER_SCHOOL
    }

    fn division(school_no: u32) -> u32 {
        let city = school_no % CITIES + 1;
        let county = school_no / CITIES % COUNTIES + 3;
        if school_no.is_multiple_of(DIRECT_PROVINCE) {
            440_000
        } else if school_no.is_multiple_of(DIRECT_CITY) {
            440_000 + city * 100
        } else {
            440_000 + city * 100 + county
        }
    }

    /// Devices of a school.
    fn devices_of(school_no: u32) -> std::ops::Range<u32> {
        (school_no - 1) * PER_SCHOOL + 1..school_no * PER_SCHOOL + 1
    }
}

/// Writes the whole world and lets the tables merge.
pub async fn fill(url: &str, world: &World) -> anyhow::Result<Written> {
    let begun = Instant::now();
    let root = Client::default().with_url(url);
    processors::migrate::run(&config(url)).await?;
    let client = writer(url);
    let mut rows = insert(&client, "orgs", orgs(world)).await?;
    for day in (world.days.0.0..=world.days.1.0).step_by(BATCH_DAYS as usize).map(Day) {
        rows += insert(&client, "roster_day", schools(world).map(|no| roster(no, day))).await?;
        rows += insert(&client, "school_day", schools(world).map(|no| school(no, day))).await?;
        rows += insert(&client, "school_network_day", schools(world).map(|no| school_network(no, day))).await?;
        rows +=
            insert(&client, "device_day", devices(world).map(|(no, school)| device(world, no, school, day))).await?;
        rows += insert(&client, "network_day", devices(world).map(|(no, school)| network(no, school, day))).await?;
    }
    let took = begun.elapsed();
    for table in ["roster_day", "school_day", "school_network_day", "device_day", "network_day"] {
        client.query(&format!("OPTIMIZE TABLE {table} FINAL")).execute().await?;
    }
    let bytes = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'classpulse'";
    Ok(Written { rows, took, bytes: root.query(bytes).fetch_one::<u64>().await? })
}

/// Writes the last day of one school of each area anew, as the processors do when an event arrives.
pub async fn change(url: &str, world: &World, round: u32) -> anyhow::Result<()> {
    let changed = |no| {
        let row = school(no, world.days.1);
        SchoolDayRow { ver: row.ver + round, ..row }
    };
    insert(&writer(url), "school_day", (1..=CITIES * COUNTIES).map(changed)).await?;
    Ok(())
}

fn writer(url: &str) -> Client {
    tables::client(&config(url))
}

fn config(url: &str) -> ClickHouseConfig {
    ClickHouseConfig {
        url: url.to_owned(),
        user: "writer".to_owned(),
        password: String::new(),
        database: "classpulse".to_owned(),
    }
}

/// Through the function with which the processors write.
async fn insert<T>(client: &Client, table: &str, rows: impl Iterator<Item = T>) -> anyhow::Result<u64>
where
    T: RowOwned + RowWrite + Sync,
{
    let mut count = 0;
    tables::insert_each::<T, T>(client, table, rows.inspect(|_| count += 1)).await?;
    Ok(count)
}

fn schools(world: &World) -> impl Iterator<Item = u32> {
    1..=world.schools()
}

fn devices(world: &World) -> impl Iterator<Item = (u32, u32)> {
    schools(world).flat_map(|school| World::devices_of(school).map(move |device| (device, school)))
}

fn orgs(world: &World) -> impl Iterator<Item = OrgRow> {
    let province = org("440000".into(), 0, 440_000, 0, "广东省".into(), String::new());
    let cities = (1..=CITIES).map(|city| 440_000 + city * 100);
    let cities = cities.map(|code| org(code.to_string(), 1, code, 0, format!("第{code}市"), "440000".into()));
    let counties = (1..=CITIES).flat_map(|city| (0..COUNTIES).map(move |county| 440_000 + city * 100 + county + 3));
    let counties =
        counties.map(|code| org(code.to_string(), 2, code, 0, format!("第{code}区"), (code / 100 * 100).to_string()));
    let schools = schools(world).map(|no| {
        let division = World::division(no);
        org(format!("s{no}"), 3, division, no, format!("第{no}学校"), division.to_string())
    });
    std::iter::once(province).chain(cities).chain(counties).chain(schools)
}

fn org(id: String, level: i8, division: u32, school_no: u32, name: String, parent: String) -> OrgRow {
    let school_type = String::new();
    OrgRow {
        id,
        level,
        division,
        school_no,
        class_no: 0,
        name,
        parent,
        school_type,
        status: 0,
        batch: 0,
        pilot: 0,
        ver: 1,
    }
}

/// A number that follows from its arguments and looks as if it did not.
fn mix(a: u32, b: i32, c: u32) -> u32 {
    let mut x = u64::from(a) << 32 ^ u64::from(b.unsigned_abs()) << 8 ^ u64::from(c);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 31) as u32
}

fn day16(day: Day) -> u16 {
    u16::try_from(day.0).unwrap_or(0)
}

fn roster(school_no: u32, day: Day) -> RosterDayRow {
    RosterDayRow {
        division: World::division(school_no),
        school_no,
        day: day16(day),
        in_service: PER_SCHOOL,
        classes: PER_SCHOOL - 2,
        school_day: u8::from(day.weekday() < 5),
        provisional: 0,
        lessons: 8,
        in_service_nos: World::devices_of(school_no).collect(),
        ver: 1,
    }
}

/// Of a school's devices: how many of them on a day.
fn some(school_no: u32, day: Day, of: u32) -> u32 {
    let weekend = if day.weekday() < 5 { 1 } else { 8 };
    (PER_SCHOOL - 4 - mix(school_no, day.0, of) % 12) / weekend
}

fn school(school_no: u32, day: Day) -> SchoolDayRow {
    let used = some(school_no, day, 1).min(40);
    let on = some(school_no, day, 2);
    let slot = |slot: u16, busy: u32| {
        if (45..106).contains(&slot) { (busy - mix(school_no, day.0, slot.into()) % 4) as u16 } else { 0 }
    };
    SchoolDayRow {
        division: World::division(school_no),
        school_no,
        day: day16(day),
        ver: on * 96,
        hidden_ver: 0,
        reporting: on,
        powered: on,
        used,
        classes_used: used.min(PER_SCHOOL - 2),
        on_s: u64::from(on) * 31_000,
        active_s: u64::from(used) * 14_000,
        active_s_reporting: u64::from(used) * 14_000,
        lessons_used: used * 5,
        online: (0..144).map(|k| slot(k, on)).collect(),
        active: (0..144).map(|k| slot(k, used)).collect(),
        reporting_unlisted: 0,
        session_device_nos: World::devices_of(school_no).take(on as usize).collect(),
    }
}

fn school_network(school_no: u32, day: Day) -> SchoolNetworkDayRow {
    let on = some(school_no, day, 2);
    let bursts = u64::from(on) * 48;
    let hist = |lowest: usize, of: u32| -> Vec<u32> {
        let share = |bucket: usize| on * (mix(school_no, day.0, of + bucket as u32) % 12);
        (0..BUCKETS).map(|bucket| if (lowest..lowest + 8).contains(&bucket) { share(bucket) } else { 0 }).collect()
    };
    SchoolNetworkDayRow {
        division: World::division(school_no),
        school_no,
        day: day16(day),
        ver: on * 48,
        hidden_ver: 0,
        pass: on * 8 / 10,
        fail: on / 10,
        unknown: on / 10,
        bursts,
        busy: bursts / 50,
        outage: bursts / 100,
        partial: bursts / 100,
        valid: bursts * 96 / 100,
        probes_sent: bursts * 63,
        probes_lost: bursts / 2,
        probes_invalid: 0,
        latency_hist: hist(5, 100),
        jitter_hist: hist(1, 200),
    }
}

fn device(world: &World, device_no: u32, school_no: u32, day: Day) -> DeviceDayRow {
    let start = 26_000 + mix(device_no, day.0, 1) % 2_000;
    let pause = 42_000 + mix(device_no, day.0, 2) % 1_000;
    let on_spans = vec![start, pause, pause + 7_000, 63_000];
    let active_spans: Vec<u32> = (0..8)
        .flat_map(|lesson| {
            let from = start + lesson * 3_600 + mix(device_no, day.0, lesson) % 600;
            [from, from + 1_900]
        })
        .collect();
    let end = day.start_ms() + DAY_MS - 6 * 3_600_000;
    let heard = end.min(world.now_ms() - i64::from(mix(device_no, day.0, 3) % 900_000));
    DeviceDayRow {
        division: World::division(school_no),
        school_no,
        day: day16(day),
        device_no,
        class_no: device_no,
        in_service: 1,
        ver: 96,
        events: 96,
        on_s: on_spans.chunks(2).map(|span| span[1] - span[0]).sum(),
        active_s: 8 * 1_900,
        sessions: 2,
        lessons: (mix(device_no, day.0, 9) & 0xff) as u8,
        used: 1,
        first_s: Some(start),
        last_s: Some(62_999),
        last_received: heard,
        last_heartbeat: heard,
        session_spans: on_spans.clone(),
        on_spans,
        active_spans,
        app_ids: vec!["board".into(), "player".into()],
        app_s: vec![5_000, 2_000],
        app_spans: vec![vec![start, start + 5_000], vec![start + 6_000, start + 8_000]],
        seen_boots: vec![Uuid::from_u64_pair(device_no.into(), day.0.unsigned_abs().into())],
        seen_ranges: vec![vec![0, 95]],
        corrections: Vec::new(),
        moved_division: 0,
        moved_school_no: 0,
    }
}

fn network(device_no: u32, school_no: u32, day: Day) -> NetworkDayRow {
    let hist = |lowest: usize, of: u32| -> Vec<u16> {
        let share = |bucket: usize| (mix(device_no, day.0, of + bucket as u32) % 12) as u16;
        (0..BUCKETS).map(|bucket| if (lowest..lowest + 8).contains(&bucket) { share(bucket) } else { 0 }).collect()
    };
    NetworkDayRow {
        division: World::division(school_no),
        school_no,
        day: day16(day),
        device_no,
        class_no: device_no,
        in_service: 1,
        ver: 48,
        bursts: 48,
        busy: 1,
        outage: 0,
        partial: 1,
        valid: 46,
        probes_sent: 46 * 63,
        probes_lost: mix(device_no, day.0, 4) % 40,
        probes_invalid: 0,
        judged: 40,
        latency_ok: 39,
        jitter_ok: 38,
        verdict: schemas::rows::verdict::PASS,
        latency_hist: hist(5, 100),
        jitter_hist: hist(1, 200),
        last_received: day.start_ms() + 18 * 3_600_000,
        seen_boots: vec![Uuid::from_u64_pair(device_no.into(), day.0.unsigned_abs().into())],
        seen_ranges: vec![vec![0, 47]],
        corrections: Vec::new(),
        moved_division: 0,
        moved_school_no: 0,
    }
}
