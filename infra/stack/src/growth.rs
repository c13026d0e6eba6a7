//! Carries a growth out: see [`crate::logic::growth`]. Each step may be done again, and is written down when it is done.

use crate::kafka::{self, Lag};
use crate::launcher::Stack;
use crate::logic::growth::{EventLog, Growth, Step};
use crate::logic::plan::Kind;
use crate::logic::service_config::REWIND;
use crate::orders::Answers;
use crate::startup;
use anyhow::{Context, Result, bail, ensure};
use schemas::topic::EventTopic;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often the groups are asked how far they are, and how often that is told.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// Without any progress for so long nobody drains.
const STALLED_AFTER: Duration = Duration::from_secs(60);
/// Looks one after the other at which everything must be drained: a record that was under way when the topic was closed
/// shows by then.
const CALM_LOOKS: u32 = 3;

/// What the stack in `var` remembers; a new one begins with the first topic.
///
/// # Errors
/// A file that cannot be read.
pub fn remembered(var: &Path) -> Result<EventLog> {
    let file = file(var);
    match fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("read {}", file.display())),
        Err(_absent) => Ok(EventLog::default()),
    }
}

fn file(var: &Path) -> PathBuf {
    var.join("events.json")
}

/// Grows to so many partitions, or goes on with a growth that was interrupted.
///
/// # Errors
/// It makes no sense, a part of the stack is missing, or a step fails; what is done stays done.
pub async fn grow(stack: &Stack, partitions: i32, answers: &mut Answers) -> Result<()> {
    for kind in [Kind::Kafka, Kind::Ingest, Kind::Processors] {
        ensure!(stack.has(kind), "this stack has no {kind}");
    }
    let Ok(_one) = stack.growing.try_lock() else { bail!("a growth is being carried out already") };
    let (ports, mut log) = (stack.ports, stack.events());
    let written = log.written;
    let present = blocking(move || kafka::partitions(ports, written)).await?;
    if !log.begin(partitions, present)? {
        return answers.line(&format!("{written} has {present} partitions already")).await;
    }
    remember(stack, &log).await?;
    while let Some(Growth { step, partitions }) = log.growth {
        let began = Instant::now();
        carry_out(stack, &log, step, partitions, answers).await?;
        log.done(step);
        remember(stack, &log).await?;
        answers.line(&format!("{}: {:.1} s", step.words(), began.elapsed().as_secs_f64())).await?;
    }
    answers.line(&format!("{} with {partitions} partitions is written and folded", log.folded)).await
}

/// Written down first: a launcher that dies now must not start services on the topic before.
async fn remember(stack: &Stack, log: &EventLog) -> Result<()> {
    let file = file(&stack.paths.var);
    crate::files::replace(&file, &serde_json::to_string_pretty(log)?)
        .with_context(|| format!("write {}", file.display()))?;
    stack.set_events(log.clone()).await
}

async fn carry_out(stack: &Stack, log: &EventLog, step: Step, partitions: i32, answers: &mut Answers) -> Result<()> {
    match step {
        Step::Create => create(stack, log.new_topic(), partitions).await,
        Step::SwitchEdges => roll(stack, answers).await,
        Step::Close => {
            let topics = startup::topics(stack)?;
            kafka::close(stack.ports, &topics, log.folded).await
        }
        Step::Drain => drain(stack, log.folded, answers).await,
        Step::SwitchProcessors => restart_processors(stack, answers).await,
    }
}

async fn create(stack: &Stack, topic: EventTopic, partitions: i32) -> Result<()> {
    kafka::create_events(stack.ports, &startup::topics(stack)?, topic, partitions).await?;
    let ports = stack.ports;
    let found = blocking(move || kafka::partitions(ports, topic)).await?;
    ensure!(found == partitions, "{topic} is there already, with {found} partitions");
    Ok(())
}

/// One edge after the other, so that the others serve meanwhile.
async fn roll(stack: &Stack, answers: &mut Answers) -> Result<()> {
    for name in running(stack, Kind::Ingest).await? {
        stack.services.stop(&name).await?;
        start(stack, &name, answers).await?;
    }
    Ok(())
}

/// All at once: there is nothing left to fold in the old topic, and each that came alone would move partitions again.
async fn restart_processors(stack: &Stack, answers: &mut Answers) -> Result<()> {
    let names = running(stack, Kind::Processors).await?;
    for name in &names {
        stack.services.stop(name).await?;
    }
    for name in &names {
        start(stack, name, answers).await?;
    }
    Ok(())
}

/// The instances of a service, with their configuration written anew; what was stopped by hand is left out.
async fn running(stack: &Stack, kind: Kind) -> Result<Vec<String>> {
    let (mut names, views) = (Vec::new(), stack.services.list().await);
    for instance in stack.instances().into_iter().filter(|instance| instance.kind == kind) {
        startup::write_config(stack, instance)?;
        names.push(instance.name());
    }
    names.retain(|name| views.iter().any(|view| view.name == *name && view.wanted));
    Ok(names)
}

async fn start(stack: &Stack, name: &str, answers: &mut Answers) -> Result<()> {
    stack.services.start(name).await?;
    startup::until_ready(stack, name).await?;
    answers.line(&format!("  {name} started again")).await
}

/// Until every group has committed all that is in a topic, and the time is over in which a load may miss rows of it.
async fn drain(stack: &Stack, topic: EventTopic, answers: &mut Answers) -> Result<()> {
    let (mut calm, mut told, mut moved, mut last) = (0, Instant::now(), Instant::now(), 0);
    while calm < CALM_LOOKS {
        let ports = stack.ports;
        let lags = blocking(move || kafka::lags(ports, topic)).await?;
        let (behind, committed) = sums(&lags);
        if committed != last {
            (last, moved) = (committed, Instant::now());
        }
        calm = if behind == 0 { calm + 1 } else { 0 };
        if behind > 0 && told.elapsed() > LOOK_EVERY.1 {
            told = Instant::now();
            answers.line(&format!("  {}", words(&lags))).await?;
        }
        if behind > 0 && moved.elapsed() > STALLED_AFTER {
            bail!("nobody drains {topic} ({}): do the processors run? the same command goes on later", words(&lags));
        }
        sleep(LOOK_EVERY.0).await;
    }
    sleep(REWIND).await;
    Ok(())
}

fn sums(lags: &[(String, Lag)]) -> (i64, u64) {
    (lags.iter().map(|(_, lag)| lag.behind).sum(), lags.iter().map(|(_, lag)| lag.committed).sum())
}

fn words(lags: &[(String, Lag)]) -> String {
    let each = lags.iter().map(|(group, lag)| format!("{group} {} records behind", lag.behind));
    each.collect::<Vec<_>>().join(", ")
}

async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(ask).await?
}
