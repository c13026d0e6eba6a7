//! Answers what is asked of a launcher over its socket (see [`crate::control`]).

use crate::control::{Answer, Order, ServiceStatus};
use crate::growth;
use crate::launcher::Stack;
use crate::logic::growth::{EventLog, Growth};
use crate::logic::plan::Kind;
use crate::process;
use crate::progress::Phase;
use crate::startup;
use crate::supervisor::View;
use anyhow::{Result, bail};
use std::rc::Rc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Takes orders for as long as it is polled, several at once.
pub async fn serve(listener: UnixListener, stack: Rc<Stack>) {
    while let Ok((stream, _)) = listener.accept().await {
        let stack = stack.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = converse(stream, &stack).await {
                stack.progress.log(&format!("an order was not answered: {error:#}"));
            }
        });
    }
}

async fn converse(stream: UnixStream, stack: &Stack) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(());
    }
    let mut answers = Answers(stream);
    let outcome = match serde_json::from_str(&line)? {
        Order::Status => status(stack, &mut answers).await,
        Order::Start { service } => start(stack, &service).await,
        Order::Stop { service } => Ok(stack.services.stop(&service).await?),
        Order::Grow { partitions } => growth::grow(stack, partitions, &mut answers).await,
        Order::Down => {
            stack.ask_down();
            Ok(())
        }
        Order::Follow => follow(stack, &mut answers).await,
    };
    let last = outcome.map_or_else(|error| Answer::Failed(format!("{error:#}")), |()| Answer::Done);
    answers.send(&last).await
}

/// The client of an order.
pub struct Answers(BufReader<UnixStream>);

impl Answers {
    /// Tells people something.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub async fn line(&mut self, text: &str) -> Result<()> {
        self.send(&Answer::Line(text.to_owned())).await
    }

    async fn send(&mut self, answer: &Answer) -> Result<()> {
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        Ok(self.0.write_all(&line).await?)
    }
}

async fn start(stack: &Stack, service: &str) -> Result<()> {
    if let Ok(instance) = service.parse() {
        stack.add(instance)?;
    }
    stack.services.start(service).await?;
    startup::until_ready(stack, service).await.map(|_uptime| ())
}

async fn status(stack: &Stack, answers: &mut Answers) -> Result<()> {
    let views = stack.services.list().await;
    let checks: Vec<_> = views
        .iter()
        .map(|view| {
            let health = view.health.clone();
            tokio::spawn(async move { health.check().await })
        })
        .collect();
    for (view, check) in views.into_iter().zip(checks) {
        let answer = check.await.map(|outcome| outcome.map_err(|reason| reason.to_string()));
        answers.send(&Answer::Service(service_status(view, answer.unwrap_or(Ok(()))))).await?;
    }
    if let Some(url) = &stack.database {
        answers.line(&format!("the registry's store: {url}")).await?;
    }
    if stack.has(Kind::Kafka) && stack.has(Kind::Processors) {
        let words = stack
            .lag(&stack.events())
            .await
            .map_or_else(|error| format!("{error:#}"), |lag| format!("{} records", lag.behind));
        answers.line(&format!("lag of the ledgers: {words}")).await?;
        let EventLog { written, folded, growth } = stack.events();
        answers.line(&format!("edges write {written}, processors fold {folded}")).await?;
        if let Some(Growth { partitions, step }) = growth {
            let words = step.words();
            answers.line(&format!("growing to {partitions} partitions was interrupted before: {words}")).await?;
        }
    }
    Ok(())
}

fn service_status(view: View, answer: Result<(), String>) -> ServiceStatus {
    let health = match (view.pid, view.wanted) {
        (Some(_), _) => answer.map_or_else(|reason| format!("not ready: {reason}"), |()| "ready".to_owned()),
        (None, true) => "dead".to_owned(),
        (None, false) => "stopped".to_owned(),
    };
    ServiceStatus {
        name: view.name,
        pid: view.pid,
        health,
        uptime_s: view.uptime.as_secs(),
        resident_bytes: view.pid.and_then(process::resident_bytes),
        restarts: view.restarts,
    }
}

async fn follow(stack: &Stack, answers: &mut Answers) -> Result<()> {
    let mut follower = stack.progress.follow();
    loop {
        let (lines, phase) = follower.news().await;
        for line in lines {
            answers.send(&Answer::Line(line)).await?;
        }
        match phase {
            Phase::Starting => {}
            Phase::Ready => return Ok(()),
            Phase::Failed(reason) => bail!("{reason}"),
        }
    }
}
