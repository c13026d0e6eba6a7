//! Accounts: from the first administrator down, sessions, tokens and keys.

use crate::world::{Answer, CITY, COUNTY, PROVINCE, SIBLING, World};
use registry::logic::forms::AccountForm;
use registry::metrics::{LoginLabel, LoginOutcome};
use registry::passwords;
use registry::store::Actor;
use reqwest::{Method, StatusCode};
use schemas::org::OrgId;
use schemas::token::Role;
use serde_json::{Value, json};

pub const CHOSEN: &str = "虚构的口令 2026";

/// A browser that has logged in.
pub struct Browser<'w> {
    world: &'w World,
    cookie: String,
    csrf: String,
}

impl Browser<'_> {
    pub async fn send(&self, method: Method, path: &str, tag: &str, body: Option<Value>) -> Answer {
        let mut request = self.world.client.request(method, format!("{}{path}", self.world.base));
        request = request.header("Cookie", format!("other=1; cp_session={}", self.cookie));
        if !self.csrf.is_empty() {
            request = request.header("X-CSRF-Token", &self.csrf);
        }
        if !tag.is_empty() {
            request = request.header("If-Match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Answer { status, tag: header("etag"), kind: header("content-type"), body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "", None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, "*", Some(body)).await
    }
}

pub async fn login<'w>(world: &'w World, login: &str, password: &str) -> Result<Browser<'w>, Answer> {
    enter(world, &json!({"login": login, "password": password})).await
}

/// Logs in with a form.
pub async fn enter<'w>(world: &'w World, form: &Value) -> Result<Browser<'w>, Answer> {
    let url = format!("{}/v1/admin/session", world.base);
    let response = world.client.post(url).json(form).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    if status != StatusCode::CREATED {
        return Err(Answer { status, tag: header("retry-after"), kind: header("content-type"), body });
    }
    let set = header("set-cookie");
    for word in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/v1", "Max-Age=43200"] {
        assert!(set.contains(word), "{set} lacks {word}");
    }
    let cookie = set.strip_prefix("cp_session=").unwrap().split(';').next().unwrap().to_owned();
    Ok(Browser { world, cookie, csrf: body["csrf"].as_str().unwrap().to_owned() })
}

/// Logs in with a first password, chooses another, logs in again.
async fn settle<'w>(world: &'w World, who: &str, first: &str) -> Browser<'w> {
    let browser = login(world, who, first).await.unwrap_or_else(|answer| panic!("{who}: {}", answer.body));
    let change = json!({"old": first, "new": CHOSEN});
    browser.send(Method::PUT, "/v1/admin/session/password", "", Some(change)).await.expect(204);
    login(world, who, CHOSEN).await.unwrap_or_else(|answer| panic!("{who}: {}", answer.body))
}

/// The province's first administrator, as the terminal makes it.
pub async fn root(world: &World) -> Browser<'_> {
    let form =
        AccountForm { login: "root.admin".into(), name: "虚构的省管理员".into(), ..AccountForm::default() };
    let grant = Some((Role::ProvinceAdmin, OrgId::Area(440_000)));
    let hash = passwords::hash("first password", [1; 16]).unwrap();
    let actor = Actor::terminal(world.clock.now_ms());
    world.store.add_account(&actor, OrgId::Area(440_000), &form, grant, &hash).await.unwrap();
    settle(world, "root.admin", "first password").await
}

fn account(login: &str, role: &str, scope: &str) -> Value {
    json!({"login": login, "name": "虚构的人", "grant": {"role": role, "scope": scope}})
}

/// A superior makes an administrator, who settles in.
pub async fn make<'w>(by: &Browser<'w>, home: &str, login: &str, role: &str, scope: &str) -> Browser<'w> {
    let made = by.post(&format!("/v1/admin/{home}/accounts"), account(login, role, scope)).await.expect(201);
    settle(by.world, login, made.body["first_password"].as_str().unwrap()).await
}

