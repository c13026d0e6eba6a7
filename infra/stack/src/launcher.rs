//! The launcher's life: take the directory, bring the stack up, serve orders, take it down.

use crate::cli::UpOptions;
use crate::control::{self, SocketPath};
use crate::database;
use crate::files;
use crate::growth;
use crate::jobs;
use crate::kafka;
use crate::logic::clock::Anchor;
use crate::logic::database::DatabaseUrl;
use crate::logic::growth::EventLog;
use crate::logic::manifest::{Manifest, Service};
use crate::logic::plan::{Instance, Kind, instances};
use crate::logic::ports::Ports;
use crate::logic::words;
use crate::orders;
use crate::paths::Paths;
use crate::progress::{Phase, Progress, wall_ms};
use crate::specs;
use crate::startup;
use crate::supervisor::{Handle, Supervisor};
use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use runtime::clock::{Clock, ClockConfig};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Everything that the parts of a launcher share.
pub struct Stack {
    /// What was asked for.
    pub options: UpOptions,
    /// Where things are.
    pub paths: Paths,
    /// Where the registry's store is; none: in SQLite's file.
    pub database: Option<DatabaseUrl>,
    /// Where everything listens.
    pub ports: Ports,
    /// What is started, in order.
    instances: RefCell<Vec<Instance>>,
    /// The services' clock.
    pub clock: Anchor,
    /// Whether `--clock` was given.
    pub virtual_clock: bool,
    /// Asks the supervisor.
    pub services: Handle,
    /// Tells people.
    pub progress: Progress,
    /// Held while a growth is carried out.
    pub growing: tokio::sync::Mutex<()>,
    events: Rc<RefCell<EventLog>>,
    down: Notify,
}

impl Stack {
    /// Whether a service is part of this stack.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.instances.borrow().iter().any(|instance| instance.kind == kind)
    }

    /// What is started, in order.
    #[must_use]
    pub fn instances(&self) -> Vec<Instance> {
        self.instances.borrow().clone()
    }

    /// Makes one more instance of a service that is part of this stack; it is not started.
    ///
    /// # Errors
    /// Its port is taken, or its configuration cannot be written.
    pub fn add(&self, instance: Instance) -> Result<()> {
        if !self.has(instance.kind) || self.instances.borrow().contains(&instance) {
            return Ok(());
        }
        check_ports(self.ports, &[instance])?;
        startup::write_config(self, instance)?;
        self.services.add(specs::spec(instance, self.ports, &self.paths));
        self.instances.borrow_mut().push(instance);
        Ok(())
    }

    /// Number of edges; at least one, for the fleet's configuration names one also where it runs elsewhere.
    #[must_use]
    pub fn edges(&self) -> u16 {
        let instances = self.instances.borrow();
        let edges = instances.iter().filter(|instance| instance.kind == Kind::Ingest);
        edges.map(|instance| instance.number).max().unwrap_or(1)
    }

    /// The services' time, ms since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        now_ms(&self.clock)
    }

    /// Ends the launcher, as Ctrl-C does.
    pub fn ask_down(&self) {
        self.down.notify_one();
    }

    /// Which topics are written and folded.
    #[must_use]
    pub fn events(&self) -> EventLog {
        self.events.borrow().clone()
    }

    /// From now on these.
    ///
    /// # Errors
    /// The launcher is stopping.
    pub async fn set_events(&self, log: EventLog) -> Result<()> {
        *self.events.borrow_mut() = log;
        Ok(self.services.publish().await?)
    }

    /// How far the ledgers are in these topics.
    ///
    /// # Errors
    /// Kafka does not answer.
    pub async fn lag(&self, log: &EventLog) -> Result<kafka::Lag> {
        let (ports, log) = (self.ports, log.clone());
        tokio::task::spawn_blocking(move || kafka::lag(ports, &log)).await?
    }
}

/// Brings a stack up in this process and serves it until it is told to stop.
///
/// # Errors
/// Another launcher has the directory, a port is taken, or something does not come up.
pub fn run(options: &UpOptions, paths: &Paths, terminal: bool) -> Result<()> {
    let _lock = take(paths)?;
    let database = database::settle(paths, options.database.as_deref())?;
    let wanted = wanted_instances(options);
    check_ports(Ports::new(paths.port_base), &wanted)?;
    // One thread: see `process::command` on what the kernel ties to the thread that forks.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, live(options, paths, database, wanted, terminal));
    runtime.shutdown_background();
    outcome
}

/// The lock of a stack's directory; held by its launcher as long as it lives.
///
/// # Errors
/// Another launcher has it.
pub fn take(paths: &Paths) -> Result<Flock<File>> {
    let file = File::create(paths.var.join("launcher.lock"))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|(_file, _errno)| anyhow::anyhow!("a stack is up in {}", paths.var.display()))
}

fn wanted_instances(options: &UpOptions) -> Vec<Instance> {
    let scale: BTreeMap<Kind, u16> = options.scale.iter().map(|scale| (scale.kind, scale.instances)).collect();
    instances(options.only.as_deref(), !options.no_fleet, &scale)
}

fn check_ports(ports: Ports, wanted: &[Instance]) -> Result<()> {
    let all = wanted.iter().flat_map(|one| ports.all_of(one.kind, one.number).into_iter().map(|port| (*one, port)));
    let taken: Vec<String> = all
        .filter(|(_, port)| TcpListener::bind(("127.0.0.1", *port)).is_err())
        .map(|(instance, port)| format!("{port} ({})", instance.name()))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    bail!("these ports are taken: {}; choose others with --port-base", taken.join(", "))
}

