//! What the administrators of areas tell of them.

use crate::world::{COUNTY, PROVINCE, World};
use reqwest::Method;
use schemas::token::Role;
use serde_json::{Value, json};

fn profile() -> Value {
    json!({"platform": true, "platform_url": "https://platform.example", "platform_source": "市级",
        "metro_network": true, "egress_mbps": 20_000, "operators": ["虚构电信", "虚构移动"]})
}

#[tokio::test]
async fn an_area_is_open_once_its_administrator_has_told_of_it() {
    let world = World::start().await;
    let (county, province) = (world.county(), world.token(Role::ProvinceAdmin, PROVINCE));
    let area = format!("/v1/admin/areas/{COUNTY}");
    let path = format!("{area}/profile");
    let before = world.get(&area, &county).await.expect(200);
    assert_eq!((&before.body["initialised"], &before.body["profile"]), (&json!(false), &Value::Null));
    assert_eq!(before.body["updated_at"], Value::Null);

    assert_eq!(
        world.send(Method::PUT, &path, &county, "", Some(profile())).await.expect(428).slug(),
        "no-precondition"
    );
    let wrong = json!({"platform": false, "platform_url": "ftp://x", "platform_source": "自建", "metro_network": true,
        "egress_mbps": 1});
    let refused = world.send(Method::PUT, &path, &county, &before.tag, Some(wrong)).await.expect(422);
    let pointers: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/platform_url", "/platform_source"]);

    let after = world.send(Method::PUT, &path, &county, &before.tag, Some(profile())).await.expect(200);
    assert_eq!((&after.body["initialised"], &after.body["profile"]), (&json!(true), &profile()));
    assert_eq!(after.body["updated_by"], "虚构的人");
    assert_eq!(after.body["updated_at"], "2026-11-20T09:00:00.000+08:00");
    let stale = world.send(Method::PUT, &path, &county, &before.tag, Some(profile())).await;
    assert_eq!(stale.expect(412).slug(), "stale");

    let renamed = world.change(Method::PATCH, &area, &area, &province, json!({"pilot": true})).await.expect(200);
    assert_eq!((&renamed.body["profile"], &renamed.body["updated_by"]), (&profile(), &json!("虚构的人")));
    let log = world.get(&format!("{area}/audit?action=area.profile"), &county).await.expect(200);
    assert_eq!(log.body["rows"][0]["after"]["profile"], profile());
}

#[tokio::test]
async fn a_school_tells_how_its_years_are_divided() {
    let world = World::start().await;
    let path = format!("/v1/admin/schools/{}", world.places.school);
    let edited = world.change(Method::PATCH, &path, &path, &world.county(), json!({"school_system": "五四制"})).await;
    assert_eq!(edited.expect(200).body["school_system"], "五四制");
    let wrong = world.change(Method::PATCH, &path, &path, &world.county(), json!({"school_system": "七二制"})).await;
    assert_eq!(wrong.expect(422).body["errors"][0]["pointer"], "/school_system");
}
