#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use crate::logic::check::Window;
use crate::logic::decode::{DecodeError, Decoded, Format, decode};
use schemas::codes::{EventCode, Slug};
use schemas::event::Event;
use schemas::time::format_rfc3339_ms;

const NOW: i64 = 1_795_000_000_000;
const WINDOW: Window = Window { oldest_ms: NOW - 45 * 86_400_000, newest_ms: NOW + 120_000 };
const BOOT: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn read(text: &str) -> Result<Decoded<'_>, DecodeError> {
    decode(text.as_bytes(), Format::Json, WINDOW)
}

fn post(events: &str) -> String {
    let sent_at = format_rfc3339_ms(NOW);
    format!(r#"{{"boot_id":"{BOOT}","sent_at":"{sent_at}","clock_offset_ms":-5,"agent":"1.0.3","events":[{events}]}}"#)
}

fn at(ms: i64) -> String {
    format!("\"at\":\"{}\"", format_rfc3339_ms(ms))
}

/// An event of a type with `seq` and `at`.
fn event(kind: &str, fields: &str) -> String {
    format!(r#"{{"type":"{kind}","seq":7,{},{fields}}}"#, at(NOW - 1000))
}

#[track_caller]
fn check(event: &str, expected: Option<EventCode>) {
    let text = post(event);
    let decoded = read(&text).expect(event);
    assert_eq!(decoded.received, 1);
    assert_eq!(decoded.events.len() + decoded.rejections.len(), 1, "{event}");
    assert_eq!(decoded.rejections.first().map(|rejection| rejection.fault.code), expected, "{event}");
    if let Some(rejection) = decoded.rejections.first() {
        assert_eq!(rejection.raw, event.as_bytes());
    }
}

const HEARTBEAT: &str = r#""on":[[600000,0]],"active":[[5000,1000],[900,0]],"apps":[{"app":"wps","spans":[[10,5]]}]"#;
const BURST: &str =
    r#""anchor":"gz-1","method":"udp","link":"wifi","busy":false,"interval_ms":200,"rtt_us":[1,null,-3,0]"#;
const INVENTORY: &str = r#""cpu":{"model":"i5","cores":4,"threads":8,"base_mhz":2800},"memory_mb":8192,"disks":[{"gb":256,"media":"ssd","system":true,"free_mb":1}],"graphics":null,"nics":[{"mac":"00:11","mbps":1000,"link":"wired"}],"screen":{"inch":75,"width":3840,"height":2160,"touch":true},"ports":{"usb2":1,"usb3":2,"typec":1,"hdmi_out":1,"hdmi_in":0,"vga_out":1,"vga_in":0},"camera":null,"os":{"name":"Windows","version":"10","build":"19045","activated":true},"software":[{"category":"office","name":"WPS","version":"12","licensed":true}]"#;
const FAULT: &str =
    r#""class":"touch","state":"open","id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","detail":"屏幕无反应""#;

fn valid() -> Vec<String> {
    vec![
        event("heartbeat", HEARTBEAT),
        event("power", r#""kind":"resume""#),
        event("burst", BURST),
        event("bandwidth", r#""direction":"down","bytes":18446744073709551615,"duration_us":1,"streams":64"#),
        event("inventory", INVENTORY),
        event("fault", FAULT),
        event("resource", r#""kind":"download","app":"smart.edu-1_x","count":100000"#),
    ]
}

#[test]
fn every_type_is_read_to_the_value() {
    let text = post(&valid().join(","));
    let decoded = read(&text).unwrap();
    assert_eq!((decoded.received, decoded.events.len(), decoded.rejections.len()), (7, 7, 0));
    assert_eq!(decoded.envelope.clock_offset_ms, -5);
    assert_eq!(decoded.envelope.boot_id.to_string(), BOOT);
    // Serialized again, each is what was posted.
    let events = decoded.events;
    let again = [
        Event::Heartbeat(events.heartbeats[0].clone()),
        Event::Power(events.power[0].clone()),
        Event::Burst(events.bursts[0].clone()),
        Event::Bandwidth(events.bandwidth[0].clone()),
        Event::Inventory(Box::new(events.inventory[0].clone())),
        Event::Fault(events.faults[0].clone()),
        Event::Resource(events.resources[0].clone()),
    ];
    for (event, posted) in again.iter().zip(valid()) {
        let posted: serde_json::Value = serde_json::from_str(&posted).unwrap();
        assert_eq!(serde_json::to_value(event).unwrap(), posted);
    }
}

#[test]
fn each_missing_field_is_named() {
    for whole in valid() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&whole).unwrap();
        for name in object.keys() {
            let mut less = object.clone();
            less.remove(name);
            check(&serde_json::Value::Object(less).to_string(), Some(EventCode::MissingField));
        }
    }
}

#[test]
fn each_field_of_another_type_is_bad_type_and_null_only_where_it_is_allowed() {
    const NULLABLE: [&str; 6] = ["graphics", "nics", "screen", "ports", "camera", "software"];
    for whole in valid() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&whole).unwrap();
        for name in object.keys() {
            let with = |value: serde_json::Value| {
                let mut other = object.clone();
                other.insert(name.clone(), value);
                serde_json::Value::Object(other).to_string()
            };
            check(&with(1.5.into()), Some(EventCode::BadType));
            let allowed = NULLABLE.contains(&name.as_str());
            check(&with(serde_json::Value::Null), if allowed { None } else { Some(EventCode::BadType) });
        }
    }
}

#[test]
fn values_outside_their_range_are_named() {
    use EventCode::{BadTime, OutOfRange};
    let swap = |whole: String, from: &str, to: &str| {
        assert!(whole.contains(from), "{whole} has no {from}");
        whole.replacen(from, to, 1)
    };
    let burst = || event("burst", BURST);
    let inventory = || event("inventory", INVENTORY);
    let fault = || event("fault", FAULT);
    let resource = |fields: &str| event("resource", fields);
    let bandwidth = |fields: &str| event("bandwidth", fields);
    let cases = [
        (swap(burst(), r#""seq":7"#, r#""seq":-1"#), OutOfRange),
        (swap(burst(), r#""seq":7"#, r#""seq":4294967296"#), OutOfRange),
        (swap(burst(), "gz-1", "GZ"), OutOfRange),
        (swap(burst(), "gz-1", ""), OutOfRange),
        (swap(burst(), "gz-1", &"a".repeat(65)), OutOfRange),
        (swap(burst(), "udp", "icmp"), OutOfRange),
        (swap(burst(), "200", "9"), OutOfRange),
        (swap(burst(), "200", "5001"), OutOfRange),
        (swap(burst(), "-3", "2147483648"), OutOfRange),
        (swap(burst(), "[1,null,-3,0]", "[]"), OutOfRange),
        (swap(burst(), "[1,null,-3,0]", &format!("{:?}", [1; 65])), OutOfRange),
        (swap(burst(), &at(NOW - 1000), r#""at":"2026-11-20 09:00""#), BadTime),
        (swap(burst(), &at(NOW - 1000), r#""at":"""#), BadTime),
        (swap(inventory(), "i5", &"é".repeat(257)), OutOfRange),
        (swap(inventory(), "8192", "4294967296"), OutOfRange),
        (swap(inventory(), "ssd", "tape"), OutOfRange),
        (swap(fault(), "6ba7b810-9dad", "6ba7b8109dad"), OutOfRange),
        (swap(fault(), "屏幕无反应", &"屏".repeat(501)), OutOfRange),
        (resource(r#""kind":"open","app":"a","count":0"#), OutOfRange),
        (resource(r#""kind":"open","app":"a","count":100001"#), OutOfRange),
        (bandwidth(r#""direction":"up","bytes":18446744073709551616,"duration_us":1,"streams":1"#), OutOfRange),
        (bandwidth(r#""direction":"up","bytes":1,"duration_us":0,"streams":1"#), OutOfRange),
        (bandwidth(r#""direction":"up","bytes":1,"duration_us":1,"streams":65"#), OutOfRange),
    ];
    for (event, code) in cases {
        check(&event, Some(code));
    }
    check(&swap(inventory(), "i5", &"é".repeat(256)), None);
    check(&swap(fault(), "屏幕无反应", &"屏".repeat(500)), None);
    check(&swap(burst(), r#""seq":7"#, r#""seq":-0"#), None);
}

#[test]
fn any_malformed_span_is_bad_span() {
    let on = |spans: &str| event("heartbeat", &format!(r#""on":{spans},"active":[],"apps":[]"#));
    for span in [
        "[1,2]",
        "[5,5]",
        "[86400001,0]",
        "[5,-1]",
        "[1.0,0]",
        "[1e2,0]",
        "[5]",
        "[]",
        "[5,4,3]",
        "null",
        "7",
        r#""x""#,
        "{}",
        "[null,0]",
        "[[5,0],0]",
        "[99999999999999999999999,0]",
        "true",
    ] {
        check(&on(&format!("[[6,0],{span}]")), Some(EventCode::BadSpan));
    }
    check(&on("[[86400000,0],[1,0]]"), None);
    check(&on(&format!("[{}]", ["[9,1]"; 9].join(","))), Some(EventCode::OutOfRange));
    check(&on("null"), Some(EventCode::BadType));
}

#[test]
fn the_first_fault_in_the_order_of_the_codes_names_the_event() {
    let old = at(NOW - 46 * 86_400_000);
    let event = |fields: &str| format!(r#"{{"type":"heartbeat",{old},{fields}}}"#);
    check(&event(r#""seq":0,"on":[],"active":[],"apps":[]"#), Some(EventCode::TooOld));
    check(&event(r#""seq":0,"on":[[1,2]],"active":[],"apps":[]"#), Some(EventCode::BadSpan));
    check(&event(r#""seq":-1,"on":[[1,2]],"active":[],"apps":[]"#), Some(EventCode::OutOfRange));
    check(&event(r#""seq":-1,"on":[[1,2]],"active":{},"apps":[]"#), Some(EventCode::BadType));
    check(&event(r#""seq":-1,"on":[[1,2]],"active":{}"#), Some(EventCode::MissingField));
    check(r#"{"type":"tea","seq":-1}"#, Some(EventCode::UnknownType));
}

#[test]
fn time_is_bounded_on_both_sides() {
    let power = |ms| format!(r#"{{"type":"power","seq":0,{},"kind":"boot"}}"#, at(ms));
    check(&power(WINDOW.oldest_ms), None);
    check(&power(WINDOW.oldest_ms - 1), Some(EventCode::TooOld));
    check(&power(WINDOW.newest_ms), None);
    check(&power(WINDOW.newest_ms + 1), Some(EventCode::InFuture));
}

#[test]
fn events_may_be_anything_and_the_type_may_stand_anywhere() {
    for event in ["5", "null", r#""x""#, "[]", "true"] {
        check(event, Some(EventCode::BadType));
    }
    check("{}", Some(EventCode::MissingField));
    check(r#"{"type":5}"#, Some(EventCode::BadType));
    check(r#"{"type":null}"#, Some(EventCode::BadType));
    let last = format!(r#"{{"kind":"boot","seq":1, {} , "typ\u0065" : "power"}}"#, at(NOW));
    check(&last, None);
}

#[test]
fn unknown_fields_are_ignored_and_counted() {
    let whole = valid().join(",").replace(r#""seq":7"#, r#""seq":7,"new":{"a":[1,{"b":null}]}"#);
    let text = post(&whole).replacen('{', r#"{"more":1,"#, 1);
    let decoded = read(&text).unwrap();
    assert_eq!((decoded.events.len(), decoded.unknown_fields), (7, 8));
}

#[test]
fn envelopes_and_texts_are_refused_whole() {
    let good = post("{}");
    let swap = |from: &str, to: &str| good.replacen(from, to, 1);
    let cases = [
        (swap(BOOT, "x"), Slug::BadEnvelope),
        (swap(BOOT, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Slug::BadEnvelope),
        (swap(&format!("\"{BOOT}\""), "null"), Slug::BadEnvelope),
        (swap("\"boot_id\"", "\"boot\""), Slug::BadEnvelope),
        (swap("+08:00\"", "\""), Slug::BadEnvelope),
        (swap("-5", "1.0"), Slug::BadEnvelope),
        (swap("-5", "null"), Slug::BadEnvelope),
        (swap("-5", "9223372036854775808"), Slug::BadEnvelope),
        (swap("\"1.0.3\"", "103"), Slug::BadEnvelope),
        (swap("[{}]", "{}"), Slug::BadEnvelope),
        (swap("\"events\"", "\"event\""), Slug::BadEnvelope),
        ("[]".into(), Slug::BadEnvelope),
        ("null".into(), Slug::BadEnvelope),
        (swap("[{}]", "[]"), Slug::NoEvents),
        (post(&["{}"; 501].join(",")), Slug::TooManyEvents),
        (post(&["{}"; 501].join(",")).replace(BOOT, "x"), Slug::TooManyEvents),
        (good.clone() + "x", Slug::BadJson),
        (good.replace("{}", "{\"a\":1,\"a\":1}"), Slug::BadJson),
        (good.replace("\"agent\"", "\"boot_id\""), Slug::BadJson),
        (good.replace("-5", "NaN"), Slug::BadJson),
        (String::new(), Slug::BadJson),
    ];
    for (text, slug) in cases {
        assert_eq!(read(&text).map(drop).map_err(|error| error.slug()), Err(slug), "{text}");
    }
    let optional = swap(r#""clock_offset_ms":-5,"#, "");
    assert_eq!(read(&optional).unwrap().envelope.clock_offset_ms, 0);
    assert_eq!(read(&post(&["{}"; 500].join(","))).unwrap().received, 500);
    let bytes = [good.as_bytes(), &[0xff]].concat();
    assert_eq!(decode(&bytes, Format::Json, WINDOW).map_err(|error| error.slug()).err(), Some(Slug::BadJson));
}