#[tokio::test]
async fn superiors_make_the_administrators_below_them() {
    let world = World::start().await;
    let root = root(&world).await;
    let school = format!("s{}", world.places.school);
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let county = make(&city, "areas/440106", "tianhe", "county_admin", COUNTY).await;
    let path = format!("schools/{}", world.places.school);
    let own = make(&county, &path, "school.one", "school_admin", &school).await;
    own.post(&format!("/v1/admin/{path}/enrol-codes"), Value::Null).await.expect(201);
    let class = format!("c{}", world.places.class);
    make(&own, &path, "teacher.one", "class_teacher", &class).await;
    // Nobody makes somebody above, beside, or of the own kind below the areas.
    let up = account("x.one", "city_admin", CITY);
    county.post("/v1/admin/areas/440106/accounts", up).await.expect(404);
    let beside = account("x.two", "county_admin", SIBLING);
    county.post("/v1/admin/areas/440106/accounts", beside).await.expect(404);
    let colleague = account("x.three", "school_admin", &school);
    own.post(&format!("/v1/admin/{path}/accounts"), colleague).await.expect(403);
    let strange = account("x.four", "school_admin", &format!("s{}", world.places.neighbour));
    let refused = county.post(&format!("/v1/admin/{path}/accounts"), strange).await.expect(422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/scope");
    let vacant = city.get("/v1/admin/areas/440100/vacancies").await.expect(200).body["rows"].clone();
    let ids: Vec<_> = vacant.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&SIBLING) && !ids.contains(&COUNTY), "{ids:?}");
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn a_first_password_opens_nothing_but_its_own_change() {
    let world = World::start().await;
    let root = root(&world).await;
    let made = root.post("/v1/admin/areas/440100/accounts", account("gz", "city_admin", CITY)).await;
    assert_eq!(made.status, 422, "a login of two characters");
    let made = root.post("/v1/admin/areas/440100/accounts", account("guangzhou", "city_admin", CITY)).await.expect(201);
    let (first, no) = (made.body["first_password"].as_str().unwrap(), made.body["account"]["account_no"].clone());
    assert_eq!(first.len(), 16);
    let again = root.get(&format!("/v1/admin/accounts/{no}")).await.expect(200);
    assert!(!again.body.to_string().contains(first), "told once");
    let browser = login(&world, "guangzhou", first).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    assert_eq!(browser.get("/v1/admin/session").await.expect(200).body["account"]["must_change"], true);
    assert_eq!(browser.get("/v1/admin/areas/440100").await.expect(403).slug(), "password-change");
    assert_eq!(browser.post("/v1/admin/session/token", Value::Null).await.expect(403).slug(), "password-change");
    for (old, new, status) in
        [(first, "123456", 422), (first, first, 422), ("wrong", CHOSEN, 401), (first, CHOSEN, 204)]
    {
        let change = json!({"old": old, "new": new});
        browser.send(Method::PUT, "/v1/admin/session/password", "", Some(change)).await.expect(status);
    }
    assert_eq!(browser.get("/v1/admin/session").await.expect(401).slug(), "expired-token", "sessions end");
    assert!(login(&world, "guangzhou", first).await.is_err());
    let browser = login(&world, "guangzhou", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    browser.get("/v1/admin/areas/440100").await.expect(200);
    browser.get("/v1/admin/areas/440300").await.expect(404);
    world.clock.set_ms(world.clock.now_ms() + 43_200_000);
    browser.get("/v1/admin/areas/440100").await.expect(401);
}

#[tokio::test]
async fn guessing_is_slowed_down_alike_for_those_who_are_there_and_those_who_are_not() {
    let world = World::start().await;
    root(&world).await;
    let mut answers = Vec::new();
    for who in ["root.admin", "nobody.here"] {
        let mut seen = Vec::new();
        for _ in 0..7 {
            let refused = login(&world, who, "wrong").await.err().unwrap();
            seen.push((refused.status.as_u16(), refused.slug().to_owned(), refused.tag));
        }
        answers.push(seen);
    }
    assert_eq!(answers[0], answers[1], "nothing tells whether an account exists");
    let slugs: Vec<_> = answers[0].iter().map(|(_, slug, _)| slug.as_str()).collect();
    assert_eq!(slugs, [vec!["bad-login"; 5], vec!["login-blocked"; 2]].concat());
    assert_eq!(answers[0][5].2, "30", "Retry-After");
    assert!(login(&world, "root.admin", CHOSEN).await.is_err(), "the right password waits, too");
    world.clock.set_ms(world.clock.now_ms() + 30_000);
    assert!(login(&world, "root.admin", CHOSEN).await.is_ok());
    assert!(login(&world, "root.admin", "wrong").await.err().unwrap().slug() == "bad-login", "forgotten");
}

#[tokio::test]
async fn failures_are_counted_and_a_wait_is_in_the_log_without_a_word_of_what_was_typed() {
    let world = World::start().await;
    let root = root(&world).await;
    for who in ["root.admin", "mistyped secret"] {
        for _ in 0..6 {
            assert!(login(&world, who, "wrong secret").await.is_err());
        }
    }
    let counted = |outcome| world.metrics.logins.get_or_create(&LoginLabel { outcome }).get();
    assert_eq!(counted(LoginOutcome::Accepted), 3, "two to choose the password, and its own change");
    assert_eq!((counted(LoginOutcome::Wrong), counted(LoginOutcome::Blocked)), (10, 2));
    let log = root.get("/v1/admin/areas/440000/audit?action=login.").await.expect(200);
    let told: Vec<_> = log.body["rows"].as_array().unwrap().iter().map(|row| (&row["object"], &row["after"])).collect();
    let wait = json!({"failures": 5, "wait_s": 30});
    assert_eq!(told, [(&json!("a0"), &wait), (&json!("a1"), &wait)]);
    assert!(!log.body.to_string().contains("secret"));
    world.store.verify_audit().await.unwrap();
}

#[tokio::test]
async fn changes_of_a_session_need_its_csrf_token() {
    let world = World::start().await;
    let root = root(&world).await;
    let other = login(&world, "root.admin", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    let form = json!({"name": "片区", "members": [440_106]});
    for csrf in [String::new(), "x".to_owned(), other.csrf.clone()] {
        let forged = Browser { world: &world, cookie: root.cookie.clone(), csrf };
        assert_eq!(forged.post("/v1/admin/areas/440100/groups", form.clone()).await.expect(403).slug(), "csrf");
        forged.get("/v1/admin/areas/440100").await.expect(200);
    }
    root.post("/v1/admin/areas/440100/groups", form).await.expect(201);
    root.send(Method::DELETE, "/v1/admin/session", "", None).await.expect(204);
    root.get("/v1/admin/areas/440100").await.expect(401);
    other.get("/v1/admin/areas/440100").await.expect(200);
}

#[tokio::test]
async fn a_short_token_follows_its_account() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let token = city.post("/v1/admin/session/token", Value::Null).await.expect(201).body["token"].clone();
    let token = token.as_str().unwrap();
    world.get("/v1/admin/areas/440100", token).await.expect(200);
    assert_eq!(world.post("/v1/admin/session/token", token, Value::Null).await.status, 403, "it does not live on");
    let me = root.get("/v1/admin/areas/440100/accounts").await.expect(200).body["rows"][0].clone();
    let grant = format!("/v1/admin/grants/{}", me["grants"][0]["grant_no"]);
    root.send(Method::DELETE, &grant, "*", None).await.expect(200);
    world.get("/v1/admin/areas/440100", token).await.expect(404);
    root.post(&format!("/v1/admin/accounts/{}/lock", me["account_no"]), Value::Null).await.expect(200);
    world.get("/v1/admin/me", token).await.expect(401);
    city.get("/v1/admin/me").await.expect(401);
    let old = root.post("/v1/admin/session/token", Value::Null).await.expect(201).body["token"].clone();
    world.clock.set_ms(world.clock.now_ms() + 900_000);
    assert_eq!(world.get("/v1/admin/me", old.as_str().unwrap()).await.expect(401).slug(), "expired-token");
}

#[tokio::test]
async fn where_it_is_asked_for_an_account_and_its_role_are_acts_of_two_people() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let rule = json!({"two_person": true});
    root.send(Method::PATCH, "/v1/admin/areas/440100", "*", Some(rule)).await.expect(200);
    let both = account("tianhe", "county_admin", COUNTY);
    assert_eq!(city.post("/v1/admin/areas/440106/accounts", both).await.expect(409).slug(), "two-people");
    let alone = json!({"login": "tianhe", "name": "虚构的人"});
    let no =
        city.post("/v1/admin/areas/440106/accounts", alone).await.expect(201).body["account"]["account_no"].clone();
    let grants = format!("/v1/admin/accounts/{no}/grants");
    let role = json!({"role": "county_admin", "scope": COUNTY});
    assert_eq!(city.post(&grants, role.clone()).await.expect(409).slug(), "two-people");
    let given = root.post(&grants, role.clone()).await.expect(200);
    assert_eq!(given.body["grants"][0]["granted_by"], "root.admin");
    assert_eq!(root.post(&grants, role).await.expect(409).slug(), "taken");
    let second = json!({"role": "analyst", "scope": CITY});
    assert_eq!(root.post(&grants, second).await.expect(200).body["grants"].as_array().unwrap().len(), 2);
    let elsewhere = account("shenzhen", "city_admin", "440300");
    root.post("/v1/admin/areas/440300/accounts", elsewhere).await.expect(201);
}

