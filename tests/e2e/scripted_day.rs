//! A day played by hand: four devices of one school, every figure computed in the comments.
//!
//! The day is Friday 2026-11-20; the clock stands at 20:00 that evening. All times below are local.

use crate::client::Client;
use crate::stack::Stack;
use serde_json::{Value, json};

const DAY: &str = "2026-11-20";

/// Seconds after midnight of `hh:mm`.
fn at(hhmm: &str) -> i64 {
    let (hours, minutes) = hhmm.split_once(':').unwrap();
    hours.parse::<i64>().unwrap() * 3600 + minutes.parse::<i64>().unwrap() * 60
}

/// `[from, to)` of the day as a span before `end`.
fn span(end: &str, from: &str, to: &str) -> Value {
    json!([(at(end) - at(from)) * 1000, (at(end) - at(to)) * 1000])
}

fn instant(hhmm: &str) -> String {
    format!("{DAY}T{hhmm}:00.000+08:00")
}

fn heartbeat(seq: u32, end: &str, on: &[(&str, &str)], active: &[(&str, &str)]) -> Value {
    let spans = |list: &[(&str, &str)]| list.iter().map(|(from, to)| span(end, from, to)).collect::<Vec<_>>();
    json!({ "type": "heartbeat", "seq": seq, "at": instant(end), "on": spans(on), "active": spans(active), "apps": [] })
}

/// A burst at `hhmm` whose probes all take `rtt_us`, but for every second one, which takes `swing_us` more.
fn burst(seq: u32, hhmm: &str, rtt_us: i64, swing_us: i64) -> Value {
    let probes: Vec<i64> = (0..63).map(|i| rtt_us + (i % 2) * swing_us).collect();
    json!({ "type": "burst", "seq": seq, "at": instant(hhmm), "anchor": "edu-gz-1", "method": "udp", "link": "wired",
            "busy": false, "interval_ms": 200, "rtt_us": probes })
}

fn outage(seq: u32, hhmm: &str) -> Value {
    let mut event = burst(seq, hhmm, 1, 0);
    event["rtt_us"] = json!([null, null, null]);
    event
}

/// `count` bursts, five minutes apart from 08:00.
fn bursts(count: u32, rtt_us: i64, swing_us: i64) -> Vec<Value> {
    (0..count).map(|i| burst(i, &format!("{:02}:{:02}", 8 + i / 12, i % 12 * 5), rtt_us, swing_us)).collect()
}

struct Cast {
    school_no: u64,
    division: u64,
    /// Four devices in service of the school.
    devices: Vec<(u64, String)>,
    /// Devices in service of the school, its county, its city, the province.
    in_service: [u64; 4],
}

/// Picks a county's school with at least five devices in service, and counts the denominators from the seed's list.
fn cast(stack: &Stack) -> Cast {
    let all = stack.devices();
    let serving: Vec<&Value> = all.iter().filter(|device| device["in_service"] == true).collect();
    let count = |wanted: &dyn Fn(&Value) -> bool| serving.iter().filter(|device| wanted(device)).count() as u64;
    let number = |device: &Value, field: &str| device[field].as_u64().unwrap();
    let fits = |device: &&&Value| {
        let school = number(device, "school_no");
        number(device, "division") % 100 != 0 && count(&|other| number(other, "school_no") == school) >= 5
    };
    let chosen = serving.iter().find(fits).expect("a county's school with five devices");
    let (school_no, division) = (number(chosen, "school_no"), number(chosen, "division"));
    let own = serving.iter().filter(|device| number(device, "school_no") == school_no);
    let devices = own.map(|device| (number(device, "device_no"), device["token"].as_str().unwrap().to_owned()));
    let city = division / 100;
    Cast {
        school_no,
        division,
        devices: devices.take(4).collect(),
        in_service: [
            count(&|device| number(device, "school_no") == school_no),
            count(&|device| number(device, "division") == division),
            count(&|device| number(device, "division") / 100 == city),
            serving.len() as u64,
        ],
    }
}

