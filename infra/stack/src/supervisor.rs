//! Keeps the services as they are wanted: starts, stops, starts again, and publishes every change.

use crate::logic::backoff::Backoff;
use crate::logic::manifest::Service;
use crate::logic::plan::Instance;
use crate::probe::Health;
use crate::process;
use crate::progress::Progress;
use nix::sys::signal::Signal;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::ChildStdin;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

/// How a service is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBy {
    /// SIGTERM.
    Signal,
    /// The end of its standard input.
    Stdin,
}

/// What a service is started from.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Which one.
    pub instance: Instance,
    /// Executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where its output goes.
    pub log: PathBuf,
    /// How it is asked to stop.
    pub stop_by: StopBy,
    /// How long it may take to stop before it is killed.
    pub grace: Duration,
    /// How it shows that it is ready.
    pub health: Health,
    /// `health` and `metrics` of `stack.json`.
    pub urls: (Option<String>, Option<String>),
}

/// A service as it is now.
#[derive(Clone, Debug)]
pub struct View {
    /// e.g. `ingest-2`
    pub name: String,
    /// While it runs.
    pub pid: Option<u32>,
    /// How long it has run.
    pub uptime: Duration,
    /// Whether it is meant to run.
    pub wanted: bool,
    /// Times it was started again by itself.
    pub restarts: u32,
    /// Deaths in a row.
    pub deaths: u32,
    /// How it shows that it is ready.
    pub health: Health,
}

/// Why a request cannot be met.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such service.
    #[error("no service {0} in this stack")]
    Unknown(String),
    /// The process did not start.
    #[error("start {service}: {reason}")]
    Start {
        /// Which.
        service: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The launcher is stopping.
    #[error("the launcher is stopping")]
    Closing,
}

type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

enum Event {
    Add(Box<Spec>),
    Publish(Reply<()>),
    Start(String, Reply<()>),
    Stop(String, Reply<()>),
    List(oneshot::Sender<Vec<View>>),
    Close,
    Exited { slot: usize, pid: u32, status: Option<ExitStatus> },
    RestartDue { slot: usize, deaths: u32 },
    KillDue { slot: usize, pid: u32 },
}

/// Asks the supervisor.
#[derive(Clone, Debug)]
pub struct Handle(mpsc::UnboundedSender<Event>);

impl Handle {
    /// Knows one more service from now on, which is down; one of this name that it knows already stays as it is.
    pub fn add(&self, spec: Spec) {
        let _closed = self.0.send(Event::Add(Box::new(spec))).is_err();
    }

    /// Publishes what runs once more, as something else that is published has changed.
    ///
    /// # Errors
    /// The launcher is stopping.
    pub async fn publish(&self) -> Result<(), Refusal> {
        self.ask(Event::Publish).await
    }

    /// Starts a service that does not run; it may not be ready yet when this returns.
    ///
    /// # Errors
    /// An unknown name, or a process that does not start.
    pub async fn start(&self, name: &str) -> Result<(), Refusal> {
        self.ask(|reply| Event::Start(name.to_owned(), reply)).await
    }

    /// Stops a service, and returns when its process is gone.
    ///
    /// # Errors
    /// An unknown name.
    pub async fn stop(&self, name: &str) -> Result<(), Refusal> {
        self.ask(|reply| Event::Stop(name.to_owned(), reply)).await
    }

    /// Every service, in the order of starting.
    pub async fn list(&self) -> Vec<View> {
        let (reply, answer) = oneshot::channel();
        let _closed = self.0.send(Event::List(reply)).is_err();
        answer.await.unwrap_or_default()
    }

    /// From now on nothing is started, neither by itself nor on request.
    pub fn close(&self) {
        let _closed = self.0.send(Event::Close).is_err();
    }

    async fn ask<T>(&self, event: impl FnOnce(Reply<T>) -> Event) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.send(event(reply)).map_err(|_closed| Refusal::Closing)?;
        answer.await.unwrap_or(Err(Refusal::Closing))
    }
}

