//! Enrolments that share a transaction.

use crate::enrolment::{form, issue};
use crate::world::World;
use registry::logic::enrolment::EnrolForm;
use registry::store::Actor;
use tokio::task::JoinSet;
use uuid::Uuid;

fn wanted(code: &str, class: u32, machine: &str) -> registry::logic::enrolment::Enrolment {
    serde_json::from_value::<EnrolForm>(form(code, class, machine)).unwrap().check().unwrap()
}

/// Ninety at once: more than a transaction holds, every third of them at fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_stands_or_falls_alone() {
    let world = World::start().await;
    let places = world.places;
    let mut together = JoinSet::new();
    for number in 0..90_u32 {
        let code = issue(&world, places.school).await.body["code"].as_str().unwrap().to_owned();
        let class = if number % 3 == 0 { places.neighbour_class } else { places.class };
        let (store, wanted) = (world.store.clone(), wanted(&code, class, &format!("m{number}")));
        let actor = Actor::terminal(world.clock.now_ms());
        together.spawn(async move { (number, store.enrol(&actor, &wanted, Uuid::new_v4()).await) });
    }
    let mut numbers = Vec::new();
    for (number, answer) in together.join_all().await {
        assert_eq!(answer.is_err(), number % 3 == 0, "{number}: {answer:?}");
        numbers.extend(answer.ok().map(|enrolled| enrolled.view.device_no));
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 60, "a number for each");
    let path = format!("/v1/admin/schools/{}/enrol-codes?page_size=500&state=", places.school);
    for (state, count) in [("used", 60), ("issued", 30)] {
        let found = world.get(&format!("{path}{state}"), &world.school_admin()).await.expect(200);
        assert_eq!(found.body["rows"].as_array().unwrap().len(), count, "{state}");
    }
    world.store.verify_audit().await.unwrap();
}

/// Requests that are given up take nobody along, and are redeemed whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_is_given_up_takes_nobody_along() {
    let world = World::start().await;
    let places = world.places;
    let mut kept = JoinSet::new();
    let mut given_up = Vec::new();
    for number in 0..40_u32 {
        let code = issue(&world, places.school).await.body["code"].as_str().unwrap().to_owned();
        let (store, wanted) = (world.store.clone(), wanted(&code, places.class, &format!("m{number}")));
        let actor = Actor::terminal(world.clock.now_ms());
        let asked = async move { store.enrol(&actor, &wanted, Uuid::new_v4()).await };
        if number % 2 == 0 {
            kept.spawn(asked);
        } else {
            given_up.push(tokio::spawn(asked));
        }
    }
    given_up.iter().for_each(tokio::task::JoinHandle::abort);
    let answers = kept.join_all().await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    world.store.verify_audit().await.unwrap();
}
