//! A registry that listens on a port of its own, with two schools in Tianhe and one in Yuexiu.

use registry::config::{EnrolmentConfig, LoginConfig, StoreConfig, TokenConfig};
use registry::http::limits::Limits;
use registry::http::{Api, router};
use registry::keys::Keys;
use registry::logic::forms::{CampusForm, ClassForm, SchoolForm};
use registry::logic::generator::{Generator, Province};
use registry::logic::principal::Verifier;
use registry::logic::{divisions, holidays};
use registry::metrics::Metrics;
use registry::passwords::Passwords;
use registry::sealed::Sealer;
use registry::store::{Actor, Store};
use registry::tokens::Signer;
use reqwest::{Client, Method, StatusCode};
use runtime::clock::Clock;
use schemas::time::{Day, parse_rfc3339_ms};
use schemas::token::{Grant, Role};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub const PROVINCE: &str = "440000";
pub const CITY: &str = "440100";
pub const COUNTY: &str = "440106";
pub const SIBLING: &str = "440105";
pub const MORNING: &str = "2026-11-20T09:00:00+08:00";

/// Numbers of what there is.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// In [`COUNTY`].
    pub school: u32,
    pub campus: u32,
    pub class: u32,
    pub other_class: u32,
    /// In [`COUNTY`] as well.
    pub neighbour: u32,
    pub neighbour_class: u32,
    /// In [`SIBLING`].
    pub sibling: u32,
}

pub struct World {
    pub store: Store,
    /// Where the store is.
    pub config: StoreConfig,
    pub clock: Clock,
    pub places: Places,
    pub directory: TempDir,
    pub metrics: Metrics,
    signer: Signer,
    pub client: Client,
    pub base: String,
    pub api: Arc<Api>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub tag: String,
    pub kind: String,
    pub body: Value,
}

impl Answer {
    /// The end of a problem's type.
    pub fn slug(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("urn:classpulse:")
    }

    /// Says what came when it is another status.
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    pub fn no(&self, field: &str) -> u32 {
        u32::try_from(self.body[field].as_u64().unwrap()).unwrap()
    }
}

pub fn at(text: &str) -> i64 {
    parse_rfc3339_ms(text).unwrap()
}

impl World {
    pub async fn start() -> World {
        World::limited(EnrolmentConfig { per_minute: 0, burst: 1 }).await
    }

    pub async fn limited(limit: EnrolmentConfig) -> World {
        let directory = tempfile::tempdir().unwrap();
        let config = store_in(&directory);
        let store = config.open(45).await.unwrap();
        seed(&store).await;
        let places = build(&store).await;
        let clock = Clock::manual(at(MORNING));
        let keys = Keys::open(&directory.path().join("keys")).unwrap();
        let life = TokenConfig {
            device: Duration::from_secs(86_400 * 400),
            user: Duration::from_secs(86_400 * 30),
            short: Duration::from_secs(900),
        };
        let metrics = Metrics::default();
        let api = Arc::new(Api {
            store: store.clone(),
            verifier: Verifier::new(&keys.user_public_pem, &keys.device_public_pem).unwrap(),
            signer: Signer::new(&keys, life).unwrap(),
            clock: clock.clone(),
            limits: Limits::new(limit.per_minute, limit.burst),
            logins: Limits::new(0, 1),
            oidc: None,
            login: LoginConfig { per_minute: 0, burst: 1, session: Duration::from_secs(43_200), secure: true },
            sealer: Sealer::new(&keys.user_pem).unwrap(),
            passwords: Passwords::new().unwrap(),
            metrics: metrics.clone(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = router(api.clone(), axum::Router::new()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let signer = Signer::new(&keys, life).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        World { store, config, clock, places, directory, metrics, signer, client, base, api }
    }

    pub fn token(&self, role: Role, scope: &str) -> String {
        let grant = Grant { role, scope: scope.to_owned() };
        self.signer.user(format!("{role:?}"), "虚构的人".into(), grant, self.clock.now_ms()).unwrap()
    }

    pub fn county(&self) -> String {
        self.token(Role::CountyAdmin, COUNTY)
    }

    pub fn school_admin(&self) -> String {
        self.token(Role::SchoolAdmin, &format!("s{}", self.places.school))
    }

    pub async fn send(&self, method: Method, path: &str, token: &str, tag: &str, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !tag.is_empty() {
            request = request.header("If-Match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (status, tag, kind) = (response.status(), header("etag"), header("content-type"));
        let text = response.bytes().await.unwrap();
        Answer { status, tag, kind, body: serde_json::from_slice(&text).unwrap_or(Value::Null) }
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, "", None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, path, token, "", Some(body)).await
    }

    /// Reads `read`, then changes with its tag.
    pub async fn change(&self, method: Method, read: &str, path: &str, token: &str, body: Value) -> Answer {
        let tag = self.get(read, token).await.expect(200).tag;
        self.send(method, path, token, &tag, Some(body)).await
    }
}

/// A file in the directory, or the directory's schema of the server that tests are run on again.
fn store_in(directory: &TempDir) -> StoreConfig {
    let database = test_postgres::schema_for(directory.path()).unwrap().unwrap_or_default();
    StoreConfig { path: directory.path().join("store.sqlite"), database }
}

async fn seed(store: &Store) {
    let divisions = divisions::parse(divisions::GUANGDONG_CSV).unwrap();
    let calendar = holidays::parse(holidays::HOLIDAYS_TOML).unwrap();
    let generator = Generator { schools: 3, ..Generator::new(1, Day::parse("2026-11-20").unwrap()) };
    store.seed(&Province::new(generator, &divisions), &calendar, false, at(MORNING)).await.unwrap();
}

async fn build(store: &Store) -> Places {
    let actor = Actor::terminal(at(MORNING));
    let school = async |division: &str, name: &str| {
        let form = SchoolForm { name: name.into(), school_type: "小学".into(), ..SchoolForm::default() };
        store.add_school(&actor, division.parse().unwrap(), &form).await.unwrap().school_no
    };
    let class = async |school_no: u32, names: &[&str]| {
        let form = CampusForm { name: "本部".into() };
        let campus_no = store.add_campus(&actor, school_no, &form).await.unwrap().campus_no;
        let mut classes = Vec::new();
        for name in names {
            let form = ClassForm { campus_no, grade: 1, name: (*name).into(), size: 40 };
            classes.push(store.add_class(&actor, school_no, &form).await.unwrap().class_no);
        }
        (campus_no, classes)
    };
    let own = school(COUNTY, "虚构天河小学").await;
    let neighbour = school(COUNTY, "虚构邻居小学").await;
    let sibling = school(SIBLING, "虚构海珠小学").await;
    let (campus, classes) = class(own, &["一（1）班", "一（2）班"]).await;
    let (_, neighbours) = class(neighbour, &["一（1）班"]).await;
    Places {
        school: own,
        campus,
        class: classes[0],
        other_class: classes[1],
        neighbour,
        neighbour_class: neighbours[0],
        sibling,
    }
}
