//! How devices join.

use crate::world::{Answer, World, at};
use registry::config::EnrolmentConfig;
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};

pub struct Joined {
    pub device_no: u32,
    pub token: String,
    pub again: bool,
}

fn hex(text: &str, length: usize) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().chars().cycle().take(length).collect()
}

pub fn form(code: &str, class: u32, machine: &str) -> Value {
    json!({"code": code, "mac": hex(machine, 12), "hardware_id": hex(machine, 32), "kind": "all_in_one",
        "class_no": class, "note": "讲台"})
}

pub async fn issue(world: &World, school: u32) -> Answer {
    let token = world.token(Role::SchoolAdmin, &format!("s{school}"));
    world.post(&format!("/v1/admin/schools/{school}/enrol-codes"), &token, Value::Null).await.expect(201)
}

/// A machine joins with a new code.
pub async fn join(world: &World, school: u32, class: u32, machine: &str) -> Joined {
    let code = issue(world, school).await.body["code"].as_str().unwrap().to_owned();
    let answer = world.post("/v1/agent/enrol", "", form(&code, class, machine)).await.expect(201);
    Joined {
        device_no: u32::try_from(answer.body["device"]["device_no"].as_u64().unwrap()).unwrap(),
        token: answer.body["credential"]["token"].as_str().unwrap().to_owned(),
        again: answer.body["again"].as_bool().unwrap(),
    }
}

#[tokio::test]
async fn a_code_is_good_for_one_device_and_a_day() {
    let world = World::start().await;
    let places = world.places;
    let issued = issue(&world, places.school).await;
    let code = issued.body["code"].as_str().unwrap();
    assert!(code.len() == 20 && code.bytes().all(|b| b.is_ascii_hexdigit()), "{code}");
    assert_eq!(issued.body["expires_at"], "2026-11-21T09:00:00.000+08:00");
    let options = world.post("/v1/agent/enrol/options", "", json!({"code": code})).await.expect(200);
    assert_eq!(options.body["classes"].as_array().unwrap().len(), 2);
    let mut wrong = form(code, places.class, "a");
    (wrong["campus_no"], wrong["grade"]) = (json!(places.campus), json!(2));
    let refused = world.post("/v1/agent/enrol", "", wrong).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/grade", "the code stays good");
    let joined = world.post("/v1/agent/enrol", "", form(code, places.class, "a")).await.expect(201);
    assert_eq!(joined.body["device"]["class_name"], "一（1）班");
    assert_eq!((&joined.body["device"]["grade"], &joined.body["device"]["campus_name"]), (&json!(1), &json!("本部")));
    let again = world.post("/v1/agent/enrol", "", form(code, places.class, "b")).await.expect(409);
    assert_eq!(again.slug(), "code_used");
    let unknown = world.post("/v1/agent/enrol", "", form(&"0".repeat(20), places.class, "b")).await.expect(404);
    assert_eq!(unknown.slug(), "code_unknown");

    let token = world.school_admin();
    let list = format!("/v1/admin/schools/{}/enrol-codes", places.school);
    let used = world.get(&format!("{list}?state=used"), &token).await.expect(200).body["rows"][0].clone();
    assert_eq!((used["mac"].as_str(), used["creator"].as_str()), (Some("616161616161"), Some("SchoolAdmin")));
    assert_eq!(used["used_at"], "2026-11-20T09:00:00.000+08:00");
    let revoked = issue(&world, places.school).await;
    let path = format!("/v1/admin/enrol-codes/{}", revoked.no("code_no"));
    world.change(Method::POST, &path, &format!("{path}/revoke"), &token, Value::Null).await.expect(200);
    let refused = form(revoked.body["code"].as_str().unwrap(), places.class, "b");
    assert_eq!(world.post("/v1/agent/enrol", "", refused).await.expect(410).slug(), "code_revoked");
    let late = issue(&world, places.school).await;
    world.clock.set_ms(at("2026-11-21T09:00:00+08:00"));
    let refused = form(late.body["code"].as_str().unwrap(), places.class, "b");
    assert_eq!(world.post("/v1/agent/enrol", "", refused).await.expect(410).slug(), "code_expired");
    for (state, count) in [("issued", 0), ("expired", 1), ("used", 1), ("revoked", 1)] {
        let found = world.get(&format!("{list}?state={state}"), &token).await.expect(200);
        assert_eq!(found.body["rows"].as_array().unwrap().len(), count, "{state}");
    }
}

