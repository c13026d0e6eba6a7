//! Devices as files.

use crate::enrolment::{form, issue};
use crate::world::{Answer, CITY, MORNING, SIBLING, World, at};
use registry::cli::ImportArgs;
use registry::logic::import::Kind;
use registry::store::{Store, Waiting};
use registry::transfer;
use runtime::clock::Clock;
use schemas::avro::decode_device_record;
use schemas::token::Role;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HEADER: &str = "code,school,kind,class,note,mac";

async fn import(world: &World, area: &str, mode: &str, file: &str) -> Answer {
    let url = format!("{}/v1/admin/areas/{area}/devices/import?mode={mode}", world.base);
    let request = world.client.post(url).bearer_auth(world.token(Role::CityAdmin, CITY)).body(file.to_owned());
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
    Answer { status, tag: String::new(), kind: String::new(), body }
}

fn counts(answer: &Answer) -> [u64; 4] {
    ["added", "changed", "unchanged", "refused"].map(|name| answer.body[name].as_u64().unwrap())
}

/// What waits to be published of devices.
async fn waiting(store: &Store) -> Vec<Waiting> {
    let all = store.waiting(1_000_000).await.unwrap();
    all.into_iter().filter(|value| value.topic == "registry.devices.v1").collect()
}

#[tokio::test]
async fn a_file_is_taken_once_however_often_it_is_sent() {
    let world = World::start().await;
    let school = world.places.school;
    let file = format!("{HEADER}\nD1,s{school},whiteboard,一（1）班,讲台,\nD2,s{school},other,,,502b73d06cca\n");
    let dry = import(&world, CITY, "dry_run", &file).await.expect(200);
    assert_eq!((counts(&dry), &dry.body["lines"][0]["device_no"]), ([2, 0, 0, 0], &Value::Null));
    let before = waiting(&world.store).await.len();
    let first = import(&world, CITY, "all_or_nothing", &file).await.expect(200);
    assert_eq!((counts(&first), &first.body["done"]), ([2, 0, 0, 0], &Value::Bool(true)));
    assert_eq!(waiting(&world.store).await.len(), before + 2, "both are told of");
    assert_eq!(counts(&import(&world, CITY, "best_effort", &file).await.expect(200)), [0, 0, 2, 0]);
    assert_eq!(waiting(&world.store).await.len(), before + 2, "nothing new is told");
    let no = first.body["lines"][0]["device_no"].as_u64().unwrap();
    let shown = world.get(&format!("/v1/admin/devices/{no}"), &world.school_admin()).await.expect(200).body;
    assert_eq!((shown["code"].as_str(), shown["state"].as_str()), (Some("D1"), Some("enrolled")));
    assert_eq!(shown["place"]["class_no"], world.places.class);
    let moved = file.replace("一（1）班", "一（2）班");
    assert_eq!(counts(&import(&world, CITY, "best_effort", &moved).await.expect(200)), [0, 1, 1, 0]);
    let shown = world.get(&format!("/v1/admin/devices/{no}"), &world.school_admin()).await.expect(200).body;
    assert_eq!(shown["place"]["class_no"], world.places.class, "today stays");
    assert_eq!(shown["places_to_come"][0]["value"]["class_no"], world.places.other_class);
    let log = world.get(&format!("/v1/admin/schools/{school}/audit?action=devices."), &world.school_admin()).await;
    assert_eq!(log.expect(200).body["rows"][0]["after"]["devices"][1]["code"], "D2");
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn each_line_tells_its_fault_and_all_or_nothing_means_it() {
    let world = World::start().await;
    let (school, sibling) = (world.places.school, world.places.sibling);
    let file = format!(
        "{HEADER}\nD1,s{school},other,,,\nD1,s{school},whiteboard,,,\nD3,s{school},other,九班,,\nD4,s1,tv,,,\n"
    );
    let whole = import(&world, CITY, "all_or_nothing", &file).await.expect(200);
    assert_eq!((counts(&whole), &whole.body["done"]), ([1, 1, 0, 2], &Value::Bool(false)));
    assert_eq!(whole.body["lines"][2]["errors"][0]["pointer"], "/class");
    assert_eq!(whole.body["lines"][3]["errors"][0]["pointer"], "/kind");
    assert_eq!(counts(&import(&world, CITY, "best_effort", &file).await.expect(200)), [1, 1, 0, 2], "none was taken");
    let outside = format!("{HEADER}\nD9,s{school},other,,,\nD1,s{sibling},other,,,\nD8,s{sibling},other,,,\n");
    let refused = import(&world, SIBLING, "best_effort", &outside).await.expect(200);
    let pointers: Vec<_> =
        refused.body["lines"].as_array().unwrap().iter().map(|line| line["errors"][0]["pointer"].clone()).collect();
    assert_eq!(pointers, [Value::from("/school"), Value::from("/code"), Value::Null], "a sibling's school and device");
    import(&world, CITY, "dry_run", "code,password\n").await.expect(422);
}

#[tokio::test]
async fn an_imported_machine_joins_with_its_address_and_keeps_its_number() {
    let world = World::start().await;
    let places = world.places;
    let file = format!("{HEADER}\nD1,s{},other,,,61:61:61:61:61:61\n", places.school);
    let imported = import(&world, CITY, "best_effort", &file).await.expect(200).body["lines"][0]["device_no"].clone();
    let code = issue(&world, places.school).await.body["code"].as_str().unwrap().to_owned();
    let joined = world.post("/v1/agent/enrol", "", form(&code, places.class, "a")).await.expect(201);
    assert_eq!((&joined.body["device"]["device_no"], &joined.body["again"]), (&imported, &Value::Bool(true)));
    let code = issue(&world, places.school).await.body["code"].as_str().unwrap().to_owned();
    let other = world.post("/v1/agent/enrol", "", form(&code, places.class, "b")).await.expect(201);
    assert_ne!(other.body["device"]["device_no"], imported, "another machine is another device");
}

#[tokio::test]
async fn an_export_can_be_sent_back_and_changes_nothing() {
    let world = World::start().await;
    let file = format!("{HEADER}\nD1,s{},whiteboard,一（1）班,=1,502b73d06cca\n", world.places.school);
    import(&world, CITY, "best_effort", &file).await.expect(200);
    for format in ["csv", "xlsx"] {
        let url = format!("{}/v1/admin/areas/440106/devices/export?format={format}", world.base);
        let answer = world.client.get(url).bearer_auth(world.county()).send().await.unwrap();
        assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(format));
        let exported = answer.bytes().await.unwrap();
        let url = format!("{}/v1/admin/areas/440106/devices/import?mode=best_effort", world.base);
        let back = world.client.post(url).bearer_auth(world.county()).body(exported).send().await.unwrap();
        let body: Value = back.json().await.unwrap();
        assert_eq!((&body["refused"], &body["changed"], &body["added"]), (&0.into(), &0.into(), &0.into()), "{body}");
        assert!(body["unchanged"].as_u64().unwrap() >= 1);
    }
    let log = world.get("/v1/admin/areas/440106/audit?action=devices.export", &world.county()).await.expect(200);
    assert_eq!(log.body["rows"].as_array().unwrap().len(), 2);
}