/// What the four devices do, and what follows:
///
/// | device | on | active | sessions | lessons | used | bursts | verdict |
/// |---|---|---|---|---|---|---|---|
/// | 0 | 07:50-12:00, 12:04-12:30, 12:36-13:00 = 15000 + 1560 + 1440 = 18000 s | 08:00-08:35, 08:50-08:59 = 2100 + 540 = 2640 s | 2: the gap of 240 s joins, that of 360 s parts | 1: 35 min of lesson 1; 9 min of lesson 2 are too few | yes | 12 of 20 ms, jitter 2 ms | pass |
/// | 1 | 08:00-09:00 = 3600 s | 08:00-08:09:00 = 540 s | 1 | none | no: below 600 s | 8 of 20 ms and 2 outages: 8 of 10 is below 90 % | fail |
/// | 2 | 09:58-10:00 = 120 s, below 300 s: not powered; the assertion 09:50-09:58 active lies outside on-time | 0 | 1 | none | no | 9: too few | unknown |
/// | 3 | a power event only | 0 | 0 | none | no | none | unknown, no row |
fn play(client: &Client, cast: &Cast) {
    let boot = |n: u32| format!("00000000-0000-4000-8000-00000000000{n}");
    let send = |device: usize, events: &[Value]| {
        let (_, token) = &cast.devices[device];
        client.post(token, &boot(device as u32), &instant("20:00"), events);
    };
    let late = heartbeat(1, "13:00", &[("12:04", "12:30"), ("12:36", "13:00")], &[]);
    let early = heartbeat(0, "12:00", &[("07:50", "12:00")], &[("08:00", "08:35"), ("08:50", "08:59")]);
    // The later heartbeat comes first, and both come twice.
    send(0, std::slice::from_ref(&late));
    send(0, &[early.clone(), late.clone()]);
    send(0, &[late, early]);
    send(0, &bursts(12, 20_000, 2_000));
    send(1, &[heartbeat(0, "09:00", &[("08:00", "09:00")], &[("08:00", "08:09")])]);
    let mut failing = bursts(8, 20_000, 2_000);
    failing.extend([outage(8, "10:00"), outage(9, "10:10")]);
    send(1, &failing);
    send(2, &[heartbeat(0, "10:00", &[("09:58", "10:00")], &[("09:50", "09:58")])]);
    send(2, &bursts(9, 20_000, 2_000));
    send(3, &[json!({ "type": "power", "seq": 0, "at": instant("08:00"), "kind": "boot" })]);
}

fn check_devices(client: &Client, cast: &Cast) {
    let day = |device: usize| {
        let number = cast.devices[device].0;
        client.get(&format!("/v1/devices/{number}/days?from={DAY}&to={DAY}"))["rows"][0].clone()
    };
    let expect = |device: usize, wanted: Value| {
        let row = day(device);
        for (field, value) in wanted.as_object().unwrap() {
            assert_eq!(&row[field], value, "device {device}, {field}: {row}");
        }
    };
    expect(
        0,
        json!({ "on_s": 18_000, "active_s": 2_640, "sessions": 2, "used": 1, "first_s": 28_200,
                      "last_s": 46_799, "verdict": "pass" }),
    );
    expect(1, json!({ "on_s": 3_600, "active_s": 540, "sessions": 1, "used": 0, "verdict": "fail" }));
    expect(2, json!({ "on_s": 120, "active_s": 0, "sessions": 1, "used": 0, "verdict": "unknown" }));
    expect(3, json!({ "on_s": 0, "active_s": 0, "sessions": 0, "first_s": null, "last_s": null }));
    let sessions = client.get(&format!("/v1/devices/{}/sessions?from={DAY}&to={DAY}", cast.devices[0].0));
    let seconds: Vec<u64> =
        sessions["rows"].as_array().unwrap().iter().map(|row| row["seconds"].as_u64().unwrap()).collect();
    // 07:50 to 12:30 with its gap of 240 s, and 12:36 to 13:00.
    assert_eq!(seconds, [16_800, 1_440]);
}

/// Equal but for the last bits: this client's JSON reader rounds decimals less exactly than the API writes them.
fn assert_close(value: &Value, wanted: f64, what: &str) {
    let value = value.as_f64().unwrap();
    assert!((value - wanted).abs() <= wanted.abs() * 1e-14, "{what}: {value}, not {wanted}");
}

