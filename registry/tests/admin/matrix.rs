//! Every route × every role × own, below, above and sideways. The routes come from the OpenAPI document: one without a
//! rule here fails. The expectations are written down once more, apart from the code that decides.

use crate::world::{Answer, CITY, COUNTY, PROVINCE, Places, SIBLING, World};
use registry::logic::correction::{Days, What};
use registry::logic::forms::{AccountForm, GroupForm};
use registry::store::Actor;
use reqwest::Method;
use schemas::org::OrgId;
use schemas::time::Day;
use schemas::token::Role::{self, *};
use serde_json::{Value, json};

const ANY: &[Role] = &[ProvinceAdmin, CityAdmin, CountyAdmin, SchoolAdmin, ClassTeacher, Analyst, DataTeam];
const AREAS: &[Role] = &[ProvinceAdmin, CityAdmin, CountyAdmin];
const CONSOLE: &[Role] = &[ProvinceAdmin, CityAdmin, CountyAdmin, SchoolAdmin];
const CODES: &[Role] = &[ProvinceAdmin, CityAdmin, CountyAdmin, SchoolAdmin, ClassTeacher];
const PROVINCE_ONLY: &[Role] = &[ProvinceAdmin];

/// Routes that know no place, only whoever calls; `accounts.rs` asks them.
const PERSONAL: &[&str] = &[
    "/v1/admin/me",
    "/v1/admin/session",
    "/v1/admin/session/password",
    "/v1/admin/session/second-factor",
    "/v1/admin/session/token",
    // Asked by tests/wire/test_sso.py, with a provider.
    "/v1/admin/session/oidc",
    "/v1/admin/session/oidc/callback",
    "/v1/admin/keys",
    "/v1/admin/keys/{key_no}",
];

/// Who may, inside the own scope. None: the route is not known here.
fn rule(method: &str, path: &str) -> Option<&'static [Role]> {
    Some(match (method, path.strip_prefix("/v1/admin/")?) {
        ("get", "areas/{code}" | "areas/{code}/areas" | "areas/{code}/groups" | "areas/{code}/schools") => ANY,
        ("patch", "areas/{code}") | ("post", "areas/{code}/areas") => PROVINCE_ONLY,
        ("post", "areas/{code}/groups" | "areas/{code}/schools") | ("put", "areas/{code}/profile") => AREAS,
        ("get", "groups/{group_no}") => ANY,
        ("put" | "delete", "groups/{group_no}") => AREAS,
        ("get", "areas/{code}/audit" | "schools/{school_no}/audit") => CONSOLE,
        ("get", "schools/{school_no}") => ANY,
        ("patch" | "delete", "schools/{school_no}") => AREAS,
        ("post", "schools/{school_no}/status" | "schools/{school_no}/transfer" | "schools/{school_no}/merge") => AREAS,
        ("post", "schools/{school_no}/purge") => PROVINCE_ONLY,
        ("post", "schools/{school_no}/initialise") => CONSOLE,
        ("get", "schools/{school_no}/campuses" | "schools/{school_no}/classes" | "schools/{school_no}/devices") => ANY,
        ("post", "schools/{school_no}/campuses" | "schools/{school_no}/classes") => CONSOLE,
        ("get", "campuses/{campus_no}" | "classes/{class_no}" | "classes/{class_no}/devices") => ANY,
        ("patch" | "delete", "campuses/{campus_no}" | "classes/{class_no}") => CONSOLE,
        ("get", "devices/{device_no}" | "flags/{flag_no}" | "areas/{code}/flags") => ANY,
        ("patch", "devices/{device_no}") => CONSOLE,
        ("post", "devices/{device_no}/revoke" | "flags/{flag_no}") => CONSOLE,
        ("post", "areas/{code}/schools/import") => AREAS,
        ("get", "areas/{code}/schools/export" | "areas/{code}/devices/export") => AREAS,
        ("post", "areas/{code}/devices/import") => AREAS,
        (
            "get",
            "areas/{code}/calendar"
            | "schools/{school_no}/calendar"
            | "areas/{code}/bells"
            | "schools/{school_no}/bells",
        ) => ANY,
        (
            "put",
            "areas/{code}/calendar"
            | "schools/{school_no}/calendar"
            | "areas/{code}/bells"
            | "schools/{school_no}/bells",
        ) => CONSOLE,
        ("get" | "post", "areas/{code}/accounts" | "schools/{school_no}/accounts") => CONSOLE,
        ("get", "areas/{code}/vacancies" | "areas/{code}/supervision") => AREAS,
        ("get" | "post", "areas/{code}/corrections" | "schools/{school_no}/corrections") => CONSOLE,
        ("post", "devices/{device_no}/corrections") => CONSOLE,
        ("get", "corrections/{correction_no}") => CONSOLE,
        (
            "post",
            "corrections/{correction_no}/approve"
            | "corrections/{correction_no}/refuse"
            | "corrections/{correction_no}/withdraw",
        ) => CONSOLE,
        ("get" | "patch", "accounts/{account_no}") => CONSOLE,
        (
            "post",
            "accounts/{account_no}/lock"
            | "accounts/{account_no}/unlock"
            | "accounts/{account_no}/close"
            | "accounts/{account_no}/reset-password"
            | "accounts/{account_no}/reset-second-factor"
            | "accounts/{account_no}/grants",
        )
        | ("delete", "grants/{grant_no}") => CONSOLE,
        ("get" | "post", "schools/{school_no}/enrol-codes" | "classes/{class_no}/enrol-codes") => CODES,
        ("get", "enrol-codes/{code_no}") | ("post", "enrol-codes/{code_no}/revoke") => CODES,
        _ => return None,
    })
}

