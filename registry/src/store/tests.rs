#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::generator::{Generator, Province};
use crate::logic::model::Place;
use crate::logic::{divisions, holidays};
use schemas::avro::{decode_device_record, decode_org_record};
use schemas::org::OrgId;
use schemas::registry::DeviceState;
use schemas::time::{Day, parse_rfc3339_ms};
use std::collections::BTreeMap;

fn at(text: &str) -> i64 {
    parse_rfc3339_ms(text).unwrap()
}

fn today() -> Day {
    Day::parse("2026-11-20").unwrap()
}

const MORNING: &str = "2026-11-20T09:00:00+08:00";

/// A file in the directory, or the directory's schema of the server that tests are run on again.
pub async fn open(directory: &tempfile::TempDir) -> Store {
    match test_postgres::schema_for(directory.path()).unwrap() {
        Some(url) => Store::connect(&url, 45).await.unwrap(),
        None => Store::open(&directory.path().join("store.sqlite"), 45).await.unwrap(),
    }
}

#[test]
fn everything_again_on_postgresql() {
    test_postgres::run_again(&["store::", "publisher::"], 15).unwrap();
}

async fn seed(store: &Store, schools: u32, force: bool) -> Seeded {
    let divisions = divisions::parse(divisions::GUANGDONG_CSV).unwrap();
    let generator = Generator { schools, ..Generator::new(1, today()) };
    let calendar = holidays::parse(holidays::HOLIDAYS_TOML).unwrap();
    store.seed(&Province::new(generator, &divisions), &calendar, force, at(MORNING)).await.unwrap()
}

/// The values of the outbox as the compacted topics keep them.
async fn compacted(store: &Store) -> BTreeMap<(String, String), Vec<u8>> {
    let mut topics = BTreeMap::new();
    for value in store.waiting(1_000_000).await.unwrap() {
        match value.value {
            Some(bytes) => topics.insert((value.topic, value.record_key), bytes),
            None => topics.remove(&(value.topic, value.record_key)),
        };
    }
    topics
}

#[tokio::test]
async fn the_store_publishes_exactly_what_was_generated() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 40, false).await;
    let divisions = divisions::parse(divisions::GUANGDONG_CSV).unwrap();
    let calendar = holidays::parse(holidays::HOLIDAYS_TOML).unwrap();
    let province = Province::new(Generator { schools: 40, ..Generator::new(1, today()) }, &divisions);
    let topics = compacted(&store).await;
    let mut expected = 0;
    for mut org in province.area_records(&calendar).chain(province.school_records()) {
        let found = &topics[&("registry.orgs.v1".to_owned(), org.id.clone())];
        let found = decode_org_record(found).unwrap();
        (org.rev, org.updated_at_ms) = (found.rev, found.updated_at_ms);
        assert_eq!(found, org);
        expected += 1;
    }
    for mut device in province.device_records() {
        let found = &topics[&("registry.devices.v1".to_owned(), device.device_no.to_string())];
        let found = decode_device_record(found).unwrap();
        (device.rev, device.updated_at_ms) = (found.rev, found.updated_at_ms);
        assert_eq!(found, device);
        expected += 1;
    }
    assert_eq!(topics.len(), expected);
}

#[tokio::test]
async fn seeding_twice_does_nothing_and_force_removes_what_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    assert!(matches!(seed(&store, 12, false).await, Seeded::Now { .. }));
    let first = compacted(&store).await;
    assert_eq!(seed(&store, 3, false).await, Seeded::Before(SeedStamp { seed: 1, schools: 12 }));
    assert_eq!(compacted(&store).await, first);
    assert!(matches!(seed(&store, 3, true).await, Seeded::Now { .. }));
    let schools = compacted(&store).await.keys().filter(|(_, key)| key.starts_with('s')).count();
    assert_eq!(schools, 3);
}

