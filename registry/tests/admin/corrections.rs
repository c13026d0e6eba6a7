//! Days that have begun, corrected by two people.

use crate::world::{Answer, CITY, COUNTY, World, at};
use reqwest::Method;
use schemas::avro::{decode_correction_record, decode_device_record};
use schemas::registry::{CorrectionRecord, DeviceRecord};
use schemas::token::Role;
use serde_json::{Value, json};

/// A device that was enrolled on 20 November; now it is the 25th.
async fn enrolled(world: &World) -> u32 {
    let device_no = crate::enrolment::join(world, world.places.school, world.places.class, "a").await.device_no;
    for day in 21..=25 {
        let midnight = at(&format!("2026-11-{day}T00:00:00+08:00"));
        world.store.begin_day(schemas::time::Day::of_ms(midnight), midnight).await.unwrap();
    }
    world.clock.set_ms(at("2026-11-25T09:00:00+08:00"));
    device_no
}

async fn decide(world: &World, no: u32, verb: &str, token: &str) -> Answer {
    let path = format!("/v1/admin/corrections/{no}");
    world.change(Method::POST, &path, &format!("{path}/{verb}"), token, Value::Null).await
}

/// What waits to be published under a topic, newest last.
async fn told(world: &World, topic: &str) -> Vec<Vec<u8>> {
    let waiting = world.store.waiting(100_000).await.unwrap();
    waiting.into_iter().filter(|value| value.topic == topic).filter_map(|value| value.value).collect()
}

async fn corrections(world: &World) -> Vec<CorrectionRecord> {
    let told = told(world, "registry.corrections.v1").await;
    told.iter().map(|value| decode_correction_record(value).unwrap()).collect()
}

async fn device(world: &World, no: u32) -> DeviceRecord {
    let told = told(world, "registry.devices.v1").await;
    told.iter().map(|value| decode_device_record(value).unwrap()).rfind(|record| record.device_no == no).unwrap()
}

fn moved(world: &World) -> Value {
    json!({"school_no": world.places.neighbour, "class_no": world.places.neighbour_class,
        "from": "2026-11-22", "until": "2026-11-24", "reason": "借到邻校"})
}

/// From and until day, school and in service.
fn days(record: &DeviceRecord) -> Vec<(String, u32, bool)> {
    record.belongings.iter().map(|entry| (entry.from_day.to_string(), entry.school_no, entry.in_service)).collect()
}

