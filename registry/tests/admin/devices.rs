//! Classes and devices in the school's console.

use crate::world::{World, at};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn until_midnight_the_console_shows_both_classes() {
    let world = World::start().await;
    let token = world.school_admin();
    let places = world.places;
    let device_no = crate::enrolment::join(&world, places.school, places.class, "a").await.device_no;
    let path = format!("/v1/admin/devices/{device_no}");
    let edit = json!({"class_no": places.other_class, "procured_on": "2023-09-01", "kind": "whiteboard"});
    let shown = world.change(Method::PATCH, &path, &path, &token, edit).await.expect(200);
    assert_eq!(shown.body["place"], json!({"school_no": places.school, "class_no": places.class}));
    let to_come = json!({"school_no": places.school, "class_no": places.other_class});
    assert_eq!(shown.body["places_to_come"], json!([{"from_day": "2026-11-21", "value": to_come}]));
    assert_eq!(
        (shown.body["procured_on"].as_str(), shown.body["kind"].as_str()),
        (Some("2023-09-01"), Some("whiteboard"))
    );
    world.clock.set_ms(at("2026-11-21T00:00:00+08:00"));
    let shown = world.get(&path, &token).await.expect(200);
    assert_eq!((&shown.body["place"], &shown.body["places_to_come"]), (&to_come, &json!([])));
    let late = at("2026-11-21T23:00:00+08:00");
    world.clock.set_ms(late);
    let back = json!({"class_no": places.class});
    let shown = world.change(Method::PATCH, &path, &path, &token, back).await.expect(200);
    assert_eq!(shown.body["places_to_come"][0]["from_day"], "2026-11-23");
}

#[tokio::test]
async fn a_device_goes_only_where_the_caller_may_edit() {
    let world = World::start().await;
    let places = world.places;
    let device_no = crate::enrolment::join(&world, places.school, places.class, "a").await.device_no;
    let path = format!("/v1/admin/devices/{device_no}");
    let away = json!({"school_no": places.neighbour, "class_no": places.neighbour_class});
    world.change(Method::PATCH, &path, &path, &world.school_admin(), away.clone()).await.expect(404);
    let foreign = json!({"class_no": places.neighbour_class});
    let refused = world.change(Method::PATCH, &path, &path, &world.school_admin(), foreign).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/class_no");
    world.change(Method::PATCH, &path, &path, &world.county(), away).await.expect(200);
    let state = json!({"state": "in_service"});
    let refused = world.change(Method::PATCH, &path, &path, &world.county(), state).await.expect(409);
    assert_eq!(refused.slug(), "state", "the midnight after the enrolment does that");
}

#[tokio::test]
async fn classes_and_campuses_go_when_nothing_was_there() {
    let world = World::start().await;
    let token = world.school_admin();
    let places = world.places;
    crate::enrolment::join(&world, places.school, places.class, "a").await;
    let used = format!("/v1/admin/classes/{}", places.class);
    let refused = world.change(Method::DELETE, &used, &used, &token, Value::Null).await.expect(409);
    assert_eq!(refused.slug(), "in-use");
    let free = format!("/v1/admin/classes/{}", places.other_class);
    world.change(Method::PATCH, &free, &free, &token, json!({"size": 45, "grade": 2})).await.expect(200);
    world.change(Method::DELETE, &free, &free, &token, Value::Null).await.expect(204);
    world.get(&free, &token).await.expect(404);
    let campus = format!("/v1/admin/campuses/{}", places.campus);
    world.change(Method::DELETE, &campus, &campus, &token, Value::Null).await.expect(409);
    let list = format!("/v1/admin/schools/{}/campuses", places.school);
    assert_eq!(world.post(&list, &token, json!({"name": "本部"})).await.expect(409).slug(), "taken");
    let made = world.post(&list, &token, json!({"name": "东校区"})).await.expect(201);
    let class = json!({"campus_no": made.no("campus_no"), "grade": 3, "name": "三（1）班", "size": 50});
    let list = format!("/v1/admin/schools/{}/classes", places.school);
    world.post(&list, &token, class.clone()).await.expect(201);
    let of_neighbour = format!("/v1/admin/schools/{}/classes", places.neighbour);
    let refused = world.post(&of_neighbour, &world.county(), class).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/campus_no");
}
