//! The edge as a client sees it: real connections, in-memory sink.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod client;
mod durable;
mod lag;

use client::{NOW, TestEdge, event, post};
use serde_json::json;

#[test]
fn a_good_post_is_stored_and_answered() {
    let edge = TestEdge::start(|_| {});
    let answer = edge.send(&post(&[event(), event()]), &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["accepted"], 2);
    assert_eq!(answer.body["results"], json!([]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let records = edge.sink.records();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].device_no, records[0].belonging.school_no, records[0].events.len()), (7, 3, 2));
    edge.check_counts(&[("ok", 1)], 2, 0, 0);
}

#[test]
fn invalid_events_are_named_kept_aside_and_do_not_hold_up_the_rest() {
    let edge = TestEdge::start(|_| {});
    let answer = edge.send(&post(&[json!(5), event(), json!({"type": "tea"})]), &[]);
    assert_eq!((answer.status, answer.body["accepted"].as_u64()), (200, Some(1)));
    let codes: Vec<_> =
        answer.body["results"].as_array().unwrap().iter().map(|r| (r["i"].clone(), r["code"].clone())).collect();
    assert_eq!(codes, [(json!(0), json!("bad_type")), (json!(2), json!("unknown_type"))]);
    assert_eq!(edge.sink.rejected().len(), 2);
    let none = edge.send(&post(&[json!(5)]), &[]);
    assert_eq!((none.status, none.body["accepted"].as_u64()), (200, Some(0)));
    edge.check_counts(&[("ok", 2)], 1, 3, 0);
}

#[test]
fn without_kafka_every_valid_event_is_to_be_sent_again_and_the_rest_of_the_order_holds() {
    let edge = TestEdge::start(|_| {});
    edge.sink.set_away(true);
    let answer = edge.send(&post(&[event(), json!(5)]), &[]);
    assert_eq!((answer.status, answer.slug()), (503, "urn:classpulse:kafka-away"));
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(edge.send("{", &[]).slug(), "urn:classpulse:bad-json");
    assert_eq!(edge.send(&post(&[json!(5)]), &[]).status, 200, "nothing to store");
    edge.check_counts(&[("unavailable", 1), ("bad_request", 1), ("ok", 1)], 0, 2, 1);
}

/// Body, headers, status, slug.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u16, &'a str);

/// Each request has several faults; the one that comes first in the contract's table is answered.
#[test]
fn refusals_come_in_the_order_of_the_table() {
    let edge = TestEdge::start(|_| {});
    let large = "x".repeat((1 << 20) + 1);
    let late = post(&[event()]).replace(&NOW[..16], "2026-11-20T08:00");
    let gzip = ("Content-Encoding", "gzip");
    let cases: &[Case<'_>] = &[
        (&large, &[("Content-Type", "text/plain"), ("Authorization", "")], 415, "media-type"),
        (&large, &[("Content-Encoding", "br"), ("Authorization", "")], 415, "media-type"),
        (&large, &[("Authorization", "")], 401, "no-token"),
        (&large, &[("Authorization", "Bearer x")], 401, "bad-token"),
        (&large, &[("Authorization", &edge.stranger)], 503, "unknown-device"),
        (&large, &[], 413, "too-large"),
        (&post(&vec![json!(1); 501]).replace("0f8f", "x"), &[], 413, "too-many-events"),
        ("{}", &[gzip], 400, "bad-encoding"),
        ("{", &[], 400, "bad-json"),
        ("{", &[("Content-Type", "application/avro")], 400, "bad-avro"),
        (&post(&[]).replace("0f8f", "x"), &[], 400, "bad-envelope"),
        (&post(&[]), &[], 400, "no-events"),
        (&late, &[], 400, "clock-skew"),
    ];
    for (body, headers, status, slug) in cases {
        let answer = edge.send(body, headers);
        assert_eq!((answer.status, answer.slug()), (*status, format!("urn:classpulse:{slug}").as_str()));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.body["status"], *status);
        assert!(answer.body["server_time"].is_string());
    }
    edge.check_counts(&[("bad_request", 8), ("unauthorized", 2), ("unavailable", 1), ("too_large", 2)], 0, 0, 0);
}