#[tokio::test]
async fn a_history_changes_when_a_second_person_approves() {
    let world = World::start().await;
    let device_no = enrolled(&world).await;
    let (path, county, city) =
        (format!("/v1/admin/devices/{device_no}/corrections"), world.county(), world.token(Role::CityAdmin, CITY));
    let proposed = world.post(&path, &county, moved(&world)).await.expect(201);
    assert_eq!((&proposed.body["state"], &proposed.body["until"]), (&json!("proposed"), &json!("2026-11-24")));
    let no = proposed.no("correction_no");
    assert!(corrections(&world).await.is_empty(), "a proposal changes nothing");
    let (own, other) = (world.places.school, world.places.neighbour);
    assert_eq!(decide(&world, no, "approve", &county).await.expect(409).slug(), "two-people");
    assert_eq!(decide(&world, no, "withdraw", &city).await.expect(409).slug(), "not-your-proposal");
    let approved = decide(&world, no, "approve", &city).await.expect(200);
    assert_eq!(approved.body["state"], "approved");
    let said = |from: &str, school_no: u32, in_service: bool| (from.to_owned(), school_no, in_service);
    let expected = [
        said("1970-01-01", own, false),
        said("2026-11-21", own, true),
        said("2026-11-22", other, true),
        said("2026-11-25", own, true),
    ];
    assert_eq!(days(&device(&world, device_no).await), expected);
    let record = corrections(&world).await.remove(0);
    assert_eq!((record.no, record.seq, record.kind.as_str()), (no, 1, "device"));
    let shift = record.shifts[0];
    assert_eq!((shift.from_day.to_string(), shift.until_day.to_string()), ("2026-11-22".into(), "2026-11-25".into()));
    assert_eq!((shift.old_school_no, shift.school_no, record.shifts.len()), (own, other, 1));
    assert_eq!(decide(&world, no, "approve", &city).await.expect(409).slug(), "correction-settled");
    let log = world.get(&format!("/v1/admin/schools/{own}/audit"), &county).await.expect(200);
    let found = |action: &str| log.body["rows"].as_array().unwrap().iter().any(|row| row["action"] == action);
    assert!(found("correction.propose") && found("correction.approve") && found("correction.history"), "{}", log.body);
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn both_places_have_to_be_the_callers() {
    let world = World::start().await;
    let device_no = enrolled(&world).await;
    let path = format!("/v1/admin/devices/{device_no}/corrections");
    world.post(&path, &world.school_admin(), moved(&world)).await.expect(404);
    let own = json!({"class_no": world.places.other_class, "from": "2026-11-22", "reason": "班级登记错误"});
    let no = world.post(&path, &world.school_admin(), own).await.expect(201).no("correction_no");
    let neighbour = world.token(Role::SchoolAdmin, &format!("s{}", world.places.neighbour));
    world.get(&format!("/v1/admin/corrections/{no}"), &neighbour).await.expect(404);
    decide(&world, no, "approve", &world.county()).await.expect(200);
    let classes: Vec<_> = device(&world, device_no).await.belongings.iter().map(|entry| entry.class_no).collect();
    assert_eq!(classes.last(), Some(&world.places.other_class), "without a last day it goes on");
}

#[tokio::test]
async fn days_and_values_are_checked() {
    let world = World::start().await;
    let device_no = enrolled(&world).await;
    let (path, token) = (format!("/v1/admin/devices/{device_no}/corrections"), world.county());
    let refused = async |body: Value| {
        world.post(&path, &token, body).await.expect(422).body["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    let class = world.places.other_class;
    assert_eq!(refused(json!({"class_no": class, "from": "2026-11-26", "reason": "x"})).await, "/from");
    assert_eq!(refused(json!({"class_no": class, "from": "2026-11-19", "reason": "x"})).await, "/from", "not enrolled");
    assert_eq!(refused(json!({"class_no": class, "from": "2026-11-22", "reason": ""})).await, "/reason");
    assert_eq!(refused(json!({"from": "2026-11-22", "reason": "x"})).await, "/state");
    assert_eq!(refused(json!({"state": "enrolled", "from": "2026-11-22", "reason": "x"})).await, "/state");
    let same = json!({"class_no": world.places.class, "from": "2026-11-22", "reason": "x"});
    assert_eq!(world.post(&path, &token, same).await.expect(409).slug(), "nothing-to-correct");
}

#[tokio::test]
async fn a_suspension_that_was_entered_late_counts_from_its_day() {
    let world = World::start().await;
    let device_no = enrolled(&world).await;
    let (path, city) =
        (format!("/v1/admin/schools/{}/corrections", world.places.school), world.token(Role::CityAdmin, CITY));
    let late = json!({"status": "suspended", "from": "2026-11-23", "reason": "周一起停办"});
    world.post(&path, &world.school_admin(), late.clone()).await.expect(403);
    let no = world.post(&path, &world.county(), late).await.expect(201).no("correction_no");
    decide(&world, no, "approve", &city).await.expect(200);
    let serving: Vec<_> = days(&device(&world, device_no).await).into_iter().map(|(from, _, is)| (from, is)).collect();
    assert_eq!(serving.last(), Some(&("2026-11-23".to_owned(), false)));
    let shown = world.get(&format!("/v1/admin/schools/{}", world.places.school), &city).await.expect(200);
    assert_eq!(shown.body["status"], "suspended");
    let record = corrections(&world).await.remove(0);
    assert_eq!(record.until_day.to_string(), "2026-11-26", "up to the day that is new to every edge");
    assert!(record.shifts.iter().all(|shift| shift.old_in_service && !shift.in_service));
}

#[tokio::test]
async fn a_closure_is_entered_after_the_fact_and_listed() {
    let world = World::start().await;
    enrolled(&world).await;
    let path = format!("/v1/admin/areas/{COUNTY}/corrections");
    let closure = json!({"closure": "台风停课", "from": "2026-11-23", "until": "2026-11-24", "reason": "通知迟到"});
    let no = world.post(&path, &world.county(), closure).await.expect(201).no("correction_no");
    decide(&world, no, "approve", &world.token(Role::CityAdmin, CITY)).await.expect(200);
    let county = crate::schools::org(&world, COUNTY).await.unwrap();
    let span = county.calendar.iter().find(|span| span.name == "台风停课").unwrap();
    assert_eq!((span.from_day.to_string(), span.until_day.to_string()), ("2026-11-23".into(), "2026-11-25".into()));
    let record = corrections(&world).await.remove(0);
    assert_eq!((record.kind.as_str(), record.object.as_str(), record.shifts.len()), ("closure", COUNTY, 0));
    let listed = world.get(&path, &world.county()).await.expect(200);
    assert_eq!(listed.body["rows"][0]["correction_no"], no);
    let gone = world.get(&format!("/v1/admin/schools/{}/corrections", world.places.school), &world.county()).await;
    assert_eq!(gone.expect(200).body["rows"], json!([]));
}

#[tokio::test]
async fn a_closure_that_was_wrong_is_taken_back() {
    let world = World::start().await;
    enrolled(&world).await;
    let (path, city) = (format!("/v1/admin/areas/{COUNTY}/corrections"), world.token(Role::CityAdmin, CITY));
    let wrong = json!({"closure": "台风停课", "from": "2026-11-23", "until": "2026-11-24", "reason": "通知迟到"});
    let no = world.post(&path, &world.county(), wrong).await.expect(201).no("correction_no");
    decide(&world, no, "approve", &city).await.expect(200);
    let both = json!({"closure": "停电", "reopened": true, "from": "2026-11-24", "reason": "x"});
    world.post(&path, &world.county(), both).await.expect(422);
    let back = json!({"reopened": true, "from": "2026-11-24", "reason": "照常上课"});
    let no = world.post(&path, &world.county(), back.clone()).await.expect(201).no("correction_no");
    decide(&world, no, "approve", &city).await.expect(200);
    let county = crate::schools::org(&world, COUNTY).await.unwrap();
    let left: Vec<_> = county.calendar.iter().filter(|span| span.name == "台风停课").collect();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].from_day.to_string(), left[0].until_day.to_string()),
        ("2026-11-23".into(), "2026-11-24".into())
    );
    assert_eq!(corrections(&world).await.last().unwrap().kind, "reopening");
    let again = world.post(&path, &world.county(), back).await.expect(422);
    assert_eq!(again.body["errors"][0]["pointer"], "/from", "nothing is closed any more");
}

/// A later approval holds, whatever the numbers of the proposals.
#[tokio::test]
async fn approvals_are_counted_in_their_order() {
    let world = World::start().await;
    let device_no = enrolled(&world).await;
    let (path, county, city) =
        (format!("/v1/admin/devices/{device_no}/corrections"), world.county(), world.token(Role::CityAdmin, CITY));
    let first = world.post(&path, &county, moved(&world)).await.expect(201).no("correction_no");
    let other =
        json!({"class_no": world.places.other_class, "from": "2026-11-22", "until": "2026-11-24", "reason": "x"});
    let second = world.post(&path, &county, other).await.expect(201).no("correction_no");
    decide(&world, second, "approve", &city).await.expect(200);
    decide(&world, first, "approve", &city).await.expect(200);
    let told: Vec<_> = corrections(&world).await.iter().map(|record| (record.no, record.seq)).collect();
    assert_eq!(told, [(second, 1), (first, 2)]);
    let withdrawn =
        world.post(&path, &county, json!({"state": "suspended", "from": "2026-11-24", "reason": "x"})).await;
    let no = withdrawn.expect(201).no("correction_no");
    assert_eq!(decide(&world, no, "withdraw", &county).await.expect(200).body["state"], "withdrawn");
}