/// Something that a path can name: its number, and what it is inside of, itself included.
struct Target {
    no: u32,
    inside: Vec<String>,
}

fn target(no: u32, inside: &[&str]) -> Target {
    Target { no, inside: inside.iter().map(|id| (*id).to_owned()).collect() }
}

/// What there is for each parameter.
struct Targets {
    places: Places,
    group: u32,
    device: u32,
    code: u32,
    class_code: u32,
    flag: u32,
    account: u32,
    grant: u32,
    correction: u32,
}

impl Targets {
    async fn make(world: &World) -> Targets {
        let places = world.places;
        let actor = Actor::terminal(world.clock.now_ms());
        let form = GroupForm { name: "片区".into(), members: vec![440_106] };
        let group = world.store.add_group(&actor, 440_100, &form).await.unwrap().group_no;
        let code = world.store.issue_code(&actor, places.school, 0, &"0".repeat(20)).await.unwrap().code_no;
        let meant = &"1".repeat(20);
        let used = world.store.issue_code(&actor, places.school, places.other_class, meant).await.unwrap();
        let form = json!({"code": used.code, "mac": "502B73D06CCA", "hardware_id": "0123456789abcdef",
            "kind": "all_in_one", "class_no": places.class});
        let device = world.post("/v1/agent/enrol", "", form).await.expect(201).body["device"]["device_no"].as_u64();
        let device = u32::try_from(device.unwrap()).unwrap();
        let shown = world.store.device_view(device, world.clock.now_ms()).await.unwrap();
        let flag = u32::try_from(shown.flags[0].flag_no).unwrap();
        let class_code =
            world.store.issue_code(&actor, places.school, places.class, &"2".repeat(20)).await.unwrap().code_no;
        let no = |no: i64| u32::try_from(no).unwrap();
        let form = AccountForm { login: "teacher".into(), name: "虚构的老师".into(), ..AccountForm::default() };
        let grant = Some((ClassTeacher, OrgId::Class(places.class)));
        let home = OrgId::School(places.school);
        let teacher = world.store.add_account(&actor, home, &form, grant, "no password").await.unwrap();
        let (account, grant) = (teacher.account_no, teacher.grants[0].grant_no);
        let what = What::Place { device_no: device, school_no: places.school, class_no: places.other_class };
        let days = Days { from: Day::parse("2026-11-20").unwrap(), until: None };
        let correction = world.store.propose_correction(&actor, &what, days, "贴错标签").await.unwrap().correction_no;
        let (code, class_code) = (no(code), no(class_code));
        Targets { places, group, device, code, class_code, flag, account, grant, correction }
    }