#[tokio::test]
async fn an_administrator_is_replaced_by_lock_and_add_and_unlocked_only_without_a_successor() {
    let world = World::start().await;
    let root = root(&world).await;
    let path = format!("schools/{}", world.places.school);
    let scope = format!("s{}", world.places.school);
    let first = make(&root, &path, "school.one", "school_admin", &scope).await;
    let no = first.get("/v1/admin/session").await.expect(200).body["account"]["account_no"].clone();
    let act = async |verb: &str| root.post(&format!("/v1/admin/accounts/{no}/{verb}"), Value::Null).await;
    act("lock").await.expect(200);
    first.get("/v1/admin/me").await.expect(401);
    assert!(login(&world, "school.one", CHOSEN).await.is_err());
    act("unlock").await.expect(200);
    login(&world, "school.one", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    act("lock").await.expect(200);
    make(&root, &path, "school.two", "school_admin", &scope).await;
    assert_eq!(act("unlock").await.expect(409).slug(), "successor");
    act("close").await.expect(200);
    assert_eq!(act("unlock").await.expect(409).slug(), "account-state");
    assert_eq!(act("reset-password").await.expect(409).slug(), "account-state");
    let login_again =
        root.post(&format!("/v1/admin/{path}/accounts"), json!({"login": "school.one", "name": "虚构"})).await;
    assert_eq!((login_again.status.as_u16(), login_again.slug()), (409, "taken"), "never given again");
}

#[tokio::test]
async fn who_could_not_give_a_role_does_not_touch_an_account_that_has_it() {
    let world = World::start().await;
    let root = root(&world).await;
    let path = format!("schools/{}", world.places.school);
    let own = make(&root, &path, "school.one", "school_admin", &format!("s{}", world.places.school)).await;
    let made = root.post(&format!("/v1/admin/{path}/accounts"), json!({"login": "school.two", "name": "虚构"})).await;
    let no = made.expect(201).body["account"]["account_no"].clone();
    own.post(&format!("/v1/admin/accounts/{no}/reset-password"), Value::Null).await.expect(200);
    let role = json!({"role": "school_admin", "scope": format!("s{}", world.places.school)});
    root.post(&format!("/v1/admin/accounts/{no}/grants"), role).await.expect(200);
    own.post(&format!("/v1/admin/accounts/{no}/reset-password"), Value::Null).await.expect(403);
    own.get(&format!("/v1/admin/accounts/{no}")).await.expect(200);
}

#[tokio::test]
async fn a_key_reads_its_place_until_it_ends_and_nothing_else() {
    let world = World::start().await;
    let root = root(&world).await;
    let city = make(&root, "areas/440100", "guangzhou", "city_admin", CITY).await;
    let form = |scope: &str, days: u32| json!({"name": "报表", "scope": scope, "days": days});
    city.post("/v1/admin/keys", form("440300", 1)).await.expect(404);
    city.post("/v1/admin/keys", form(COUNTY, 367)).await.expect(422);
    let made = city.post("/v1/admin/keys", form(COUNTY, 2)).await.expect(201);
    let key = made.body["secret"].as_str().unwrap();
    assert!(!city.get("/v1/admin/keys").await.expect(200).body.to_string().contains(key), "told once");
    world.get("/v1/admin/areas/440106", key).await.expect(200);
    world.get("/v1/admin/areas/440100", key).await.expect(404);
    world.get("/v1/admin/areas/440106/audit", key).await.expect(403);
    world.get("/v1/admin/areas/440106/accounts", key).await.expect(403);
    world.post("/v1/admin/areas/440106/groups", key, json!({"name": "x", "members": []})).await.expect(403);
    world.get("/v1/admin/keys", key).await.expect(403);
    let token = world.post("/v1/admin/session/token", key, Value::Null).await.expect(201).body["token"].clone();
    world.get("/v1/admin/areas/440106", token.as_str().unwrap()).await.expect(200);
    world.get("/v1/admin/areas/440106", &format!("{key}x")).await.expect(401);
    let second = city.post("/v1/admin/keys", form(COUNTY, 2)).await.expect(201);
    let second_no = &second.body["key"]["key_no"];
    root.send(Method::DELETE, &format!("/v1/admin/keys/{second_no}"), "", None).await.expect(404);
    city.send(Method::DELETE, &format!("/v1/admin/keys/{second_no}"), "", None).await.expect(204);
    world.get("/v1/admin/areas/440106", second.body["secret"].as_str().unwrap()).await.expect(401);
    world.clock.set_ms(world.clock.now_ms() + 2 * 86_400_000);
    world.get("/v1/admin/areas/440106", key).await.expect(401);
    assert_eq!(PROVINCE, "440000");
}

#[tokio::test]
async fn a_role_ends_with_its_class_and_the_account_stays_in_reach() {
    let world = World::start().await;
    let root = root(&world).await;
    let (home, class) = (format!("schools/{}", world.places.school), world.places.class);
    let teacher = account("teacher.one", "class_teacher", &format!("c{class}"));
    let made = root.post(&format!("/v1/admin/{home}/accounts"), teacher).await.expect(201);
    let no = made.body["account"]["account_no"].as_u64().unwrap();
    root.send(Method::DELETE, &format!("/v1/admin/classes/{class}"), "*", None).await.expect(204);
    let path = format!("/v1/admin/accounts/{no}");
    assert_eq!(root.get(&path).await.expect(200).body["grants"], json!([]));
    root.send(Method::POST, &format!("{path}/lock"), "*", None).await.expect(200);
}

#[tokio::test]
async fn the_accounts_of_a_school_that_is_deleted_are_closed() {
    let world = World::start().await;
    let root = root(&world).await;
    let path = format!("schools/{}", world.places.sibling);
    let own = make(&root, &path, "school.one", "school_admin", &format!("s{}", world.places.sibling)).await;
    own.get(&format!("/v1/admin/{path}")).await.expect(200);
    root.send(Method::DELETE, &format!("/v1/admin/{path}"), "*", None).await.expect(204);
    own.get("/v1/admin/me").await.expect(401);
    assert_eq!(login(&world, "school.one", CHOSEN).await.err().unwrap().slug(), "bad-login");
}

#[tokio::test]
async fn supervisors_see_how_far_those_below_have_come() {
    let world = World::start().await;
    let root = root(&world).await;
    let county = make(&root, "areas/440106", "tianhe", "county_admin", COUNTY).await;
    let path = format!("schools/{}", world.places.school);
    make(&root, &path, "school.one", "school_admin", &format!("s{}", world.places.school)).await;
    let row = async |by: &Browser<'_>, area: &str, id: &str| {
        let rows = by.get(&format!("/v1/admin/areas/{area}/supervision")).await.expect(200).body["rows"].clone();
        rows.as_array().unwrap().iter().find(|row| row["id"] == id).cloned().unwrap()
    };
    let own = row(&county, COUNTY, &format!("s{}", world.places.school)).await;
    let counts = |row: &Value| {
        ["schools", "initialised", "with_administrator", "with_devices", "devices"]
            .map(|name| row[name].as_u64().unwrap())
    };
    assert_eq!((own["name"].as_str().unwrap(), counts(&own)), ("虚构天河小学", [1, 0, 1, 0, 0]));
    let before = counts(&row(&root, CITY, COUNTY).await);
    root.post(&format!("/v1/admin/{path}/initialise"), Value::Null).await.expect(200);
    let code = root.post(&format!("/v1/admin/{path}/enrol-codes"), Value::Null).await.expect(201).body["code"].clone();
    let form = json!({"code": code, "mac": "502B73D06CCA", "hardware_id": "0123456789abcdef", "kind": "all_in_one",
        "class_no": world.places.class});
    world.post("/v1/agent/enrol", "", form).await.expect(201);
    let after = counts(&row(&root, CITY, COUNTY).await);
    assert_eq!(after, [before[0], before[1] + 1, before[2], before[3] + 1, before[4] + 1]);
    let city = row(&root, PROVINCE, CITY).await;
    assert_eq!((city["level"].as_str(), city["window_from"].as_str()), (Some("city"), Some("2020-11-01")));
    assert!(counts(&city)[0] >= counts(&row(&root, CITY, COUNTY).await)[0]);
    let closed = json!({"status": "dissolved", "from_day": "2026-11-21"});
    root.send(Method::POST, &format!("/v1/admin/{path}/status"), "*", Some(closed)).await.expect(200);
    world.clock.set_ms(world.clock.now_ms() + 86_400_000);
    let root = login(&world, "root.admin", CHOSEN).await.unwrap_or_else(|answer| panic!("{}", answer.body));
    assert_eq!(counts(&row(&root, CITY, COUNTY).await)[0], before[0] - 1, "what is closed is not supervised");
}

/// The own school gets the administrator `school.one`.
pub async fn school_administrator(world: &World) {
    let (root, path) = (root(world).await, format!("schools/{}", world.places.school));
    make(&root, &path, "school.one", "school_admin", &format!("s{}", world.places.school)).await;
}
