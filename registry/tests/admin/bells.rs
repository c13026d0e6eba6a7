//! When lessons are, from the console to the topic.

use crate::schools::org;
use crate::world::{CITY, World, at};
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};

/// A timetable with one lesson.
fn lesson(types: &[&str], from: &str, until: &str) -> Value {
    json!({"types": types, "lessons": [{"from": from, "until": until}]})
}

/// Days and lessons that the topic tells of a school.
async fn told(world: &World, no: u32) -> Vec<(String, Vec<(u32, u32)>)> {
    let value = org(world, &format!("s{no}")).await.unwrap();
    value.bells.into_iter().map(|entry| (entry.from_day.to_string(), entry.lessons)).collect()
}

#[tokio::test]
async fn an_areas_bells_reach_the_schools_below_at_midnight() {
    let world = World::start().await;
    let (city, token) = ("/v1/admin/areas/440100/bells", world.token(Role::CityAdmin, CITY));
    let form = json!({"timetables": [lesson(&["小学"], "08:30", "09:10"), lesson(&[], "08:00", "08:45")]});
    let set = world.change(Method::PUT, city, city, &token, form).await.expect(200);
    assert_eq!(set.body["entries"][0]["from"], "2026-11-21");
    let primary = vec![("2026-11-21".to_owned(), vec![(30_600, 33_000)])];
    for no in [world.places.school, world.places.neighbour, world.places.sibling] {
        assert_eq!(told(&world, no).await, primary);
    }
    // Another type counts from the next midnight on: what was told of days before stays.
    world.clock.set_ms(at("2026-11-22T09:00:00+08:00"));
    let school = format!("/v1/admin/schools/{}", world.places.school);
    let edit = json!({"school_type": "初中"});
    world.change(Method::PATCH, &school, &school, &world.county(), edit).await.expect(200);
    let both = [primary.clone(), vec![("2026-11-23".to_owned(), vec![(28_800, 31_500)])]].concat();
    assert_eq!(told(&world, world.places.school).await, both);
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn a_schools_own_bells_go_before_those_of_its_areas_until_it_gives_them_up() {
    let world = World::start().await;
    let county = "/v1/admin/areas/440106/bells";
    let form = json!({"timetables": [lesson(&[], "08:00", "08:45")]});
    world.change(Method::PUT, county, county, &world.county(), form).await.expect(200);
    let own = format!("/v1/admin/schools/{}/bells", world.places.school);
    let token = world.school_admin();
    let form = json!({"timetables": [lesson(&[], "09:00", "09:40")]});
    let set = world.change(Method::PUT, &own, &own, &token, form.clone()).await.expect(200);
    assert_eq!(set.body["in_force"][0]["lessons"][0], json!({"from": "09:00", "until": "09:40"}));
    world.send(Method::PUT, &own, &token, "\"old\"", Some(form)).await.expect(412);
    world.clock.set_ms(at("2026-11-22T23:30:00+08:00"));
    let none = json!({"timetables": []});
    let set = world.change(Method::PUT, &own, &own, &token, none).await.expect(200);
    assert_eq!(set.body["entries"][1]["from"], "2026-11-24", "entered after 23:00");
    let days = [("2026-11-21".to_owned(), vec![(32_400, 34_800)]), ("2026-11-24".to_owned(), vec![(28_800, 31_500)])];
    assert_eq!(told(&world, world.places.school).await, days);
    assert_eq!(told(&world, world.places.neighbour).await, [("2026-11-21".to_owned(), vec![(28_800, 31_500)])]);
    let bad = json!({"timetables": [lesson(&["小学"], "09:00", "09:40")]});
    let refused = world.change(Method::PUT, &own, &own, &token, bad).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/timetables/0/types");
    world.store.verify_audit().await.unwrap();
}