    fn of(&self, parameter: &str) -> Vec<Target> {
        let Places { school, neighbour, sibling, class, .. } = self.places;
        let (s, c) = (&format!("s{school}"), &format!("c{class}"));
        let own: &[&str] = &[PROVINCE, CITY, COUNTY, s];
        let in_class: &[&str] = &[PROVINCE, CITY, COUNTY, s, c];
        match parameter {
            "code" => vec![
                target(440_000, &[PROVINCE]),
                target(440_100, &[PROVINCE, CITY]),
                target(440_106, &[PROVINCE, CITY, COUNTY]),
                target(440_105, &[PROVINCE, CITY, SIBLING]),
            ],
            "group_no" => vec![target(self.group, &[PROVINCE, CITY])],
            "school_no" => vec![
                target(school, own),
                target(neighbour, &[PROVINCE, CITY, COUNTY, &format!("s{neighbour}")]),
                target(sibling, &[PROVINCE, CITY, SIBLING, &format!("s{sibling}")]),
            ],
            "campus_no" => vec![target(self.places.campus, own)],
            "account_no" => vec![target(self.account, own)],
            "grant_no" => vec![target(self.grant, in_class)],
            "class_no" => vec![target(class, in_class)],
            "device_no" => vec![target(self.device, in_class)],
            // It touches the school as a whole, so that a class's teacher sees nothing of it.
            "correction_no" => vec![target(self.correction, in_class)],
            "flag_no" => vec![target(self.flag, in_class)],
            "code_no" => vec![target(self.code, own), target(self.class_code, in_class)],
            other => panic!("no target for {{{other}}}"),
        }
    }
}

fn callers(places: Places) -> Vec<(Role, String)> {
    let text = |scope: &str| scope.to_owned();
    vec![
        (ProvinceAdmin, text(PROVINCE)),
        (CityAdmin, text(CITY)),
        (CityAdmin, text("440300")),
        (CountyAdmin, text(COUNTY)),
        (CountyAdmin, text(SIBLING)),
        (SchoolAdmin, format!("s{}", places.school)),
        (SchoolAdmin, format!("s{}", places.neighbour)),
        (ClassTeacher, format!("c{}", places.class)),
        (ClassTeacher, format!("c{}", places.other_class)),
        (ClassTeacher, format!("c{}", places.neighbour_class)),
        (Analyst, text(PROVINCE)),
        (Analyst, text(COUNTY)),
        (Analyst, text(SIBLING)),
        (DataTeam, text(PROVINCE)),
    ]
}

/// Methods and paths of the document.
fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(registry::http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let all = paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(|method| (method, path.clone())));
    all.filter(|(method, _)| ["get", "post", "put", "patch", "delete"].contains(&method.as_str())).collect()
}

/// Is this what the caller should get? Allowed changes carry neither tag nor body, so that nothing changes: 400, 428.
fn is_right(answer: &Answer, inside: bool, may: bool) -> bool {
    match (inside, may) {
        (false, _) => answer.status == 404 && answer.slug() == "not-found",
        (true, false) => answer.status == 403 && answer.slug() == "forbidden",
        (true, true) => matches!(answer.status.as_u16(), 200 | 201 | 400 | 428),
    }
}

#[tokio::test]
async fn every_route_gives_every_role_what_the_rules_say() {
    let world = World::start().await;
    let targets = Box::pin(Targets::make(&world)).await;
    let operations = operations();
    assert!(operations.len() > 45, "the document has its routes: {}", operations.len());
    let mut asked = 0;
    for (method, path) in operations {
        if PERSONAL.contains(&path.as_str()) || path.starts_with("/v1/agent/") {
            continue;
        }
        let allowed = rule(&method, &path).unwrap_or_else(|| panic!("{method} {path} has no rule"));
        let (start, end) = (path.find('{').unwrap(), path.find('}').unwrap());
        for target in targets.of(&path[start + 1..end]) {
            let path = format!("{}{}{}", &path[..start], target.no, &path[end + 1..]);
            for (role, scope) in callers(world.places) {
                let verb: Method = method.to_uppercase().parse().unwrap();
                let answer = world.send(verb, &path, &world.token(role, &scope), "", None).await;
                let inside = target.inside.contains(&scope);
                let right = is_right(&answer, inside, allowed.contains(&role));
                assert!(right, "{role:?} of {scope}: {method} {path} gave {} {}", answer.status, answer.body);
                asked += 1;
            }
        }
    }
    assert!(asked > 1_000, "{asked}");
}