#[test]
fn other_methods_and_paths_are_refused_and_only_this_path_is_counted() {
    let edge = TestEdge::start(|_| {});
    let answer = edge.request("GET", "/v1/events", "", &[]);
    assert_eq!((answer.status, answer.slug(), answer.header("allow")), (405, "urn:classpulse:method", Some("POST")));
    let answer = edge.request("POST", "/v1/event", "", &[]);
    assert_eq!((answer.status, answer.slug()), (404, "urn:classpulse:not-found"));
    edge.check_counts(&[("bad_request", 1)], 0, 0, 0);
}

#[test]
fn too_many_posts_are_limited_with_a_time_to_come_again() {
    let edge = TestEdge::start(|limits| (limits.device_per_second, limits.device_burst) = (0.1, 3));
    let answers: Vec<_> = (0..4).map(|_| edge.send(&post(&[event()]), &[])).collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 200, 429]);
    assert_eq!(answers[3].slug(), "urn:classpulse:rate-device");
    assert!(answers[3].header("retry-after").unwrap().parse::<u32>().unwrap() >= 9);
    let edge = TestEdge::start(|limits| (limits.school_per_second, limits.school_burst) = (0.1, 1));
    assert_eq!(edge.send(&post(&[event()]), &[]).status, 200);
    assert_eq!(edge.send(&post(&[event()]), &[]).slug(), "urn:classpulse:rate-school");
}

#[test]
fn memory_is_bounded_by_bytes_in_flight() {
    let edge = TestEdge::start(|limits| limits.in_flight_bytes = 100_000);
    let held = edge.begin(60_000);
    let answer = edge.send(&"x".repeat(50_000), &[("Content-Type", "text/plain")]);
    assert_eq!((answer.status, answer.slug()), (503, "urn:classpulse:overloaded"), "before any other fault");
    drop(held);
    edge.wait_for_counts(&[("bad_request", 1), ("unavailable", 1)]);
    assert_eq!(edge.send(&post(&[event()]), &[]).status, 200, "what was held came back");
}

#[test]
fn clients_that_go_away_are_counted_once() {
    let edge = TestEdge::start(|_| {});
    for _ in 0..5 {
        drop(edge.begin(1000));
    }
    edge.wait_for_counts(&[("bad_request", 5)]);
    edge.check_counts(&[("bad_request", 5)], 0, 0, 0);
}

#[test]
fn an_edge_without_a_fresh_view_is_not_ready() {
    let edge = TestEdge::unready();
    let answer = edge.send("x", &[("Content-Type", "text/plain")]);
    assert_eq!((answer.status, answer.slug()), (503, "urn:classpulse:not-ready"));
    assert_eq!(edge.request("GET", "/readyz", "", &[]).status, 503);
    assert_eq!(edge.request("GET", "/livez", "", &[]).status, 200);
}

#[test]
fn the_schemas_are_served_as_a_registry_does() {
    let edge = TestEdge::start(|_| {});
    let get = |path: &str| edge.request("GET", path, "", &[]);
    let latest = get("/subjects/telemetry.events.v1-value/versions/latest");
    assert_eq!((latest.status, latest.body["id"].as_u64()), (200, Some(7)));
    let first = get("/subjects/telemetry.events.v1-value/versions/1");
    assert_eq!((first.status, first.body["id"].as_u64()), (200, Some(1)), "what the edge writes");
    assert_eq!(latest.header("content-type"), Some("application/vnd.schemaregistry.v1+json"));
    let by_id = get("/schemas/ids/7");
    assert_eq!(by_id.body["schema"], latest.body["schema"]);
    let asked = json!({"schema": latest.body["schema"]}).to_string();
    let same = edge.request("POST", "/subjects/telemetry.events.v1-value", &asked, &[]);
    assert_eq!((same.status, same.body["version"].as_u64()), (200, Some(2)));
    let missing = get("/subjects/none/versions/1");
    assert_eq!((missing.status, missing.body["error_code"].as_u64()), (404, Some(40401)));
    assert_eq!(get("/config").body["compatibilityLevel"], "FULL_TRANSITIVE");
    let other = json!({"schema": "\"string\""}).to_string();
    let refused = edge.request("POST", "/subjects/telemetry.events.v1-value/versions", &other, &[]);
    assert_eq!((refused.status, refused.body["error_code"].as_u64()), (422, Some(42205)));
}
