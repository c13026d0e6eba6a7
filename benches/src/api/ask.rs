//! Asks the API, and asks ClickHouse the same.

use super::fill::{self, World};
use super::people::People;
use super::serve::Stack;
use crate::edge::process::Service;
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

/// What the answers to one kind of question took.
#[derive(Default)]
pub struct Measured {
    /// Time through the API.
    pub api: Vec<Duration>,
    /// Time of the statements that give the same sums, sent straight to ClickHouse.
    pub direct: Vec<Duration>,
    /// Time through the API, each right after rows of today have changed.
    pub changed: Vec<Duration>,
    /// CPU time an answer, of the API's process.
    pub api_cpu: Duration,
    /// CPU time an answer, of ClickHouse: what the API asked of it.
    pub clickhouse_cpu: Duration,
    /// CPU time of ClickHouse for the statements that are sent straight.
    pub direct_cpu: Duration,
}

/// What is asked, and what is measured beside the time.
pub struct Bench<'a> {
    /// The ClickHouse.
    pub stack: &'a Stack,
    /// The API on it.
    pub api: &'a Service,
    /// Who asks.
    pub people: &'a People,
    /// What the tables hold.
    pub world: &'a World,
}

/// Asked before anything is measured: caches of both sides are warm.
const WARM: usize = 5;
/// Between questions where it matters that the API looks at the tables for each: longer than a look serves.
const PAUSE: Duration = Duration::from_millis(220);

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

impl Bench<'_> {
    /// Asks the API and ClickHouse in turn, then each alone for the CPU time, then the API after changes.
    pub async fn measure(&self, question: &Question, rounds: usize) -> anyhow::Result<Measured> {
        let token = self.people.token(question.area)?;
        let (from, to) = self.world.days;
        let target = format!("/v1/orgs/{}/{}?from={from}&to={to}", question.area, question.path);
        let mut connection = Connection::open(self.api.address(), &target, &token).await?;
        let direct = Direct::new(&self.stack.clickhouse(), self.people, self.world, question)?;
        let mut measured = Measured::default();
        for round in 0..WARM + rounds {
            let (through, straight) = (connection.ask().await?, direct.ask().await?);
            if round >= WARM {
                measured.api.push(through);
                measured.direct.push(straight);
            }
        }
        self.cpu_through(&mut connection, rounds, &mut measured).await?;
        measured.direct_cpu = self.cpu_straight(&direct, rounds).await?;
        measured.changed = self.after_changes(&mut connection, rounds / 3).await?;
        Ok(measured)
    }

    async fn cpu_through(&self, api: &mut Connection, rounds: usize, measured: &mut Measured) -> anyhow::Result<()> {
        let before = (self.api.process().cpu()?, self.stack.clickhouse_cpu()?);
        for _ in 0..rounds {
            tokio::time::sleep(PAUSE).await;
            api.ask().await?;
        }
        let answers = u32::try_from(rounds)?;
        measured.api_cpu = (self.api.process().cpu()? - before.0) / answers;
        measured.clickhouse_cpu = (self.stack.clickhouse_cpu()? - before.1) / answers;
        Ok(())
    }

    async fn cpu_straight(&self, direct: &Direct, rounds: usize) -> anyhow::Result<Duration> {
        let before = self.stack.clickhouse_cpu()?;
        for _ in 0..rounds {
            tokio::time::sleep(PAUSE).await;
            direct.ask().await?;
        }
        Ok((self.stack.clickhouse_cpu()? - before) / u32::try_from(rounds)?)
    }

    async fn after_changes(&self, api: &mut Connection, rounds: usize) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(rounds);
        for round in 0..rounds {
            fill::change(&self.stack.clickhouse(), self.world, u32::try_from(round)? + 1).await?;
            tokio::time::sleep(PAUSE).await;
            times.push(api.ask().await?);
        }
        Ok(times)
    }
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