#[tokio::test]
async fn of_two_who_redeem_a_code_at_once_one_wins_each_time() {
    let world = World::start().await;
    let places = world.places;
    let actor = registry::store::Actor::terminal(world.clock.now_ms());
    for round in 0..1_000 {
        let code = format!("{round:020x}");
        world.store.issue_code(&actor, places.school, 0, &code).await.unwrap();
        let (one, two) = (format!("a{round}"), format!("b{round}"));
        let (a, b) = tokio::join!(
            world.post("/v1/agent/enrol", "", form(&code, 0, &one)),
            world.post("/v1/agent/enrol", "", form(&code, 0, &two)),
        );
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "round {round}: {} {}", a.body, b.body);
    }
    let token = world.school_admin();
    let list = format!("/v1/admin/schools/{}/enrol-codes?state=used&page_size=500", places.school);
    let first = world.get(&list, &token).await.expect(200);
    let cursor = first.body["next"].as_str().unwrap();
    let second = world.get(&format!("{list}&cursor={cursor}"), &token).await.expect(200);
    let devices = |answer: &Answer| {
        answer.body["rows"].as_array().unwrap().iter().map(|row| row["device_no"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let mut all = [devices(&first), devices(&second)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1_000, "a device for each code, a code for each device");
}

#[tokio::test]
async fn the_same_machine_keeps_its_number_and_loses_its_old_tokens() {
    let world = World::start().await;
    let places = world.places;
    let first = join(&world, places.school, places.class, "a").await;
    let again = join(&world, places.school, places.other_class, "a").await;
    assert_eq!((again.device_no, first.again, again.again), (first.device_no, false, true));
    world.get("/v1/agent/self", &first.token).await.expect(403);
    let own = world.get("/v1/agent/self", &again.token).await.expect(200);
    assert_eq!(own.no("class_no"), places.class, "today stays as it was");
    let shown = world.get(&format!("/v1/admin/devices/{}", again.device_no), &world.school_admin()).await.expect(200);
    assert_eq!(shown.body["places_to_come"][0]["value"]["class_no"].as_u64(), Some(u64::from(places.other_class)));
    assert_eq!(crate::schools::device(&world, again.device_no).await.token_gen, 1);
}

#[tokio::test]
async fn doubtful_identities_and_other_classes_are_flagged() {
    let world = World::start().await;
    let places = world.places;
    let first = join(&world, places.school, places.class, "a").await;
    let other = join(&world, places.neighbour, places.neighbour_class, "a").await;
    assert_ne!(other.device_no, first.device_no, "a code does not take a device of another school");
    let path = format!("/v1/admin/devices/{}", other.device_no);
    let flags = world.get(&path, &world.county()).await.expect(200).body["flags"].clone();
    assert_eq!(flags[0]["kind"], "duplicate_identity");
    world.get("/v1/agent/self", &first.token).await.expect(200);

    let teacher = world.token(Role::ClassTeacher, &format!("c{}", places.class));
    let list = format!("/v1/admin/classes/{}/enrol-codes", places.class);
    let code = world.post(&list, &teacher, Value::Null).await.expect(201);
    let wrong = form(code.body["code"].as_str().unwrap(), places.other_class, "c");
    let joined = world.post("/v1/agent/enrol", "", wrong).await.expect(201);
    let device_no = joined.body["device"]["device_no"].as_u64().unwrap();
    let shown = world.get(&format!("/v1/admin/devices/{device_no}"), &world.school_admin()).await.expect(200);
    assert_eq!(shown.body["flags"][0]["kind"], "code_used_for_other_class");
    let rows = async |path: &str| world.get(path, &world.county()).await.expect(200).body["rows"].clone();
    let flagged = rows("/v1/admin/areas/440106/flags?open=true").await;
    let of: Vec<_> = flagged.as_array().unwrap().iter().map(|row| row["device_no"].as_u64().unwrap()).collect();
    assert_eq!(of, [u64::from(other.device_no), device_no]);
    assert_eq!(rows("/v1/admin/areas/440106/flags?open=false").await, json!([]));
    assert_eq!(rows("/v1/admin/areas/440106/schools?flagged=true").await.as_array().unwrap().len(), 2);
    let here = format!("/v1/admin/schools/{}/devices", places.school);
    let mine = async |query: &str| {
        let rows = rows(&format!("{here}?{query}")).await;
        rows.as_array().unwrap().iter().map(|row| row["device_no"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let both = [u64::from(first.device_no), device_no];
    assert_eq!((mine("flagged=true").await, mine("flagged=false").await), (vec![device_no], vec![both[0]]));
    assert_eq!((mine("joined=true&kind=all_in_one").await, mine("joined=false").await), (both.to_vec(), vec![]));
    assert_eq!((mine("state=enrolled").await, mine("kind=other").await), (both.to_vec(), vec![]));
    world.get(&format!("{here}?state=broken"), &world.county()).await.expect(400);

    let flag = format!("/v1/admin/flags/{}", shown.body["flags"][0]["flag_no"]);
    let fine = json!({"state": "confirmed_ok"});
    world.change(Method::POST, &flag, &flag, &world.school_admin(), fine.clone()).await.expect(200);
    world.change(Method::POST, &flag, &flag, &world.school_admin(), fine).await.expect(409);
}

#[tokio::test]
async fn a_renewed_token_replaces_the_old_one_when_it_is_used() {
    let world = World::start().await;
    let places = world.places;
    let joined = join(&world, places.school, places.class, "a").await;
    let lost = world.post("/v1/agent/token", &joined.token, Value::Null).await.expect(201);
    let kept = world.post("/v1/agent/token", &joined.token, Value::Null).await.expect(201);
    world.get("/v1/agent/self", &joined.token).await.expect(200);
    let new = kept.body["token"].as_str().unwrap();
    world.get("/v1/agent/self", new).await.expect(200);
    for old in [&joined.token, lost.body["token"].as_str().unwrap()] {
        assert_eq!(world.get("/v1/agent/self", old).await.expect(403).slug(), "revoked");
    }
    assert_eq!(crate::schools::device(&world, joined.device_no).await.token_gen, 2, "the edges are told");
    world.get("/v1/agent/self", &world.school_admin()).await.expect(401);
    let device = format!("/v1/admin/devices/{}", joined.device_no);
    world.get(&device, new).await.expect(401);
    let pending = world.post("/v1/agent/token", new, Value::Null).await.expect(201);
    world.store.rotate(joined.device_no, world.clock.now_ms()).await.unwrap();
    world.get("/v1/agent/self", pending.body["token"].as_str().unwrap()).await.expect(403);
    world
        .change(Method::POST, &device, &format!("{device}/revoke"), &world.school_admin(), Value::Null)
        .await
        .expect(200);
    assert!(crate::schools::device(&world, joined.device_no).await.revoked);
    let back = join(&world, places.school, places.class, "a").await;
    assert_eq!(back.device_no, joined.device_no);
    world.get("/v1/agent/self", &back.token).await.expect(200);
}

#[tokio::test]
async fn an_address_that_storms_is_slowed_down() {
    let world = World::limited(EnrolmentConfig { per_minute: 1, burst: 3 }).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(world.post("/v1/agent/enrol", "", form("x", 0, "a")).await.status.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 429, 429]);
}