struct Running {
    pid: u32,
    since: Instant,
    /// Held open for those that live as long as it.
    stdin: Option<ChildStdin>,
}

struct Slot {
    spec: Spec,
    name: String,
    wanted: bool,
    running: Option<Running>,
    backoff: Backoff,
    restarts: u32,
    waiting: Vec<Reply<()>>,
}

/// Owns the processes.
pub struct Supervisor {
    slots: Vec<Slot>,
    events: mpsc::UnboundedReceiver<Event>,
    handle: Handle,
    restart: bool,
    closing: bool,
    started: HashSet<usize>,
    progress: Progress,
    publish: Box<dyn Fn(Vec<Service>)>,
}

impl Supervisor {
    /// A supervisor of services that are all down; `publish` is told of every change.
    #[must_use]
    pub fn new(
        specs: Vec<Spec>,
        restart: bool,
        progress: Progress,
        publish: Box<dyn Fn(Vec<Service>)>,
    ) -> (Supervisor, Handle) {
        let (sender, events) = mpsc::unbounded_channel();
        let handle = Handle(sender);
        let slots = specs.into_iter().map(Slot::new).collect();
        let started = HashSet::new();
        let supervisor =
            Supervisor { slots, events, handle: handle.clone(), restart, closing: false, started, progress, publish };
        (supervisor, handle)
    }

    /// Serves requests and watches processes for as long as it is polled.
    pub async fn run(mut self) {
        while let Some(event) = self.events.recv().await {
            match event {
                Event::Add(spec) => self.add(*spec),
                Event::Publish(reply) => {
                    self.publish();
                    let _gone = reply.send(Ok(())).is_err();
                }
                Event::Start(name, reply) => self.start(&name, reply),
                Event::Stop(name, reply) => self.stop(&name, reply),
                Event::List(reply) => {
                    let _gone = reply.send(self.slots.iter().map(Slot::view).collect()).is_err();
                }
                Event::Close => self.closing = true,
                Event::Exited { slot, pid, status } => self.exited(slot, pid, status),
                Event::RestartDue { slot, deaths } => self.restart(slot, deaths),
                Event::KillDue { slot, pid } => self.kill(slot, pid),
            }
        }
    }

    fn add(&mut self, spec: Spec) {
        let slot = Slot::new(spec);
        if self.find(&slot.name).is_err() {
            self.slots.push(slot);
        }
    }

    fn find(&self, name: &str) -> Result<usize, Refusal> {
        self.slots.iter().position(|slot| slot.name == name).ok_or_else(|| Refusal::Unknown(name.to_owned()))
    }

    fn start(&mut self, name: &str, reply: Reply<()>) {
        let outcome = self.find(name).and_then(|slot| {
            if self.closing {
                return Err(Refusal::Closing);
            }
            self.slots[slot].wanted = true;
            self.slots[slot].backoff = Backoff::default();
            if self.slots[slot].running.is_some() { Ok(()) } else { self.spawn(slot) }
        });
        let _gone = reply.send(outcome).is_err();
    }

    fn stop(&mut self, name: &str, reply: Reply<()>) {
        let slot = match self.find(name) {
            Ok(slot) => slot,
            Err(refusal) => {
                let _gone = reply.send(Err(refusal)).is_err();
                return;
            }
        };
        self.slots[slot].wanted = false;
        let grace = self.slots[slot].spec.grace;
        match self.slots[slot].ask_to_stop() {
            Some(pid) => {
                self.slots[slot].waiting.push(reply);
                self.later(grace, Event::KillDue { slot, pid });
            }
            None => {
                let _gone = reply.send(Ok(())).is_err();
            }
        }
    }

    fn spawn(&mut self, slot: usize) -> Result<(), Refusal> {
        let spec = &self.slots[slot].spec;
        let running = launch(spec, slot, &self.handle.0)
            .map_err(|reason| Refusal::Start { service: self.slots[slot].name.clone(), reason })?;
        self.progress.log(&format!("{} started, pid {}", self.slots[slot].name, running.pid));
        self.slots[slot].running = Some(running);
        self.started.insert(slot);
        self.publish();
        Ok(())
    }

