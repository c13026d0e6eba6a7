//! The order in which a stack comes up.

use crate::jobs;
use crate::kafka;
use crate::launcher::Stack;
use crate::logic::growth::EventLog;
use crate::logic::plan::{Instance, Kind};
use crate::logic::service_config;
use crate::logic::topics::{self, Topics};
use crate::logic::words::{FleetPhase, FleetStatus, history_line, small_lag};
use crate::probe;
use crate::specs;
use anyhow::{Context, Result, bail};
use schemas::time::Day;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a service may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// A service that died this often in a row will not come up.
const HOPELESS_DEATHS: u32 = 4;
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How often progress of the history is told.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// When neither posts nor commits move for so long, nothing will come any more.
const STALLED_AFTER: Duration = Duration::from_secs(90);

/// What the registry was seeded with; written when that is complete.
#[derive(Debug, Serialize, Deserialize)]
struct Seed {
    schools: u32,
    today: String,
}

/// Brings everything up, in order.
///
/// # Errors
/// The first thing that does not come up.
pub async fn bring_up(stack: &Stack) -> Result<()> {
    write_configs(stack)?;
    tokio::try_join!(bring_up_kafka(stack), bring_up_clickhouse(stack))?;
    seed(stack).await?;
    for kind in [Kind::Registry, Kind::Ingest, Kind::Processors, Kind::QueryApi] {
        start_all(stack, kind).await?;
    }
    for instance in stack.instances() {
        if !matches!(instance.kind, Kind::Kafka | Kind::ClickHouse | Kind::Fleet) {
            ready(stack, instance).await?;
        }
    }
    if stack.has(Kind::Fleet) {
        start_all(stack, Kind::Fleet).await?;
        ready(stack, Instance { kind: Kind::Fleet, number: 1 }).await?;
        play_history(stack).await?;
    }
    Ok(())
}

fn write_configs(stack: &Stack) -> Result<()> {
    for directory in ["etc", "log", "registry", "keys", "fleet/state"] {
        fs::create_dir_all(stack.paths.var.join(directory))?;
    }
    for kind in Kind::ALL {
        let number_one = Instance { kind, number: 1 };
        // Tokens are made from the registry's file also where the registry itself does not run.
        for instance in stack.instances().into_iter().filter(|one| one.kind == kind).chain([number_one]) {
            write_config(stack, instance)?;
        }
    }
    Ok(())
}

/// Writes the configuration of one instance.
///
/// # Errors
/// The file cannot be written.
pub fn write_config(stack: &Stack, instance: Instance) -> Result<()> {
    let inputs = service_config::Inputs {
        ports: stack.ports,
        clock: stack.virtual_clock.then_some(&stack.clock),
        var: &stack.paths.var,
        history_days: stack.options.days,
        edges: stack.edges(),
        journal: stack.options.journal,
        database: stack.database.as_ref(),
        events: &stack.events(),
    };
    if let Some(text) = service_config::render(instance, &inputs) {
        let file = stack.paths.config(&instance.name());
        // The database's URL may hold a password.
        let secret = instance.kind == Kind::Registry;
        if secret { crate::files::replace_secret(&file, &text)? } else { crate::files::replace(&file, &text)? }
    }
    Ok(())
}

async fn bring_up_kafka(stack: &Stack) -> Result<()> {
    if !stack.has(Kind::Kafka) {
        return Ok(());
    }
    let data = stack.paths.var.join("kafka");
    let properties = stack.paths.var.join("etc/kafka.properties");
    crate::files::replace(&properties, &kafka::properties(stack.ports, &data))?;
    if !data.join("meta.properties").exists() {
        let format = ["format", "--cluster-id", kafka::CLUSTER_ID, "--config"].map(OsString::from);
        let mut arguments = specs::kafka_java(&stack.paths, "-Xmx128m", "kafka.tools.StorageTool");
        arguments.extend(format);
        arguments.push(properties.into());
        jobs::run("java".as_ref(), &arguments, &stack.paths.log("kafka")).await.context("format Kafka's storage")?;
    }
    start_all(stack, Kind::Kafka).await?;
    ready(stack, Instance { kind: Kind::Kafka, number: 1 }).await?;
    kafka::create_topics(stack.ports, &topics(stack)?).await
}