/// Figures of one organisation with `n` devices in service: all four devices count at every level.
fn check_org(client: &Client, id: &str, n: u64) {
    let ids = "usage_rate,power_on_rate,reporting_rate,lesson_usage_rate,avg_active_s,avg_active_s_reporting,avg_on_s,\
               online_rate,network_pass_rate,network_known_share,loss_rate,outage_rate,latency_p50,active7_rate";
    let answer = client.get(&format!("/v1/orgs/{id}/overview?from={DAY}&to={DAY}&figures={ids}"));
    let figures = &answer["self"]["figures"];
    let expect = |figure: &str, num: u64, den: u64| {
        assert_eq!((&figures[figure]["num"], &figures[figure]["den"]), (&json!(num), &json!(den)), "{id} {figure}");
        assert_close(&figures[figure]["value"], num as f64 / den as f64, &format!("{id} {figure}"));
    };
    expect("usage_rate", 1, n);
    expect("power_on_rate", 2, n);
    expect("reporting_rate", 4, n);
    expect("lesson_usage_rate", 1, n * 8);
    expect("avg_active_s", 2_640 + 540, n);
    expect("avg_active_s_reporting", 2_640 + 540, 4);
    expect("avg_on_s", 18_000 + 3_600 + 120, n);
    // Ten-minute slots on within 07:30-18:00. Device 0: 07:50 to 13:00 has 31 slots, each with a second on (the gaps
    // 12:00-12:04 and 12:30-12:36 leave seconds in their slots); device 1: 08:00 to 09:00, 6; device 2: 1.
    expect("online_rate", 31 + 6 + 1, 63 * n);
    expect("network_pass_rate", 1, n);
    expect("network_known_share", 2, n);
    // Probes: (12 + 8 + 9) x 63 + 2 x 3 = 1833, of which the 6 of the outages are lost.
    expect("loss_rate", 6, 1_833);
    // Bursts: 12 + 10 + 9 = 31, of which 2 outages.
    expect("outage_rate", 2, 31);
    // Devices 0, 1 and 2 have a session.
    expect("active7_rate", 3, n);
    // All 29 latencies: the median of 32 probes of 20 ms and 31 of 22 ms is 20 ms, bucket [20, 25): rank 15 of 29.
    assert_eq!(figures["latency_p50"]["den"], json!(29), "{id}");
    assert_close(&figures["latency_p50"]["value"], 20.0 + 5.0 * 15.0 / 29.0, id);
}

/// A county's token sees its county; the city above it does not exist for it.
fn check_scope(client: &Client, stack: &Stack, cast: &Cast) {
    let token = stack.user_token("county_admin", &cast.division.to_string());
    let city = cast.division / 100 * 100;
    assert_eq!(client.get_as(&token, &format!("/v1/orgs/{}/overview?from={DAY}&to={DAY}", cast.division)).0, 200);
    assert_eq!(client.get_as(&token, &format!("/v1/orgs/{city}/overview?from={DAY}&to={DAY}")).0, 404);
}

#[test]
fn a_scripted_day_gives_hand_computed_figures_at_every_level() {
    let stack = Stack::up(29_400, 160, "2026-11-20T20:00");
    let client = Client::new(&stack);
    let cast = cast(&stack);
    play(&client, &cast);
    // Two heartbeats, one, one and one power event, each counted once however often it came.
    client.wait_for(&format!("SELECT sum(events) FROM device_day_final WHERE day = '{DAY}'"), 5);
    client.wait_for(&format!("SELECT sum(bursts) FROM network_day_final WHERE day = '{DAY}'"), 31);
    client.wait_for(&format!("SELECT sum(bursts) FROM school_network_day_final WHERE day = '{DAY}'"), 31);
    check_devices(&client, &cast);
    let city = cast.division / 100 * 100;
    let ids = [format!("s{}", cast.school_no), cast.division.to_string(), city.to_string(), "440000".to_owned()];
    for (id, n) in ids.iter().zip(cast.in_service) {
        check_org(&client, id, n);
    }
    check_scope(&client, &stack, &cast);
}
