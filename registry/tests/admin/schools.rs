//! What may be done to schools, and when it counts.

use crate::world::{Answer, COUNTY, MORNING, PROVINCE, World, at};
use reqwest::Method;
use schemas::avro::{decode_device_record, decode_org_record};
use schemas::registry::{DeviceRecord, OrgRecord};
use schemas::time::Day;
use schemas::token::Role;
use serde_json::{Value, json};

const FORM: &str = r#"{"name":"虚构新小学","school_type":"小学","code":"A1","tags":["试点"]}"#;

fn form() -> Value {
    serde_json::from_str(FORM).unwrap()
}

/// The newest value of a key that waits to be published; none: removed, or never told.
async fn told(world: &World, key: &str) -> Option<Vec<u8>> {
    let waiting = world.store.waiting(1_000_000).await.unwrap();
    waiting.into_iter().rfind(|value| value.record_key == key).and_then(|value| value.value)
}

pub async fn org(world: &World, key: &str) -> Option<OrgRecord> {
    told(world, key).await.map(|bytes| decode_org_record(&bytes).unwrap())
}

pub async fn device(world: &World, no: u32) -> DeviceRecord {
    decode_device_record(&told(world, &no.to_string()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_new_school_is_changed_with_its_tag_and_deleted_while_new() {
    let world = World::start().await;
    let token = world.county();
    let made = world.post("/v1/admin/areas/440106/schools", &token, form()).await.expect(201);
    let no = made.no("school_no");
    let path = format!("/v1/admin/schools/{no}");
    assert_eq!(org(&world, &format!("s{no}")).await.unwrap().division, 440_106);
    let read = world.get(&path, &token).await.expect(200);
    assert_eq!((&read.tag, &read.body), (&made.tag, &made.body), "what was answered is what is there");

    let name = json!({"name": "虚构改名小学", "school_type": "初中"});
    let blind = world.send(Method::PATCH, &path, &token, "", Some(name.clone())).await;
    assert_eq!(blind.expect(428).slug(), "no-precondition");
    let edited = world.send(Method::PATCH, &path, &token, &made.tag, Some(name.clone())).await.expect(200);
    assert_eq!((edited.body["name"].as_str(), edited.body["code"].as_str()), (Some("虚构改名小学"), Some("A1")));
    let stale = world.send(Method::PATCH, &path, &token, &made.tag, Some(name)).await;
    assert_eq!(stale.expect(412).slug(), "stale");
    assert_eq!(org(&world, &format!("s{no}")).await.unwrap().name, "虚构改名小学");

    world.send(Method::DELETE, &path, &token, &edited.tag, None).await.expect(204);
    world.get(&path, &token).await.expect(404);
    assert_eq!(org(&world, &format!("s{no}")).await, None, "its key is removed");
    let next = world.post("/v1/admin/areas/440106/schools", &token, form()).await.expect(201);
    assert_eq!(next.no("school_no"), no + 1, "a number is not given again");
}

#[tokio::test]
async fn faults_are_pointed_at_and_codes_are_unique() {
    let world = World::start().await;
    let token = world.county();
    world.post("/v1/admin/areas/440106/schools", &token, form()).await.expect(201);
    let taken = world.post("/v1/admin/areas/440106/schools", &token, form()).await.expect(409);
    assert_eq!(taken.slug(), "taken");
    let bad = json!({"name": "", "school_type": "大学"});
    let refused = world.post("/v1/admin/areas/440106/schools", &token, bad).await.expect(422);
    let pointers: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/name", "/school_type"]);
    let shape = world.post("/v1/admin/areas/440106/schools", &token, json!({"name": 1})).await.expect(400);
    assert_eq!(shape.body["errors"][0]["pointer"], "/name");
}

#[tokio::test]
async fn a_school_in_use_is_not_deleted_but_purged_by_the_province_with_a_reason() {
    let world = World::start().await;
    let (token, province) = (world.county(), world.token(Role::ProvinceAdmin, PROVINCE));
    let no = world.places.school;
    let path = format!("/v1/admin/schools/{no}");
    let device_no = crate::enrolment::join(&world, no, world.places.class, "a").await.device_no;
    let refused = world.change(Method::DELETE, &path, &path, &token, Value::Null).await.expect(409);
    assert_eq!(refused.slug(), "school-not-new");
    let purge = format!("{path}/purge");
    let reason = json!({"reason": "重复登记"});
    let left = world.change(Method::POST, &path, &purge, &province, reason.clone()).await.expect(409);
    assert_eq!(left.slug(), "devices-left");
    let device = format!("/v1/admin/devices/{device_no}");
    world.change(Method::PATCH, &device, &device, &token, json!({"state": "retired"})).await.expect(200);
    world.change(Method::POST, &path, &purge, &province, json!({"reason": ""})).await.expect(422);
    world.change(Method::POST, &path, &purge, &province, reason).await.expect(204);
    world.get(&path, &province).await.expect(404);
    assert_eq!(org(&world, &format!("s{no}")).await, None);
    let shown = world.get(&device, &province).await.expect(200);
    assert_eq!(shown.no("device_no"), device_no, "the device's past stays, with the province");
    world.store.republish(world.clock.now_ms()).await.unwrap();
    assert_eq!(org(&world, &format!("s{no}")).await, None, "what is gone is not told again");
}

#[tokio::test]
async fn a_transfer_leaves_today_alone_and_tomorrow_is_the_new_areas() {
    let world = World::start().await;
    let city = world.token(Role::CityAdmin, "440100");
    let no = world.places.school;
    let path = format!("/v1/admin/schools/{no}");
    let device_no = crate::enrolment::join(&world, no, world.places.class, "a").await.device_no;
    let body = json!({"division": 440_105});
    let escape = world.change(Method::POST, &path, &format!("{path}/transfer"), &world.county(), body.clone()).await;
    assert_eq!(escape.expect(404).slug(), "not-found", "the other county is not the caller's");
    let moved = world.change(Method::POST, &path, &format!("{path}/transfer"), &city, body).await.expect(200);
    assert_eq!(moved.no("division"), 440_106);
    assert_eq!(moved.body["divisions_to_come"], json!([{"from_day": "2026-11-21", "value": 440_105}]));
    let tomorrow = Day::parse("2026-11-21").unwrap();
    let places: Vec<_> = device(&world, device_no).await.belongings;
    assert_eq!(
        places.iter().map(|place| (place.from_day, place.division)).collect::<Vec<_>>(),
        [(Day::FIRST, 440_106), (tomorrow, 440_105)]
    );
    assert_eq!(org(&world, &format!("s{no}")).await.unwrap().division, 440_106);
    world.clock.set_ms(at("2026-11-21T00:00:00+08:00"));
    world.store.begin_day(tomorrow, world.clock.now_ms()).await.unwrap();
    for key in [format!("s{no}"), format!("c{}", world.places.class)] {
        assert_eq!(org(&world, &key).await.unwrap().division, 440_105, "{key}");
    }
    world.get(&path, &world.county()).await.expect(404);
}

#[tokio::test]
async fn a_school_may_come_right_under_the_province() {
    let world = World::start().await;
    let province = world.token(Role::ProvinceAdmin, PROVINCE);
    let path = format!("/v1/admin/schools/{}", world.places.school);
    let body = json!({"division": 440_000, "from_day": "2026-12-01"});
    world.change(Method::POST, &path, &format!("{path}/transfer"), &province, body).await.expect(200);
    world.clock.set_ms(at("2026-12-01T08:00:00+08:00"));
    let direct = world.get("/v1/admin/areas/440000/schools?direct=true", &province).await.expect(200);
    let numbers: Vec<_> = direct.body["rows"].as_array().unwrap().iter().map(|row| row["school_no"].as_u64()).collect();
    assert!(numbers.contains(&Some(u64::from(world.places.school))), "{numbers:?}");
}

#[tokio::test]
async fn a_status_counts_from_midnight_and_an_end_is_for_good() {
    let world = World::start().await;
    let token = world.county();
    let no = world.places.school;
    let (path, status) = (format!("/v1/admin/schools/{no}"), format!("/v1/admin/schools/{no}/status"));
    let device_no = crate::enrolment::join(&world, no, world.places.class, "a").await.device_no;
    let past = json!({"status": "suspended", "from_day": "2026-11-20"});
    let refused = world.change(Method::POST, &path, &status, &token, past).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/from_day");
    let soon = json!({"status": "suspended", "from_day": "2026-11-25"});
    let shown = world.change(Method::POST, &path, &status, &token, soon).await.expect(200);
    assert_eq!(shown.body["status"], "normal");
    let serving: Vec<_> = device(&world, device_no).await.belongings;
    let serving: Vec<_> = serving.iter().map(|place| (place.from_day.to_string(), place.in_service)).collect();
    let day = |text: &str| text.to_owned();
    assert_eq!(serving[1..], [(day("2026-11-21"), true), (day("2026-11-25"), false)]);
    let end = json!({"status": "dissolved", "from_day": "2026-12-01"});
    world.change(Method::POST, &path, &status, &token, end).await.expect(200);
    let again = json!({"status": "normal", "from_day": "2026-12-02"});
    let closed = world.change(Method::POST, &path, &status, &token, again).await.expect(409);
    assert_eq!(closed.slug(), "school-closed");
}

#[tokio::test]
async fn nothing_joins_a_school_that_is_closed() {
    let world = World::start().await;
    let (token, no) = (world.county(), world.places.school);
    let (path, status) = (format!("/v1/admin/schools/{no}"), format!("/v1/admin/schools/{no}/status"));
    let code = |answer: &Answer| answer.body["code"].as_str().unwrap().to_owned();
    let waiting = code(&crate::enrolment::issue(&world, no).await);
    let end = json!({"status": "dissolved", "from_day": "2026-11-21"});
    world.change(Method::POST, &path, &status, &token, end).await.expect(200);
    let revoked = world.post("/v1/agent/enrol", "", crate::enrolment::form(&waiting, world.places.class, "a")).await;
    assert_eq!(revoked.expect(410).slug(), "code_revoked");
    let today = code(&crate::enrolment::issue(&world, no).await);
    world.clock.set_ms(at("2026-11-21T08:00:00+08:00"));
    let late = world.post("/v1/agent/enrol", "", crate::enrolment::form(&today, world.places.class, "a")).await;
    assert_eq!(late.expect(409).slug(), "school-closed");
    let codes = format!("/v1/admin/schools/{no}/enrol-codes");
    let refused = world.post(&codes, &world.school_admin(), Value::Null).await;
    assert_eq!(refused.expect(409).slug(), "school-closed");
}

#[tokio::test]
async fn a_merger_takes_the_devices_along() {
    let world = World::start().await;
    let token = world.county();
    let (no, into) = (world.places.school, world.places.neighbour);
    let device_no = crate::enrolment::join(&world, no, world.places.class, "a").await.device_no;
    let (path, merge) = (format!("/v1/admin/schools/{no}"), format!("/v1/admin/schools/{no}/merge"));
    world.change(Method::POST, &path, &merge, &token, json!({"into": no})).await.expect(422);
    let outside = json!({"into": world.places.sibling});
    world.change(Method::POST, &path, &merge, &token, outside).await.expect(404);
    world.change(Method::POST, &path, &merge, &token, json!({"into": into})).await.expect(200);
    let (status, back) = (format!("{path}/status"), json!({"status": "normal", "from_day": "2026-11-21"}));
    let gone = world.change(Method::POST, &path, &status, &token, back).await.expect(409);
    assert_eq!(gone.slug(), "school-closed", "its devices have left");
    let last = *device(&world, device_no).await.belongings.last().unwrap();
    assert_eq!((last.from_day.to_string().as_str(), last.school_no, last.class_no), ("2026-11-21", into, 0));
    assert!(last.in_service);
    world.clock.set_ms(at("2026-11-21T08:00:00+08:00"));
    let here = world.get(&format!("/v1/admin/schools/{into}/devices"), &token).await.expect(200);
    assert_eq!(here.body["rows"][0]["device_no"].as_u64(), Some(u64::from(device_no)));
    assert_eq!(world.get(&path, &token).await.body["status"], "merged");
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let world = World::start().await;
    let token = world.county();
    for i in 0..5 {
        let kind = if i % 2 == 0 { "初中" } else { "小学" };
        let form = json!({"name": format!("虚构学校{i}"), "school_type": kind, "tags": ["甲"]});
        world.post("/v1/admin/areas/440106/schools", &token, form).await.expect(201);
    }
    let names = async |query: &str| {
        let answer = world.get(&format!("/v1/admin/areas/440106/schools?{query}"), &token).await.expect(200);
        let rows = answer.body["rows"].as_array().unwrap().clone();
        let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        (names, answer.body["next"].as_str().map(str::to_owned))
    };
    assert_eq!(names("school_type=初中").await.0, ["虚构学校0", "虚构学校2", "虚构学校4"]);
    assert_eq!(names("tag=甲&name=学校3").await.0, ["虚构学校3"]);
    assert_eq!(names("tag=乙").await.0.len(), 0);
    assert_eq!(names("name=%25").await.0.len(), 0, "a sign of LIKE is a sign");
    assert_eq!(names("status=suspended").await.0.len(), 0);
    assert_eq!(names("initialised=false").await.0.len(), 7);
    assert_eq!(names("has_devices=true").await.0.len(), 0);
    assert_eq!(names("weak=true").await.0.len(), 0);
    assert_eq!(names("updated_since=2026-11-20&updated_until=2026-11-20").await.0.len(), 7);
    assert_eq!(names("updated_until=2026-11-19").await.0.len(), 0);
    let pilots = [names("pilot=true").await.0.len(), names("pilot=false").await.0.len()];
    assert_eq!(pilots[0] + pilots[1], 7, "{pilots:?}");
    let group = json!({"name": "第一片区", "members": [440106]});
    let city = world.token(Role::CityAdmin, "440100");
    let group = world.post("/v1/admin/areas/440100/groups", &city, group).await.expect(201).no("group_no");
    assert_eq!(names(&format!("group={group}")).await.0.len(), 7);
    assert_eq!(names(&format!("group={}", group + 1)).await.0.len(), 0);
    let (mut all, mut next) = names("page_size=3").await;
    while let Some(cursor) = next {
        let (more, after) = names(&format!("page_size=3&cursor={cursor}")).await;
        (all, next) = ([all, more].concat(), after);
    }
    assert_eq!(all.len(), 7);
    world.get("/v1/admin/areas/440106/schools?status=open", &token).await.expect(400);
    world.get("/v1/admin/areas/440106/schools?page_size=0", &token).await.expect(400);
    world.get("/v1/admin/areas/440106/schools?colour=red", &token).await.expect(400);
    assert_eq!(world.clock.now_ms(), at(MORNING));
    assert_eq!(COUNTY, "440106");
}

#[tokio::test]
async fn the_province_alone_draws_areas() {
    let world = World::start().await;
    let province = world.token(Role::ProvinceAdmin, PROVINCE);
    let form = json!({"code": 440_199, "name": "虚构新区"});
    world.post("/v1/admin/areas/440100/areas", &province, form.clone()).await.expect(201);
    assert_eq!(world.post("/v1/admin/areas/440100/areas", &province, form).await.expect(409).slug(), "taken");
    assert_eq!(org(&world, "440199").await.unwrap().parent, "440100");
    let path = "/v1/admin/areas/440199";
    world.post(&format!("{path}/schools"), &province, json!({"name": "虚构", "school_type": "小学"})).await.expect(201);
    let end = json!({"valid_until": "2027-01-01"});
    let refused = world.change(Method::PATCH, path, path, &province, end.clone()).await.expect(409);
    assert_eq!(refused.slug(), "in-use");
    let renamed = json!({"name": "虚构高新区", "pilot": true});
    world.change(Method::PATCH, path, path, &province, renamed).await.expect(200);
    assert!(org(&world, "440199").await.unwrap().pilot);
    let group = json!({"name": "东部", "members": [440_106, 440_199]});
    let made = world.post("/v1/admin/areas/440100/groups", &province, group.clone()).await.expect(201);
    world.post("/v1/admin/areas/440100/groups", &province, group).await.expect(409);
    let path = format!("/v1/admin/groups/{}", made.no("group_no"));
    let fewer = json!({"name": "东部", "members": [440_106]});
    world.send(Method::PUT, &path, &province, &made.tag, Some(fewer)).await.expect(200);
    let gone = world.change(Method::DELETE, &path, &path, &province, Value::Null).await;
    gone.expect(204);
}

#[tokio::test]
async fn what_no_database_keeps_is_no_fault_of_the_service() {
    let world = World::start().await;
    let schools = format!("/v1/admin/areas/{COUNTY}/schools");
    for query in ["name=%00", "name=a%00b"] {
        world.get(&format!("{schools}?{query}"), &world.county()).await.expect(422);
    }
    let login = json!({"login": "a\u{0}b", "password": "虚构的密码"});
    let answer = world.post("/v1/admin/session", "", login).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let found = world.get(&format!("{schools}?name=%25"), &world.county()).await.expect(200);
    assert_eq!(found.body["rows"], json!([]), "a percent sign is one");
}

#[tokio::test]
async fn names_and_codes_are_found_in_small_letters_as_well() {
    let world = World::start().await;
    let path = format!("/v1/admin/schools/{}", world.places.school);
    let form = json!({"name": "虚构ABC小学", "code": "G7X", "tags": ["Test"]});
    world.change(Method::PATCH, &path, &path, &world.county(), form).await.expect(200);
    for query in ["name=abc", "name=Abc", "name=g7", "tag=test"] {
        let list = format!("/v1/admin/areas/{COUNTY}/schools?{query}");
        let found = world.get(&list, &world.county()).await.expect(200);
        assert_eq!(found.body["rows"].as_array().unwrap().len(), 1, "{query}");
    }
}