/// Negative control: the check tells wrong answers from right ones.
#[test]
fn an_escape_would_be_seen() {
    let answer = |status: u16, slug: &str| Answer {
        status: reqwest::StatusCode::from_u16(status).unwrap(),
        tag: String::new(),
        kind: String::new(),
        body: json!({"type": format!("urn:classpulse:{slug}")}),
    };
    assert!(!is_right(&answer(200, ""), false, true), "somebody else's");
    assert!(!is_right(&answer(403, "forbidden"), false, false), "a 403 outside tells that something is there");
    assert!(!is_right(&answer(428, "no-precondition"), true, false), "the right is asked for before the tag");
    assert!(!is_right(&answer(404, "not-found"), true, true), "locked out");
    assert_eq!(rule("post", "/v1/admin/schools/{school_no}/teleport"), None);
}

#[tokio::test]
async fn without_a_users_token_nothing_is_told() {
    let world = World::start().await;
    let device = world.token(SchoolAdmin, "s1");
    let bent = format!("{}x", &device[..device.len() - 1]);
    world.clock.set_ms(world.clock.now_ms() + 31 * 86_400_000);
    for (token, slug) in [("", "no-token"), (bent.as_str(), "bad-token"), (device.as_str(), "expired-token")] {
        let open = |path: &str| path.starts_with("/v1/agent/") || path.starts_with("/v1/admin/session");
        for (method, path) in operations().into_iter().filter(|(_, path)| !open(path)) {
            let (start, end) = (path.find('{').unwrap_or(0), path.find('}').map_or(0, |end| end + 1));
            let path = if end == 0 { path } else { format!("{}1{}", &path[..start], &path[end..]) };
            let answer = world.send(method.to_uppercase().parse().unwrap(), &path, token, "", None).await;
            assert_eq!((answer.status.as_u16(), answer.slug()), (401, slug), "{method} {path}");
        }
    }
}

/// Bodies that nobody should send, to every route, by somebody who may do everything.
#[tokio::test]
async fn hostile_bodies_are_refused_with_a_problem_and_never_break_anything() {
    let world = World::start().await;
    let targets = Box::pin(Targets::make(&world)).await;
    let token = world.token(ProvinceAdmin, PROVINCE);
    let long = "长".repeat(100_000);
    let bodies = [
        Value::Null,
        json!([]),
        json!({"name": 1}),
        json!({"name": "\u{0}'; DROP TABLE schools; --", "school_type": "小学"}),
        json!({"division": -1}),
        json!({"into": 4_294_967_295_u64, "from_day": "9999-99-99"}),
        json!({"name": long, "members": [440_106]}),
        json!({"status": "merged", "from_day": "2026-11-21"}),
    ];
    for (method, path) in operations().into_iter().filter(|(_, path)| path.contains('{') && !path.contains("key_no")) {
        let (start, end) = (path.find('{').unwrap(), path.find('}').unwrap());
        let no = targets.of(&path[start + 1..end])[0].no;
        if method == "delete"
            || path.ends_with("/enrol-codes")
            || path.ends_with("/revoke")
            || ["initialise", "lock", "close", "reset-password", "approve", "refuse", "withdraw"]
                .iter()
                .any(|end| path.ends_with(end))
        {
            continue;
        }
        let path = format!("{}{no}{}", &path[..start], &path[end + 1..]);
        for body in bodies.iter().filter(|_| method != "get") {
            let verb: Method = method.to_uppercase().parse().unwrap();
            let answer = world.send(verb, &path, &token, "*", Some(body.clone())).await;
            let refused = answer.status.is_client_error() && answer.kind == "application/problem+json";
            assert!(refused, "{method} {path} {} gave {}", body.to_string().len(), answer.status);
        }
    }
    let odd = "/v1/admin/areas/440106/schools?name=%25_%27&tag=%22&cursor=YWZ0ZXI6OTk5OTk5OTk5OTk5";
    world.get(odd, &token).await.expect(200);
    assert!(world.store.verify_audit().await.is_ok());
}
