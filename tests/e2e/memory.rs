//! What the API keeps in memory, against the same sums read by statements: rows come, change, merge and go, and both
//! must tell the same after each step.

use crate::stack::Stack;
use e2e::repository;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use prometheus_client::registry::Registry;
use query_api::config::{self, Config};
use query_api::logic::plan::Grouping;
use query_api::logic::scope::Scope;
use query_api::logic::token::Verifier;
use query_api::logic::tree::Target;
use query_api::metrics::Metrics;
use query_api::source::client::Store;
use query_api::source::facts::{Now, QueryIds, Read, Sources, UnitQuestion};
use query_api::source::memory::Memory;
use schemas::figures::FigureId;
use schemas::time::Day;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Friday, 20 November 2026.
const TODAY: Day = Day(20_777);
/// Area and number of the schools; the school 6 has moved from one county to another and has days in both.
const SCHOOLS: [(u32, u32); 10] = [
    (440_000, 1),
    (440_100, 2),
    (440_100, 3),
    (440_103, 4),
    (440_103, 5),
    (440_103, 6),
    (440_104, 6),
    (440_104, 7),
    (440_204, 8),
    (440_204, 9),
];
const AREAS: [u32; 4] = [440_000, 440_100, 440_103, 440_204];
const GROUPINGS: [Grouping; 3] = [Grouping::Whole, Grouping::Units, Grouping::Days];
/// Steps of the random walk.
const STEPS: u32 = 40;

/// A repeatable sequence of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(limit)) as u32
    }

    fn school(&mut self) -> (u32, u32) {
        SCHOOLS[self.below(SCHOOLS.len() as u32) as usize]
    }

    /// Often today, else any of seven weeks: some of them before what the memory keeps.
    fn day(&mut self) -> Day {
        if self.below(3) == 0 { TODAY } else { TODAY.plus(-(self.below(50) as i32)) }
    }
}

/// ClickHouse, written to as anyone may write.
struct Tables {
    http: reqwest::Client,
    url: String,
    ver: u32,
}