/// The topics that a new stack gets.
///
/// # Errors
/// The file cannot be read.
pub fn topics(stack: &Stack) -> Result<Topics> {
    let file = stack.paths.root.join("infra/kafka/topics.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    topics::parse(&text).with_context(|| format!("read {}", file.display()))
}

async fn bring_up_clickhouse(stack: &Stack) -> Result<()> {
    if !stack.has(Kind::ClickHouse) {
        return Ok(());
    }
    fs::create_dir_all(stack.paths.var.join("clickhouse"))?;
    start_all(stack, Kind::ClickHouse).await?;
    ready(stack, Instance { kind: Kind::ClickHouse, number: 1 }).await?;
    let processors = stack.paths.binary("processors");
    if !processors.exists() && !stack.has(Kind::Processors) {
        return Ok(());
    }
    let arguments = ["migrate".into(), "--config".into(), stack.paths.config("processors").into()];
    jobs::run(&processors, &arguments, &stack.paths.log("migrate")).await.context("migrate ClickHouse")?;
    stack.progress.say("tables migrated");
    Ok(())
}

/// Makes the province, once.
async fn seed(stack: &Stack) -> Result<()> {
    if !stack.has(Kind::Registry) {
        return Ok(());
    }
    let marker = stack.paths.var.join("registry/seed.json");
    if let Ok(text) = fs::read_to_string(&marker) {
        return keep_seed(stack, &serde_json::from_str(&text).context("read the seed's marker")?);
    }
    let schools = stack.options.schools;
    let today = Day::of_ms(stack.now_ms()).to_string();
    let numbers = [schools.to_string(), today.clone()];
    let arguments: [OsString; 8] = [
        "seed".into(),
        // A database that outlived another stack has a province, of which this one's topics know nothing yet.
        "--republish".into(),
        "--config".into(),
        stack.paths.config("registry").into(),
        "--schools".into(),
        numbers[0].clone().into(),
        "--today".into(),
        numbers[1].clone().into(),
    ];
    let started = Instant::now();
    jobs::run(&stack.paths.binary("registry"), &arguments, &stack.paths.log("registry")).await.context("seed")?;
    crate::files::replace(&marker, &serde_json::to_string(&Seed { schools, today })?)?;
    stack.progress.say(&format!("registry seeded: {schools} schools, {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

fn keep_seed(stack: &Stack, seed: &Seed) -> Result<()> {
    if seed.schools != stack.options.schools {
        stack.progress.say(&format!(
            "this stack was made with {} schools and keeps them; `./classpulse reset` removes it",
            seed.schools
        ));
    }
    Ok(())
}

async fn start_all(stack: &Stack, kind: Kind) -> Result<()> {
    for instance in stack.instances().into_iter().filter(|instance| instance.kind == kind) {
        stack.services.start(&instance.name()).await?;
    }
    Ok(())
}

async fn ready(stack: &Stack, instance: Instance) -> Result<()> {
    let name = instance.name();
    let uptime = until_ready(stack, &name).await?;
    stack.progress.say(&format!("{name:<12} ready after {:.1} s", uptime.as_secs_f64()));
    Ok(())
}

/// Waits until a service answers that it is ready; returns how long it has run.
///
/// # Errors
/// It takes too long, or dies again and again; with the end of its log.
pub async fn until_ready(stack: &Stack, name: &str) -> Result<Duration> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let views = stack.services.list().await;
        let Some(view) = views.into_iter().find(|view| view.name == name) else { bail!("no service {name}") };
        let reason = match (view.pid, view.health.check().await) {
            (Some(_), Ok(())) => return Ok(view.uptime),
            (Some(_), Err(reason)) => reason.to_string(),
            (None, _) => "it died".to_owned(),
        };
        let dead = view.pid.is_none() && (stack.options.no_restart || !view.wanted);
        if dead || view.deaths >= HOPELESS_DEATHS || Instant::now() > deadline {
            bail!("{name} does not come up: {reason}\n{}", jobs::last_lines(&stack.paths.log(name)));
        }
        sleep(ASK_EVERY).await;
    }
}

/// Waits until the fleet has posted its history and the processors have folded it.
async fn play_history(stack: &Stack) -> Result<()> {
    let started = Instant::now();
    let mut watch = Watch::new();
    loop {
        let status = fleet_status(stack).await?;
        if status.phase != FleetPhase::History {
            let seconds = started.elapsed().as_secs_f64();
            stack.progress.say(&format!("history: {} posts taken, {seconds:.0} s", status.history_posts_done));
            return until_folded(stack, small_lag(&status)).await;
        }
        if watch.stalled(status.history_posts_done) {
            bail!("the edge takes no more of the history\n{}", jobs::last_lines(&stack.paths.log("ingest")));
        }
        if watch.due() {
            stack.progress.say(&history_line(&status, started.elapsed().as_secs_f64()));
        }
        sleep(ASK_EVERY * 4).await;
    }
}

/// Paces the telling, and notices when nothing moves.
struct Watch {
    told: Instant,
    moved: Instant,
    last: u64,
}

impl Watch {
    fn new() -> Watch {
        Watch { told: Instant::now(), moved: Instant::now(), last: u64::MAX }
    }

    fn due(&mut self) -> bool {
        let due = self.told.elapsed() >= TELL_EVERY;
        if due {
            self.told = Instant::now();
        }
        due
    }

    fn stalled(&mut self, value: u64) -> bool {
        if value != self.last {
            self.last = value;
            self.moved = Instant::now();
        }
        self.moved.elapsed() >= STALLED_AFTER
    }
}

async fn fleet_status(stack: &Stack) -> Result<FleetStatus> {
    let port = stack.ports.of(Kind::Fleet, 1);
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        match probe::get(port, "/status").await {
            Ok(text) => return serde_json::from_str(&text).context("read the fleet's status"),
            Err(reason) if Instant::now() > deadline => bail!("the fleet does not answer: {reason}"),
            Err(_) => sleep(ASK_EVERY * 10).await,
        }
    }
}

async fn until_folded(stack: &Stack, small: i64) -> Result<()> {
    if !stack.has(Kind::Processors) {
        return Ok(());
    }
    let mut watch = Watch::new();
    loop {
        // What waits in a new topic is folded only when a growth under way goes on.
        let log = stack.events();
        let lag = stack.lag(&EventLog { written: log.folded, ..log }).await?;
        if lag.behind <= small {
            stack.progress.say("the processors have caught up");
            return Ok(());
        }
        if watch.stalled(lag.committed) {
            bail!("the processors do not get on\n{}", jobs::last_lines(&stack.paths.log("processors")));
        }
        if watch.due() {
            stack.progress.say(&format!("the processors are {} records behind", lag.behind));
        }
        sleep(ASK_EVERY * 10).await;
    }
}
