//! The log of changes.

use crate::world::{COUNTY, SIBLING, World};
use registry::store::AuditError;
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

async fn tamper(world: &World, sql: &'static str) {
    if world.config.database.is_empty() {
        let pool = SqlitePool::connect(&format!("sqlite://{}", world.config.path.display())).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    } else {
        let pool = PgPool::connect(&world.config.database).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

#[tokio::test]
async fn every_change_is_in_the_log_of_its_scope_with_before_and_after() {
    let world = World::start().await;
    let token = world.county();
    let path = format!("/v1/admin/schools/{}", world.places.school);
    world.change(Method::PATCH, &path, &path, &token, json!({"name": "虚构改名小学"})).await.expect(200);
    let row = world.get(&format!("{path}/audit?action=school."), &token).await.expect(200).body["rows"][0].clone();
    assert_eq!((row["action"].as_str(), row["account"].as_str()), (Some("school.edit"), Some("CountyAdmin")));
    assert_eq!(
        (row["address"].as_str(), row["at"].as_str()),
        (Some("127.0.0.1"), Some("2026-11-20T09:00:00.000+08:00"))
    );
    let names = (row["before"]["name"].as_str(), row["after"]["name"].as_str());
    assert_eq!(names, (Some("虚构天河小学"), Some("虚构改名小学")));
    let seen = async |role: Role, scope: &str, area: &str| {
        let list = format!("/v1/admin/areas/{area}/audit?object=s{}", world.places.school);
        world.get(&list, &world.token(role, scope)).await
    };
    assert_eq!(seen(Role::CityAdmin, "440100", "440100").await.expect(200).body["rows"].as_array().unwrap().len(), 2);
    assert_eq!(seen(Role::CountyAdmin, SIBLING, SIBLING).await.expect(200).body["rows"], json!([]));
    seen(Role::CountyAdmin, SIBLING, COUNTY).await.expect(404);
    seen(Role::Analyst, COUNTY, COUNTY).await.expect(403);
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_no_row() {
    let world = World::start().await;
    let before = world.store.verify_audit().await.unwrap();
    let path = format!("/v1/admin/schools/{}", world.places.school);
    world.send(Method::PATCH, &path, &world.county(), "\"old\"", Some(json!({"name": "虚构"}))).await.expect(412);
    world.change(Method::PATCH, &path, &path, &world.county(), json!({"name": ""})).await.expect(422);
    assert_eq!(world.store.verify_audit().await.unwrap(), before);
}

#[tokio::test]
async fn codes_are_not_in_the_log() {
    let world = World::start().await;
    let code = crate::enrolment::issue(&world, world.places.school).await.body["code"].as_str().unwrap().to_owned();
    let path = format!("/v1/admin/schools/{}/audit", world.places.school);
    let rows = world.get(&path, &world.school_admin()).await.expect(200).body.to_string();
    assert!(rows.contains("code.issue") && !rows.contains(&code));
}

#[tokio::test]
async fn whoever_rewrites_the_log_is_found() {
    let deeds = [
        "UPDATE audit SET account = 'nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)",
        "UPDATE audit SET after = 'null', hash = 'x' WHERE seq = 3",
    ];
    for deed in deeds {
        let world = World::start().await;
        assert!(world.store.verify_audit().await.unwrap() >= 8);
        tamper(&world, deed).await;
        assert!(matches!(world.store.verify_audit().await, Err(AuditError::Broken(_))), "{deed}");
    }
}

#[tokio::test]
async fn the_terminal_is_logged_as_well() {
    let world = World::start().await;
    let joined = crate::enrolment::join(&world, world.places.school, 0, "a").await;
    world.store.revoke(joined.device_no, world.clock.now_ms()).await.unwrap();
    let path = format!("/v1/admin/schools/{}/audit?object=d{}", world.places.school, joined.device_no);
    let rows = world.get(&path, &world.school_admin()).await.expect(200).body["rows"].clone();
    let seen: Vec<_> = rows.as_array().unwrap().iter().map(|row| (&row["action"], &row["account"])).collect();
    let text = |text: &str| Value::from(text);
    assert_eq!(seen, [(&text("device.revoke"), &text("terminal")), (&text("device.enrol"), &text("agent"))]);
}
