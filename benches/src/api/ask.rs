//! Asks the API, and asks ClickHouse the same.

use super::fill::World;
use super::people::People;
use anyhow::{Context, ensure};
use clickhouse::{Client, Compression};
use query_api::logic::params::Route;
use query_api::logic::plan::{Calendar, DayCount, Grouping, Plan};
use query_api::logic::sql::Statement;
use query_api::logic::tree::Target;
use schemas::figures::{FigureId, Source};
use schemas::time::Day;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// One kind of question.
pub struct Question {
    area: u32,
    route: Route,
    path: &'static str,
    grouping: Grouping,
}

/// How long each took.
#[derive(Default)]
pub struct Latencies {
    /// Through the API.
    pub api: Vec<Duration>,
    /// The statements of the answer, sent straight to ClickHouse.
    pub direct: Vec<Duration>,
}

/// Asked before anything is measured: caches of both sides are warm.
const WARM: usize = 5;

impl Question {
    /// Overview, children and trend of the province, a city and a county.
    pub fn all() -> Vec<Question> {
        let routes = [
            (Route::Overview, "overview", Grouping::Whole),
            (Route::Children, "children", Grouping::Units),
            (Route::Trend, "trend", Grouping::Days),
        ];
        let of = |area| routes.map(|(route, path, grouping)| Question { area, route, path, grouping });
        [440_000, 440_100, 440_103].into_iter().flat_map(of).collect()
    }

    /// For the report.
    pub fn name(&self) -> String {
        let level = match self.area {
            440_000 => "province",
            area if area % 100 == 0 => "city",
            _ => "county",
        };
        format!("{} of a {level}", self.path)
    }

    /// The figures that an answer has by default and that the same SQL gives. An overview also counts sets of devices,
    /// which the service keeps in memory; there is no same SQL for these.
    fn figures(&self) -> Vec<FigureId> {
        let in_rows = |id: &FigureId| !matches!(id.entry().source, Source::Sessions | Source::Receipts);
        self.route.default_figures().into_iter().filter(in_rows).collect()
    }
}

/// Asks in turn: the API as it stands, then ClickHouse.
pub async fn measure(
    api: SocketAddr,
    clickhouse: &str,
    people: &People,
    world: &World,
    question: &Question,
    rounds: usize,
) -> anyhow::Result<Latencies> {
    let token = people.token(question.area)?;
    let (from, to) = world.days;
    let target = format!("/v1/orgs/{}/{}?from={from}&to={to}", question.area, question.path);
    let mut connection = Connection::open(api, &target, &token).await?;
    let direct = Direct::new(clickhouse, people, world, question)?;
    let mut latencies = Latencies::default();
    for round in 0..WARM + rounds {
        let (through, straight) = (connection.ask().await?, direct.ask().await?);
        if round >= WARM {
            latencies.api.push(through);
            latencies.direct.push(straight);
        }
    }
    Ok(latencies)
}

/// A connection that is kept alive, and the one request that is sent over it.
struct Connection {
    stream: BufStream<TcpStream>,
    request: String,
}

impl Connection {
    async fn open(address: SocketAddr, target: &str, token: &str) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
        Ok(Connection { stream: BufStream::new(stream), request })
    }

    /// Until the last byte of the answer.
    async fn ask(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.stream.write_all(self.request.as_bytes()).await?;
        self.stream.flush().await?;
        let (mut line, mut length) = (String::new(), None);
        self.stream.read_line(&mut line).await?;
        ensure!(line.starts_with("HTTP/1.1 200"), "the API answers {line}");
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            if line == "\r\n" {
                break;
            }
            let value = line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = value.map(|(_, value)| value.trim().parse::<usize>()).transpose()?.or(length);
        }
        let mut body = vec![0; length.context("the answer has no length")?];
        self.stream.read_exact(&mut body).await?;
        Ok(begun.elapsed())
    }
}

/// The statements of an answer: the roster's first, then both ledgers' side by side, as the service sends them.
struct Direct {
    client: Client,
    roster: Statement,
    activity: Statement,
    network: Statement,
}

impl Direct {
    fn new(clickhouse: &str, people: &People, world: &World, question: &Question) -> anyhow::Result<Direct> {
        let scope = people.scope(question.area)?;
        let figures = question.figures();
        let (from, to) = world.days;
        let target = Target::Area(question.area);
        let plan = Plan { scope: &scope, target, from, to, grouping: question.grouping, figures: &figures };
        let calendar = calendar(from, to);
        let client = Client::default().with_url(clickhouse).with_user("api").with_database("classpulse");
        Ok(Direct {
            client: client.with_compression(Compression::None),
            roster: plan.roster(),
            activity: plan.activity(&calendar).context("no school day")?,
            network: plan.network(&calendar).context("no school day")?,
        })
    }

    async fn ask(&self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.send(&self.roster).await?;
        tokio::try_join!(self.send(&self.activity), self.send(&self.network))?;
        Ok(begun.elapsed())
    }

    async fn send(&self, statement: &Statement) -> anyhow::Result<usize> {
        let mut bytes = self.client.query_raw(statement.text()).fetch_bytes("RowBinaryWithNamesAndTypes")?;
        let mut length = 0;
        while let Some(chunk) = bytes.next().await? {
            length += chunk.len();
        }
        Ok(length)
    }
}

/// Every Monday to Friday, for all schools: what the roster of the bench's world says.
fn calendar(from: Day, to: Day) -> Calendar {
    let days = (from.0..=to.0).map(Day).filter(|day| day.weekday() < 5);
    Calendar { days: days.map(|day| DayCount { day, on: 1, off: 0, provisional: false }).collect() }
}
