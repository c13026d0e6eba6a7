//! Codes of an app beside the password.

use crate::accounts::{Browser, CHOSEN, enter, login, make, root};
use crate::world::{Answer, CITY, World};
use registry::metrics::{LoginLabel, LoginOutcome};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use totp_rs::TOTP;

const PATH: &str = "/v1/admin/session/second-factor";

/// What an app shows, some 30 s intervals from now.
fn code(app: &TOTP, intervals: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    app.generate(now.saturating_add_signed(30 * intervals))
}

/// Turns codes on, and gives the app that makes them.
async fn enable(browser: &Browser<'_>) -> TOTP {
    let shown = browser.post(PATH, Value::Null).await.expect(201).body;
    let app = TOTP::from_url(shown["uri"].as_str().unwrap()).unwrap();
    assert_eq!(app.get_secret_base32(), shown["secret"].as_str().unwrap());
    let form = json!({"code": code(&app, 0)});
    let account = browser.send(Method::PUT, PATH, "", Some(form)).await.expect(200);
    assert_eq!(account.body["second_factor"], true);
    app
}

fn form(code: &str) -> Value {
    json!({"login": "guangzhou", "password": CHOSEN, "code": code})
}

async fn refused(world: &World, form: &Value) -> Answer {
    enter(world, form).await.err().expect("it opens nothing")
}

#[tokio::test]
async fn a_login_needs_password_and_code_and_takes_each_code_once() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let app = enable(&city).await;
    let missing = login(&world, "guangzhou", CHOSEN).await.err().unwrap();
    assert_eq!((missing.status.as_u16(), missing.slug()), (401, "second-factor"));
    let wrong = json!({"login": "guangzhou", "password": "wrong", "code": code(&app, 1)});
    assert_eq!(refused(&world, &wrong).await.slug(), "bad-login", "nothing tells that the code was right");
    assert_eq!(refused(&world, &form("000000")).await.slug(), "bad-login");
    assert_eq!(refused(&world, &form(&code(&app, -20))).await.slug(), "bad-login", "ten minutes old");
    // Half a minute ahead is near enough, and after the first one at whatever moment this runs.
    let now = code(&app, 1);
    let again = enter(&world, &form(&now)).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    again.get("/v1/admin/areas/440100").await.expect(200);
    assert_eq!(refused(&world, &form(&now)).await.slug(), "bad-login", "somebody looked over the shoulder");
    let counted = |outcome| world.metrics.logins.get_or_create(&LoginLabel { outcome }).get();
    assert_eq!((counted(LoginOutcome::CodeMissing), counted(LoginOutcome::Wrong)), (1, 4));
    root.get("/v1/admin/areas/440000").await.expect(200);
    login(&world, "root.admin", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
}

#[tokio::test]
async fn guessing_codes_has_to_wait_like_guessing_passwords() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let app = enable(&city).await;
    for _ in 0..5 {
        assert_eq!(refused(&world, &form("000000")).await.slug(), "bad-login");
    }
    assert_eq!(refused(&world, &form(&code(&app, 1))).await.slug(), "login-blocked");
}

#[tokio::test]
async fn a_factor_counts_from_its_confirmation_and_is_taken_away_by_a_superior() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let confirm = async |code: &str| city.send(Method::PUT, PATH, "", Some(json!({"code": code}))).await;
    assert_eq!(confirm("287082").await.expect(409).slug(), "second-factor", "not begun");
    let first = city.post(PATH, Value::Null).await.expect(201).body;
    let second = city.post(PATH, Value::Null).await.expect(201).body;
    assert_ne!(first["secret"], second["secret"]);
    login(&world, "guangzhou", CHOSEN).await.unwrap_or_else(|answer| panic!("not confirmed: {}", answer.body));
    let old = TOTP::from_url(first["uri"].as_str().unwrap()).unwrap();
    assert_eq!(confirm(&code(&old, 0)).await.expect(422).body["errors"][0]["pointer"], "/code");
    enable(&city).await;
    assert_eq!(city.post(PATH, Value::Null).await.expect(409).slug(), "second-factor", "there already");
    let no = city.get("/v1/admin/session").await.expect(200).body["account"]["account_no"].clone();
    let reset = format!("/v1/admin/accounts/{no}/reset-second-factor");
    city.post(&reset, Value::Null).await.expect(403);
    assert_eq!(root.post(&reset, Value::Null).await.expect(200).body["second_factor"], false);
    city.get("/v1/admin/session").await.expect(401);
    login(&world, "guangzhou", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    assert_eq!(root.post(&reset, Value::Null).await.expect(409).slug(), "second-factor", "not there");
    let log = root.get("/v1/admin/areas/440100/audit?action=account.second_factor").await.expect(200).body;
    let actions: Vec<_> = log["rows"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["account.second_factor_reset", "account.second_factor"]);
    assert!(!log.to_string().contains(second["secret"].as_str().unwrap()));
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn the_store_alone_does_not_tell_the_secret() {
    let world = World::start().await;
    let root = root(&world).await;
    let shown = root.post(PATH, Value::Null).await.expect(201).body;
    let secret = TOTP::from_url(shown["uri"].as_str().unwrap()).unwrap().secret;
    let kept = world.store.second_factor(1).await.unwrap().unwrap();
    assert!(!kept.sealed.contains(shown["secret"].as_str().unwrap()));
    for entry in std::fs::read_dir(world.directory.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = if entry.is_file() { std::fs::read(&entry).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", entry.display());
    }
}