/// Devices of the file of [`killed_import`].
const MANY: usize = 40_000;

fn many(directory: &Path, school: u32) -> PathBuf {
    let mut text = "code,school,kind\n".to_owned();
    for no in 0..MANY {
        writeln!(text, "K{no},s{school},all_in_one").unwrap();
    }
    let file = directory.join("devices.csv");
    std::fs::write(&file, text).unwrap();
    file
}

/// Code and place of every device that was imported, by number; the identities in tokens are random.
async fn registered(store: &Store) -> BTreeMap<u32, (Option<String>, u32)> {
    let mut found = BTreeMap::new();
    let mut from = 1;
    loop {
        let page = store.device_page(from, at(MORNING)).await.unwrap();
        let Some((last, _)) = page.last() else { return found };
        from = last.no + 1;
        for (device, _) in page {
            if let Some(code) = store.device_code(device.no).await.unwrap() {
                found.insert(device.no, (Some(code), device.places[0].value.school_no));
            }
        }
    }
}

#[tokio::test]
async fn a_killed_import_goes_on_and_publishes_nothing_of_two_contents() {
    let (world, straight) = (World::start().await, World::start().await);
    let file = many(world.directory.path(), world.places.school);
    let before = waiting(&world.store).await.len();
    let mut running = Command::new(env!("CARGO_BIN_EXE_registry"))
        .args(["import", "--kind", "devices"])
        .arg(&file)
        .env("CLASSPULSE_REGISTRY__STORE__PATH", &world.config.path)
        .env("CLASSPULSE_REGISTRY__STORE__DATABASE", &world.config.database)
        .env("CLASSPULSE_REGISTRY__KEYS__DIR", world.directory.path().join("keys"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while waiting(&world.store).await.len() == before {
        assert!(running.try_wait().unwrap().is_none(), "it ended before it was killed");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let done = waiting(&world.store).await;
    assert!(done.len() - before < MANY, "killed too late to mean anything");
    let args =
        |file: PathBuf| ImportArgs { file, kind: Kind::Devices, area: 440_000, dry_run: false, all_or_nothing: false };
    let clock = Clock::manual(at(MORNING));
    let told = transfer::import(&world.store, &clock, &args(file.clone())).await.unwrap();
    assert!(told.contains("\"unchanged\":") && told.contains("\"added\":"), "{told}");
    transfer::import(&straight.store, &clock, &args(file)).await.unwrap();
    assert_eq!(registered(&world.store).await, registered(&straight.store).await, "as if nothing had happened");
    let all = waiting(&world.store).await;
    assert_eq!(all[..done.len()], done, "what was told before the kill is as it was");
    let keys: BTreeMap<_, _> = all[before..].iter().map(|value| (&value.record_key, &value.value)).collect();
    assert_eq!((keys.len(), all.len() - before), (MANY, MANY), "every device is told of once");
    let record = decode_device_record(all[before].value.as_ref().unwrap()).unwrap();
    assert_eq!(record.belongings[0].school_no, world.places.school);
}
