//! Which days are school days, from the console to the topic.

use crate::schools::org;
use crate::world::{CITY, PROVINCE, World, at};
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};

fn closure(from: &str, until: &str) -> Value {
    json!({"from": from, "until": until, "school_day": false, "name": "台风停课"})
}

#[tokio::test]
async fn a_closure_counts_from_midnight_and_is_in_the_topic() {
    let world = World::start().await;
    let path = format!("/v1/admin/schools/{}/calendar", world.places.school);
    let key = format!("s{}", world.places.school);
    let token = world.school_admin();
    let today = json!({"spans": [closure("2026-11-20", "2026-11-23")]});
    let refused = world.change(Method::PUT, &path, &path, &token, today).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/spans");
    assert!(org(&world, &key).await.unwrap().calendar.is_empty());
    let tomorrow = json!({"spans": [closure("2026-11-21", "2026-11-23")]});
    world.change(Method::PUT, &path, &path, &token, tomorrow).await.expect(200);
    let told = org(&world, &key).await.unwrap().calendar;
    assert_eq!(
        (told[0].from_day.to_string(), told[0].until_day.to_string()),
        ("2026-11-21".into(), "2026-11-24".into())
    );
    world.clock.set_ms(at("2026-11-22T09:00:00+08:00"));
    let gone = json!({"spans": []});
    world.change(Method::PUT, &path, &path, &token, gone).await.expect(422);
    let shorter = json!({"spans": [closure("2026-11-21", "2026-11-22")]});
    world.change(Method::PUT, &path, &path, &token, shorter).await.expect(200);
    let again = json!({"spans": [closure("2026-11-21", "2026-11-22")]});
    world.send(Method::PUT, &path, &token, "\"old\"", Some(again)).await.expect(412);
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn the_province_alone_makes_workdays_of_holidays() {
    let world = World::start().await;
    let city = "/v1/admin/areas/440100/calendar";
    let open = json!({"from": "2026-12-05", "until": "2026-12-05", "school_day": true, "name": "调休"});
    let token = world.token(Role::CityAdmin, CITY);
    let refused = world.change(Method::PUT, city, city, &token, json!({"spans": [open]})).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/spans/0/school_day");
    let (province, token) = ("/v1/admin/areas/440000/calendar", world.token(Role::ProvinceAdmin, PROVINCE));
    let mut spans = world.get(province, &token).await.expect(200).body["spans"].as_array().unwrap().clone();
    assert!(spans.len() > 10, "the national calendar is there");
    spans.push(open);
    world.change(Method::PUT, province, province, &token, json!({"spans": spans})).await.expect(200);
    let told = org(&world, PROVINCE).await.unwrap().calendar;
    assert!(told.iter().any(|span| span.school_day && span.from_day.to_string() == "2026-12-05"));
}
