//! `registry call`.

use crate::world::World;
use registry::call;
use registry::cli::{CallArgs, CallMethod};
use schemas::token::Role;
use serde_json::Value;

async fn ask(world: &World, method: CallMethod, path: &str, body: Option<&str>) -> anyhow::Result<Value> {
    let (path, body) = (path.to_owned(), body.map(str::to_owned));
    let args = CallArgs { method, path, body, if_match: None, role: Role::CountyAdmin, scope: "440106".into() };
    let text = call::run(world.api.clone(), &world.county(), &args).await?;
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}

#[tokio::test]
async fn a_terminal_asks_what_everybody_may_ask() {
    let world = World::start().await;
    let form = r#"{"name": "虚构终端小学", "school_type": "小学"}"#;
    let made = ask(&world, CallMethod::Post, "areas/440106/schools", Some(form)).await.unwrap();
    let path = format!("schools/{}", made["school_no"]);
    let renamed = ask(&world, CallMethod::Patch, &path, Some(r#"{"name": "虚构改名小学"}"#)).await.unwrap();
    assert_eq!(renamed["name"], "虚构改名小学", "without a tag, whatever is there is changed");
    let audit = ask(&world, CallMethod::Get, "/v1/admin/areas/440106/audit?action=school.edit", None).await.unwrap();
    assert_eq!(audit["rows"].as_array().unwrap().len(), 1);
    let outside = ask(&world, CallMethod::Get, "areas/440300", None).await.unwrap_err().to_string();
    assert!(outside.starts_with("404") && outside.contains("urn:classpulse:not-found"), "{outside}");
    assert_eq!(ask(&world, CallMethod::Delete, &path, None).await.unwrap(), Value::Null);
    assert!(ask(&world, CallMethod::Get, &path, None).await.is_err());
}