impl Tables {
    async fn run(&self, statement: &str) -> String {
        let url = format!("{}/?database=classpulse&mutations_sync=2", self.url);
        let answer = self.http.post(url).body(statement.to_owned()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{statement}: {text}");
        text
    }

    async fn roster(&mut self, dice: &mut Dice, (division, school): (u32, u32), day: Day) {
        self.ver += 1;
        let (in_service, school_day) = (dice.below(5), u32::from(dice.below(4) > 0));
        let devices = format!("range(toUInt32({school}00), toUInt32({school}00 + {in_service}))");
        let ver = self.ver;
        self.run(&format!(
            "INSERT INTO roster_day (division, school_no, day, in_service, classes, school_day, provisional, lessons, \
             in_service_nos, ver) SELECT {division}, {school}, toDate('{day}'), {in_service}, {in_service}, {school_day}, \
             0, 8, {devices}, {ver}"
        ))
        .await;
    }

    async fn activity(&mut self, dice: &mut Dice, (division, school): (u32, u32), day: Day) {
        self.ver += 1;
        let (n, ver) = (dice.below(5), self.ver);
        let sessions = format!("range(toUInt32({school}00), toUInt32({school}00 + {n}))");
        self.run(&format!(
            "INSERT INTO school_day (division, school_no, day, ver, reporting, powered, used, classes_used, on_s, active_s, \
             active_s_reporting, lessons_used, online, active, reporting_unlisted, session_device_nos) \
             SELECT {division}, {school}, toDate('{day}'), {ver}, {n}, {n}, {n}, {n}, {n}00, {n}0, {n}0, {n}, \
             arrayMap(k -> toUInt16({n}), range(144)), arrayMap(k -> toUInt16({n}), range(144)), 0, {sessions}"
        ))
        .await;
    }

    async fn network(&mut self, dice: &mut Dice, (division, school): (u32, u32), day: Day) {
        self.ver += 1;
        let (n, ver) = (dice.below(5), self.ver);
        let histogram = format!("arrayMap(k -> toUInt32(k * {n}), range(22))");
        self.run(&format!(
            "INSERT INTO school_network_day (division, school_no, day, ver, pass, fail, unknown, bursts, busy, outage, partial, \
             valid, probes_sent, probes_lost, probes_invalid, latency_hist, jitter_hist) \
             SELECT {division}, {school}, toDate('{day}'), {ver}, {n}, 1, 2, 9, 1, {n}, 1, 7, 100, {n}, 0, {histogram}, \
             {histogram}"
        ))
        .await;
    }

    /// One thing that happens to tables.
    async fn step(&mut self, dice: &mut Dice, step: u32) {
        match step {
            10 => self.mutate("ALTER TABLE school_day DELETE WHERE school_no = 5").await,
            18 => self.mutate("ALTER TABLE school_network_day DROP PARTITION '2026-11-09'").await,
            26 => self.exchange().await,
            34 => self.mutate("ALTER TABLE roster_day DELETE WHERE division = 440104").await,
            _ if dice.below(6) == 0 => {
                let table = ["roster_day", "school_day", "school_network_day"][dice.below(3) as usize];
                self.mutate(&format!("OPTIMIZE TABLE {table} FINAL")).await;
            }
            _ => {
                for _ in 0..=dice.below(4) {
                    self.row(dice).await;
                }
            }
        }
    }

    async fn row(&mut self, dice: &mut Dice) {
        let (school, day) = (dice.school(), dice.day());
        match dice.below(4) {
            0 => self.roster(dice, school, day).await,
            1 => self.network(dice, school, day).await,
            _ => self.activity(dice, school, day).await,
        }
    }

    async fn mutate(&self, statement: &str) {
        self.run(statement).await;
    }

    /// Another table takes the name of `school_day`; its parts have names that the first one's had.
    async fn exchange(&mut self) {
        self.run("CREATE TABLE school_day_anew AS school_day").await;
        self.run(
            "INSERT INTO school_day_anew (division, school_no, day, ver, used) VALUES (440103, 4, '2026-11-20', 1, 77)",
        )
        .await;
        self.run("EXCHANGE TABLES school_day AND school_day_anew").await;
    }
}

/// A service's sources, and how often they answered out of memory.
struct Reader {
    sources: Arc<Sources>,
    metrics: Metrics,
}

fn reader(clickhouse: &str, change: impl FnOnce(&mut Config)) -> Reader {
    let mut config = config::load(None).unwrap();
    config.clickhouse.url = clickhouse.to_owned();
    config.memory.max_age = Duration::ZERO;
    change(&mut config);
    let metrics = Metrics::register(&mut Registry::default());
    let store = Store::new(&config.clickhouse, &config.limits, metrics.clone());
    let memory = Memory::new(&config.memory);
    Reader { sources: Arc::new(Sources::new(store, memory, metrics.clone())), metrics }
}

fn scope(place: &str) -> Scope {
    let keys = repository().join("query-api/tests/keys");
    let claims = serde_json::json!({
        "iss": "classpulse", "aud": "api", "sub": "tester", "name": "", "exp": 9_999_999_999_i64,
        "grants": [{"role": "county_admin", "scope": place}],
    });
    let key = EncodingKey::from_ed_pem(&std::fs::read(keys.join("user.pem")).unwrap()).unwrap();
    let token = encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap();
    Verifier::new(&std::fs::read(keys.join("user.pub.pem")).unwrap()).unwrap().verify(&token, 0).unwrap().scope
}

fn question(area: u32, grouping: Grouping, figures: &[FigureId]) -> UnitQuestion {
    UnitQuestion {
        scope: scope(&area.to_string()),
        target: Target::Area(area),
        days: (TODAY.plus(-29), TODAY),
        grouping,
        figures: figures.to_vec(),
        today: TODAY,
    }
}

impl Reader {
    async fn read(&self, question: &UnitQuestion) -> Read {
        self.sources.read(&question.plan(), NOW, ids()).await.unwrap()
    }
}

const NOW: Now = Now { today: TODAY, accepted_from: Day(0), online_since_ms: 0 };

fn ids() -> QueryIds {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    QueryIds(format!("e2e-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// All figures; sets of devices of every day of a trend would take most of the test's time, and are those of one day.
fn figures(grouping: Grouping) -> &'static [FigureId] {
    if grouping == Grouping::Days {
        &[FigureId::UsageRate, FigureId::OnlineRate, FigureId::JitterP90]
    } else {
        FigureId::ALL
    }
}

/// The first question that both answer differently.
async fn difference(one: &Reader, other: &Reader) -> Option<String> {
    for area in AREAS {
        for grouping in GROUPINGS {
            let question = question(area, grouping, figures(grouping));
            let (a, b) = (one.read(&question).await, other.read(&question).await);
            if a.facts != b.facts || a.version != b.version {
                return Some(format!("{area} {grouping:?}:\n{a:?}\n{b:?}"));
            }
        }
    }
    None
}

#[tokio::test]
async fn memory_tells_what_the_tables_tell_whatever_happens_to_them() {
    let stack = Stack::only(29_600, "clickhouse");
    let url = stack.address("clickhouse_http").to_owned();
    let mut tables = Tables { http: reqwest::Client::new(), url: url.clone(), ver: 0 };
    let mut dice = Dice(7);
    for _ in 0..200 {
        tables.row(&mut dice).await;
    }
    let (remembers, forgets) =
        (reader(&url, |config| config.memory.days = 40), reader(&url, |config| config.memory.days = 0));
    let trusting = reader(&url, |config| config.memory.max_age = Duration::from_secs(3600));
    assert_eq!(difference(&trusting, &forgets).await, None);
    for step in 0..STEPS {
        tables.step(&mut dice, step).await;
        assert_eq!(difference(&remembers, &forgets).await, None, "after step {step}");
    }
    assert!(remembers.metrics.remembered.get() > u64::from(STEPS) * 8, "most questions were answered out of memory");
    assert_eq!(forgets.metrics.remembered.get(), 0);
    assert!(
        difference(&trusting, &forgets).await.is_some(),
        "negative control: a memory that does not look is found out"
    );
    equal_questions_share_their_statements(&tables, &remembers).await;
}

/// Of many who ask the same at one time, one asks ClickHouse; who may see something else asks for himself.
async fn equal_questions_share_their_statements(tables: &Tables, reader: &Reader) {
    let county = question(440_103, Grouping::Units, &[FigureId::UsageRate]);
    let statements = async || {
        let count = tables.run("SELECT value FROM system.events WHERE event = 'SelectQuery'").await;
        count.trim().parse::<u64>().unwrap()
    };
    let before = statements().await;
    reader.sources.ask(county.clone(), NOW, ids()).await.unwrap();
    let alone = statements().await - before - 1;
    let ask = |question: &UnitQuestion| reader.sources.ask(question.clone(), NOW, ids());
    let before = statements().await;
    let answers = futures::future::join_all((0..30).map(|_| ask(&county))).await;
    assert_eq!(statements().await - before - 1, alone, "thirty at once ask as much as one");
    let first = answers[0].as_ref().unwrap();
    assert!(answers.iter().all(|answer| Arc::ptr_eq(answer.as_ref().unwrap(), first)));
    let of_province = UnitQuestion { scope: scope("440000"), ..county.clone() };
    let before = statements().await;
    let (one, other) = futures::future::join(ask(&county), ask(&of_province)).await;
    assert_eq!(statements().await - before - 1, 2 * alone, "another scope is another question");
    assert!(!Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
}
