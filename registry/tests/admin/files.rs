//! Schools as CSV files.

use crate::accounts;
use crate::world::{Answer, CITY, SIBLING, World};
use registry::logic::import::Wanted;
use registry::logic::import::schools::SchoolLine;
use registry::logic::import::sheet::{Format, records, table};
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};

const HEADER: &str = "code,name,school_type,division,tags";

async fn import(world: &World, area: &str, mode: &str, file: &str) -> Answer {
    let url = format!("{}/v1/admin/areas/{area}/schools/import?mode={mode}", world.base);
    let request = world.client.post(url).bearer_auth(world.token(Role::CityAdmin, CITY)).body(file.to_owned());
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
    Answer { status, tag: String::new(), kind: String::new(), body }
}

fn counts(answer: &Answer) -> [u64; 4] {
    ["added", "changed", "unchanged", "refused"].map(|name| answer.body[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_file_is_taken_once_however_often_it_is_sent() {
    let world = World::start().await;
    let file = format!("{HEADER}\nG1,虚构一小,小学,440106,片区一\nG2,虚构二小,小学,440105,\n");
    let dry = import(&world, CITY, "dry_run", &file).await.expect(200);
    assert_eq!((counts(&dry), &dry.body["done"]), ([2, 0, 0, 0], &Value::Bool(false)));
    assert_eq!(dry.body["lines"][0]["school_no"], Value::Null, "a dry run gives no numbers");
    let first = import(&world, CITY, "all_or_nothing", &file).await.expect(200);
    assert_eq!((counts(&first), &first.body["done"]), ([2, 0, 0, 0], &Value::Bool(true)));
    let no = first.body["lines"][0]["school_no"].as_u64().unwrap();
    assert!(crate::schools::org(&world, &format!("s{no}")).await.is_some(), "the topic is told");
    assert_eq!(counts(&import(&world, CITY, "best_effort", &file).await.expect(200)), [0, 0, 2, 0]);
    let renamed = file.replace("虚构一小", "虚构实验小学");
    assert_eq!(counts(&import(&world, CITY, "best_effort", &renamed).await.expect(200)), [0, 1, 1, 0]);
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn what_a_file_has_no_column_for_stays() {
    let world = World::start().await;
    let path = format!("/v1/admin/schools/{}", world.places.school);
    let profile = json!({"school_system": "六三制", "ownership": "公办", "weak": true, "tags": ["甲"], "address": "某路 1 号", "post_code": "510000"});
    world.change(Method::PATCH, &path, &path, &world.county(), profile.clone()).await.expect(200);
    let file = format!("code,name,school_type,division\ns{},虚构新名小学,小学,440106\n", world.places.school);
    assert_eq!(counts(&import(&world, CITY, "best_effort", &file).await.expect(200)), [0, 1, 0, 0]);
    let shown = world.get(&path, &world.county()).await.expect(200).body;
    assert_eq!(shown["name"], "虚构新名小学");
    for (name, value) in profile.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    let nobody = import(&world, CITY, "best_effort", &file.replace("\ns", "\ns999")).await.expect(200);
    assert_eq!(nobody.body["lines"][0]["errors"][0]["pointer"], "/code");
}

#[tokio::test]
async fn each_line_tells_its_fault_and_all_or_nothing_means_it() {
    let world = World::start().await;
    let file = format!("{HEADER}\nG1,虚构一小,小学,440106,\nG2,,学堂,440106,\nG3,虚构三小,小学,440300,\n");
    let whole = import(&world, CITY, "all_or_nothing", &file).await.expect(200);
    assert_eq!((counts(&whole), &whole.body["done"]), ([1, 0, 0, 2], &Value::Bool(false)));
    let lines = whole.body["lines"].as_array().unwrap();
    assert_eq!(lines[0]["school_no"], Value::Null, "it was not added after all");
    assert_eq!((lines[1]["line"].as_u64(), lines[1]["errors"][0]["pointer"].as_str()), (Some(3), Some("/name")));
    assert_eq!(lines[2]["errors"][0]["pointer"], "/division", "another city's area");
    let path = "/v1/admin/areas/440106/schools?name=%E8%99%9A%E6%9E%84%E4%B8%80%E5%B0%8F";
    assert!(world.get(path, &world.county()).await.expect(200).body["rows"].as_array().unwrap().is_empty());
    assert_eq!(counts(&import(&world, CITY, "best_effort", &file).await.expect(200)), [1, 0, 0, 2]);
    assert_eq!(world.get(path, &world.county()).await.expect(200).body["rows"].as_array().unwrap().len(), 1);
    let moved = format!("{HEADER}\nG1,虚构一小,小学,440105,\n");
    let refused = import(&world, CITY, "best_effort", &moved).await.expect(200);
    assert_eq!(refused.body["lines"][0]["errors"][0]["pointer"], "/division", "a transfer is another request");
    let foreign = import(&world, SIBLING, "best_effort", &moved).await.expect(200);
    assert_eq!(foreign.body["lines"][0]["errors"][0]["pointer"], "/code", "somebody else has the code");
    import(&world, CITY, "whatever", &file).await.expect(400);
    import(&world, CITY, "dry_run", "code,password\n").await.expect(422);
}

#[tokio::test]
async fn an_export_holds_the_directly_managed_schools_and_is_in_the_log() {
    let world = World::start().await;
    accounts::school_administrator(&world).await;
    let url = format!("{}/v1/admin/areas/440106/schools/export", world.base);
    let response = world.client.get(url).bearer_auth(world.county()).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let bytes = response.bytes().await.unwrap();
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap()).unwrap();
    let own = text.lines().find(|line| line.contains("虚构天河小学")).unwrap();
    assert!(own.contains("school.one 虚构的人"), "{own}");
    assert!(!text.contains("虚构海珠小学") && !text.contains("argon2"), "one area's, and never a password");
    let again = import(&world, CITY, "dry_run", text).await.expect(200);
    let lines = again.body["lines"].as_array().unwrap();
    assert_eq!((counts(&again), lines.len()), ([0, 0, lines.len() as u64, 0], text.lines().count() - 1), "as it is");
    let log = world.get("/v1/admin/areas/440106/audit?action=schools.export", &world.county()).await.expect(200);
    assert_eq!(log.body["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_workbook_is_a_file_like_any_other() {
    let world = World::start().await;
    let url = format!("{}/v1/admin/areas/{CITY}/schools/export?format=xlsx&template=true", world.base);
    let token = world.token(Role::CityAdmin, CITY);
    let template = world.client.get(url).bearer_auth(&token).send().await.unwrap().bytes().await.unwrap();
    let empty = records(std::io::Cursor::new(template)).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!((empty.len(), empty[0].cells[..4].join(",")), (1, "code,name,school_type,division".to_owned()));
    let row = ["0017", "虚构七小", "小学", "440106"].map(str::to_owned).to_vec();
    let book = table(&SchoolLine::COLUMNS, std::iter::once(row), Format::Xlsx).unwrap();
    let url = format!("{}/v1/admin/areas/{CITY}/schools/import?mode=best_effort", world.base);
    let answer = world.client.post(url).bearer_auth(&token).body(book).send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    assert_eq!((&body["added"], &body["refused"]), (&Value::from(1), &Value::from(0)), "{body}");
    let found = world.get("/v1/admin/areas/440106/schools?name=0017", &world.county()).await.expect(200);
    assert_eq!(found.body["rows"][0]["name"], "虚构七小", "the zeros that a code begins with are kept");
}