#[tokio::test]
async fn a_move_is_in_force_from_the_next_midnight_and_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 10, false).await;
    let place = Place { school_no: 3, class_no: 0 };
    assert_eq!(store.move_device(1, place, at(MORNING)).await.unwrap(), today().plus(1));
    assert_eq!(store.move_device(2, place, at("2026-11-20T23:00:00+08:00")).await.unwrap(), today().plus(2));
    let last = store.waiting(1_000_000).await.unwrap().pop().unwrap();
    let told = decode_device_record(last.value.as_ref().unwrap()).unwrap();
    let entries: Vec<_> = told.belongings.iter().map(|entry| (entry.from_day, entry.school_no)).collect();
    assert_eq!((told.device_no, entries), (2, vec![(Day::FIRST, 1), (today().plus(2), 3)]));
}

#[tokio::test]
async fn moves_to_nowhere_are_refused_and_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 10, false).await;
    let before = store.count_waiting().await.unwrap();
    let absent = store.move_device(1, Place { school_no: 99, class_no: 0 }, at(MORNING)).await;
    assert!(matches!(absent, Err(StoreError::Absent { kind: "school", .. })));
    let other = store.move_device(1, Place { school_no: 3, class_no: 1 }, at(MORNING)).await;
    assert!(matches!(other, Err(StoreError::OtherSchool { class_no: 1, school_no: 3 })));
    let nobody = store.move_device(9_999, Place { school_no: 3, class_no: 0 }, at(MORNING)).await;
    assert!(matches!(nobody, Err(StoreError::Absent { kind: "device", .. })));
    assert_eq!(store.count_waiting().await.unwrap(), before);
}

#[tokio::test]
async fn a_suspension_is_told_at_once_and_ends_service_at_midnight() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 1, false).await;
    store.set_state(1, DeviceState::Suspended, at(MORNING)).await.unwrap();
    let (device, told) = store.device(1, at(MORNING)).await.unwrap();
    assert_eq!(device.state, DeviceState::Suspended);
    let serving: Vec<_> = told.belongings.iter().map(|entry| (entry.from_day, entry.in_service)).collect();
    assert_eq!(serving, [(Day::FIRST, true), (today().plus(1), false)]);
    store.set_state(1, DeviceState::InService, at(MORNING)).await.unwrap();
    let (_, told) = store.device(1, at(MORNING)).await.unwrap();
    assert_eq!(told.belongings.len(), 1, "the later entry of a day replaces the earlier");
    store.set_state(1, DeviceState::Retired, at(MORNING)).await.unwrap();
    assert!(matches!(store.set_state(1, DeviceState::InService, at(MORNING)).await, Err(StoreError::State(_))));
}

#[tokio::test]
async fn rotation_and_revocation_reach_the_value() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 1, false).await;
    store.revoke(1, at(MORNING)).await.unwrap();
    let (_, told) = store.device(1, at(MORNING)).await.unwrap();
    assert_eq!((told.token_gen, told.revoked), (0, true));
    store.rotate(1, at(MORNING)).await.unwrap();
    let (_, told) = store.device(1, at(MORNING)).await.unwrap();
    assert_eq!((told.token_gen, told.revoked), (1, false));
}

#[tokio::test]
async fn only_what_exists_may_be_granted() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 1, false).await;
    for org in [OrgId::Area(440_106), OrgId::School(1), OrgId::Class(1)] {
        store.require(org).await.unwrap();
    }
    for org in [OrgId::Area(441_999), OrgId::School(2), OrgId::Class(999)] {
        assert!(matches!(store.require(org).await, Err(StoreError::Absent { .. })), "{org}");
    }
}

#[tokio::test]
async fn two_processes_that_write_at_once_keep_revisions_apart() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (open(&directory).await, open(&directory).await);
    seed(&one, 2, false).await;
    let before = one.count_waiting().await.unwrap();
    for _ in 0..20 {
        let (a, b) = tokio::join!(one.rotate(1, at(MORNING)), two.rotate(2, at(MORNING)));
        a.and(b).unwrap();
    }
    let waiting = one.waiting(1_000_000).await.unwrap();
    assert_eq!(waiting.len() as i64, before + 40);
    assert!(waiting.iter().zip(1..).all(|(value, rev)| value.rev == rev), "no gaps, no doubles");
}