    fn exited(&mut self, slot: usize, pid: u32, status: Option<ExitStatus>) {
        let gone = &mut self.slots[slot];
        let Some(running) = gone.running.take_if(|running| running.pid == pid) else { return };
        let how = status.map_or("in an unknown way".to_owned(), |status| status.to_string());
        self.progress.log(&format!("{} (pid {pid}) ended: {how}", gone.name));
        for reply in gone.waiting.drain(..) {
            let _gone = reply.send(Ok(())).is_err();
        }
        if gone.wanted && self.restart && !self.closing {
            let wait = gone.backoff.next(running.since.elapsed());
            let deaths = gone.backoff.deaths();
            self.later(wait, Event::RestartDue { slot, deaths });
        }
        self.publish();
    }

    fn restart(&mut self, slot: usize, deaths: u32) {
        let due = &self.slots[slot];
        let overtaken = due.backoff.deaths() != deaths || due.running.is_some();
        if !due.wanted || self.closing || overtaken {
            return;
        }
        self.slots[slot].restarts += 1;
        if let Err(refusal) = self.spawn(slot) {
            self.progress.log(&refusal.to_string());
            let wait = self.slots[slot].backoff.next(Duration::ZERO);
            let deaths = self.slots[slot].backoff.deaths();
            self.later(wait, Event::RestartDue { slot, deaths });
        }
    }

    fn kill(&mut self, slot: usize, pid: u32) {
        let slot = &self.slots[slot];
        if slot.running.as_ref().is_some_and(|running| running.pid == pid) {
            self.progress.log(&format!("{} (pid {pid}) does not stop: killed", slot.name));
            process::signal(pid, Signal::SIGKILL);
        }
    }

    fn later(&self, wait: Duration, event: Event) {
        let events = self.handle.0.clone();
        tokio::spawn(async move {
            sleep(wait).await;
            let _closed = events.send(event).is_err();
        });
    }

    fn publish(&self) {
        let started = self.slots.iter().enumerate().filter(|(slot, _)| self.started.contains(slot));
        (self.publish)(started.map(|(_, slot)| slot.service()).collect());
    }
}

fn launch(spec: &Spec, slot: usize, events: &mpsc::UnboundedSender<Event>) -> std::io::Result<Running> {
    let mut command = process::command(&spec.program, &spec.arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if spec.stop_by == StopBy::Stdin {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    process::log_output(&mut child, &spec.log)?;
    let (pid, stdin) = (child.id().unwrap_or_default(), child.stdin.take());
    let events = events.clone();
    tokio::spawn(async move {
        let status = child.wait().await.ok();
        let _closed = events.send(Event::Exited { slot, pid, status }).is_err();
    });
    Ok(Running { pid, since: Instant::now(), stdin })
}

impl Slot {
    fn new(spec: Spec) -> Slot {
        let name = spec.instance.name();
        Slot { spec, name, wanted: false, running: None, backoff: Backoff::default(), restarts: 0, waiting: Vec::new() }
    }

    /// The pid that was asked to stop, if it runs.
    fn ask_to_stop(&mut self) -> Option<u32> {
        let running = self.running.as_mut()?;
        match self.spec.stop_by {
            StopBy::Signal => process::signal(running.pid, Signal::SIGTERM),
            StopBy::Stdin => drop(running.stdin.take()),
        }
        Some(running.pid)
    }

    fn view(&self) -> View {
        View {
            name: self.name.clone(),
            pid: self.running.as_ref().map(|running| running.pid),
            uptime: self.running.as_ref().map(|running| running.since.elapsed()).unwrap_or_default(),
            wanted: self.wanted,
            restarts: self.restarts,
            deaths: self.backoff.deaths(),
            health: self.spec.health.clone(),
        }
    }

    fn service(&self) -> Service {
        let (health, metrics) = self.spec.urls.clone();
        Service { name: self.name.clone(), pid: self.running.as_ref().map(|running| running.pid), health, metrics }
    }
}