async fn live(
    options: &UpOptions,
    paths: &Paths,
    database: Option<DatabaseUrl>,
    wanted: Vec<Instance>,
    terminal: bool,
) -> Result<()> {
    let socket = SocketPath::of(&paths.var)?;
    let _absent = fs::remove_file(socket.path()).is_err();
    let listener = UnixListener::bind(socket.path()).context("listen for orders")?;
    let mut stop = Stop::new()?;
    let stack = Rc::new(build(options, paths, database, wanted, terminal)?);
    tokio::task::spawn_local(orders::serve(listener, stack.clone()));
    let came_up = tokio::select! {
        outcome = startup::bring_up(&stack) => outcome,
        () = stop.asked(&stack) => Err(anyhow::anyhow!("stopped before it was up")),
    };
    match &came_up {
        Ok(()) => {
            tell_closing_words(&stack).await;
            stack.progress.enter(Phase::Ready);
            stop.asked(&stack).await;
        }
        Err(error) => {
            stack.progress.log(&format!("{error:#}"));
            stack.progress.enter(Phase::Failed(format!("{error:#}")));
        }
    }
    take_down(&stack).await;
    remove_traces(paths);
    came_up
}

/// Removes what tells others that a stack is up.
pub fn remove_traces(paths: &Paths) {
    // First the socket: the copy is this stack's to remove only if no other stack is up where it lies.
    let _absent = fs::remove_file(paths.var.join("control.sock")).is_err();
    for file in [Some(paths.manifest()), own_copy(paths)].into_iter().flatten() {
        let _absent = fs::remove_file(file).is_err();
    }
}

fn build(
    options: &UpOptions,
    paths: &Paths,
    database: Option<DatabaseUrl>,
    wanted: Vec<Instance>,
    terminal: bool,
) -> Result<Stack> {
    let progress = Progress::new(&paths.log("launcher"), terminal)?;
    let ports = Ports::new(paths.port_base);
    let clock = Anchor::new(options.clock, wall_ms());
    let specs = wanted.iter().map(|instance| specs::spec(*instance, ports, paths)).collect();
    let events = Rc::new(RefCell::new(growth::remembered(&paths.var)?));
    let publish = publisher(ports, clock.clone(), events.clone(), paths.clone(), progress.clone());
    let (supervisor, services) = Supervisor::new(specs, !options.no_restart, progress.clone(), publish);
    tokio::task::spawn_local(supervisor.run());
    Ok(Stack {
        options: options.clone(),
        paths: paths.clone(),
        database,
        ports,
        instances: RefCell::new(wanted),
        clock,
        virtual_clock: options.clock.is_some(),
        services,
        progress,
        growing: tokio::sync::Mutex::new(()),
        events,
        down: Notify::new(),
    })
}

fn publisher(
    ports: Ports,
    clock: Anchor,
    events: Rc<RefCell<EventLog>>,
    paths: Paths,
    progress: Progress,
) -> Box<dyn Fn(Vec<Service>)> {
    Box::new(move |services| {
        let manifest = Manifest::new(ports, clock.clone(), events.borrow().clone(), services);
        let Ok(text) = serde_json::to_string_pretty(&manifest) else { return };
        for path in [Some(paths.manifest()), own_copy(&paths)].into_iter().flatten() {
            if let Err(error) = files::replace(&path, &text) {
                progress.log(&format!("write {}: {error}", path.display()));
            }
        }
    })
}

/// `var/stack.json` of a stack whose files are elsewhere under `var/`, unless the default stack is up and writes its own.
fn own_copy(paths: &Paths) -> Option<PathBuf> {
    paths.manifest_copy().filter(|_| !control::answers(&paths.shared))
}

fn now_ms(anchor: &Anchor) -> i64 {
    let config = ClockConfig {
        r#virtual: Some(anchor.r#virtual.clone()),
        real: Some(anchor.real.clone()),
        speed: Some(anchor.speed),
    };
    Clock::from_config(&config).unwrap_or_else(|_| Clock::wall()).now_ms()
}

async fn tell_closing_words(stack: &Stack) {
    if !stack.has(Kind::QueryApi) || !stack.has(Kind::Registry) {
        return;
    }
    let arguments = ["token", "user", "--role", "province_admin", "--scope", "440000", "--config"];
    let mut arguments: Vec<OsString> = arguments.map(OsString::from).into();
    arguments.push(stack.paths.config("registry").into());
    match jobs::output(&stack.paths.binary("registry"), &arguments).await {
        Ok(token) => {
            let manifest = Manifest::new(stack.ports, stack.clock.clone(), stack.events(), Vec::new());
            for line in words::closing(&manifest, &token, stack.now_ms(), stack.virtual_clock) {
                stack.progress.say(&line);
            }
        }
        Err(error) => stack.progress.say(&format!("no token to try: {error:#}")),
    }
}

async fn take_down(stack: &Stack) {
    stack.services.close();
    for instance in stack.instances().iter().rev() {
        let name = instance.name();
        match stack.services.stop(&name).await {
            Ok(()) => stack.progress.say(&format!("{name:<12} stopped")),
            Err(refusal) => stack.progress.say(&format!("{name:<12} {refusal}")),
        }
    }
}

/// What ends a launcher: Ctrl-C, SIGTERM, a closed terminal, `down`.
struct Stop {
    signals: [tokio::signal::unix::Signal; 3],
}

impl Stop {
    fn new() -> Result<Stop> {
        let signals =
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        Ok(Stop { signals })
    }

    async fn asked(&mut self, stack: &Stack) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = stack.down.notified() => {}
        }
    }
}