/// Has a revision appeared below one that was seen before? Looks until told to stop.
async fn overtaken(store: Store, stop: Arc<std::sync::atomic::AtomicBool>) -> bool {
    let mut last = 0;
    let mut seen = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        let waiting = store.waiting(1_000_000).await.unwrap();
        if waiting.len() < seen || waiting.iter().filter(|value| value.rev <= last).count() != seen {
            return true;
        }
        seen = waiting.len();
        last = waiting.last().map_or(0, |value| value.rev);
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revisions_appear_in_their_order_whoever_looks() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (open(&directory).await, open(&directory).await);
    seed(&one, 2, false).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let looking = tokio::spawn(overtaken(open(&directory).await, Arc::clone(&stop)));
    for _ in 0..50 {
        let (a, b) = tokio::join!(one.rotate(1, at(MORNING)), two.rotate(2, at(MORNING)));
        a.and(b).unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(!looking.await.unwrap());
}

/// How many of 40 pairs of campuses of one name are added, though a school has one of a name only.
async fn twins(one: &Store, two: &Store, word: &str) -> usize {
    let actor = Actor::terminal(at(MORNING));
    let mut twins = 0;
    for round in 0..40 {
        let form = crate::logic::forms::CampusForm { name: format!("{word}{round}") };
        let (a, b) = tokio::join!(one.add_campus(&actor, 1, &form), two.add_campus(&actor, 1, &form));
        assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
        twins += usize::from(a.is_ok() && b.is_ok());
    }
    twins
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_read_still_holds_when_something_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(&directory).await, open(&directory).await);
    seed(&one, 1, false).await;
    assert_eq!(Box::pin(twins(&one, &two, "校区")).await, 0);
    if one.dialect == Dialect::Postgres {
        // SQLite's begin is the lock; here it is a statement of its own, which can be left out.
        (one.lock, two.lock) = (None, None);
        assert!(Box::pin(twins(&one, &two, "无锁")).await > 0, "negative control");
    }
}

/// Schools whose count is not what counting gives.
async fn miscounted(store: &Store) -> i64 {
    let sql = "SELECT COUNT(*) FROM schools s WHERE s.device_count <> (SELECT COUNT(*) FROM belongings b JOIN devices d ON d.device_no = b.device_no WHERE b.school_no = s.school_no AND d.state <> 'retired' AND NOT EXISTS (SELECT 1 FROM belongings n WHERE n.device_no = b.device_no AND n.from_day > b.from_day))";
    let (count,): (i64,) = sqlx::query_as(sql).fetch_one(&store.pool).await.unwrap();
    count
}

#[tokio::test]
async fn schools_know_how_many_devices_they_have() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    seed(&store, 40, false).await;
    assert_eq!(miscounted(&store).await, 0, "seeded");
    let (actor, now) = (Actor::terminal(at(MORNING)), at(MORNING));
    store.move_device(1, Place { school_no: 3, class_no: 0 }, now).await.unwrap();
    store.move_device(1, Place { school_no: 4, class_no: 0 }, now).await.unwrap();
    store.set_state(2, DeviceState::Suspended, now).await.unwrap();
    store.set_state(3, DeviceState::Retired, now).await.unwrap();
    let expected = crate::logic::tag::Expected::Any;
    store.merge_school(&actor, 5, &expected, 6, today().plus(1)).await.unwrap();
    assert_eq!(miscounted(&store).await, 0, "after moves, a retirement and a merger");
    sqlx::query("UPDATE schools SET device_count = device_count + 1 WHERE school_no = 7")
        .execute(&store.pool)
        .await
        .unwrap();
    assert_eq!(miscounted(&store).await, 1, "negative control");
}
