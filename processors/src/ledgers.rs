//! Group `ledgers`: the worker's engine on real Kafka and ClickHouse, one thread per member.

use crate::config::{Config, WorkerConfig};
use crate::logic::bounds::Bounds;
use crate::logic::worker::Rules;
use crate::memory;
use crate::metrics::{LedgerMetrics, WorkerMetrics};
use crate::source::bells::{self, Bells};
use crate::source::kafka::KafkaLog;
use crate::source::offsets::{NotYet, check_drained};
use crate::source::orphans::Watch;
use crate::store::clickhouse::Tables;
use crate::store::dead::DeadTopic;
use crate::worker::ports::{Log, PortFault};
use crate::worker::{Engine, Limits, Now, Phase, Turn};
use anyhow::Context;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::sets::SetName;
use schemas::time::Day;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Longest wait for records in a poll: how soon a member notices that it should stop.
const POLL_WAIT: Duration = Duration::from_millis(50);
/// Bytes of records staged at once, so that memory is bounded whatever their size.
const BATCH_BYTES: usize = 16 << 20;
/// Waits between attempts of a failed effect grow from the first to the last.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A member that was told to stop gives up what it cannot write within this time.
const DRAIN: Duration = Duration::from_secs(7);

/// Rest before a member that was lost joins again: two processes that were given one id by mistake fence each other.
const LOST_REST: Duration = Duration::from_secs(1);

/// Without a topic for them, dead letters go nowhere.
type KafkaEngine<L> = Engine<L, Tables, Tables, Option<DeadTopic>>;

/// Runs until the shutdown signal. Metrics are registered before the first await. `unready` counts the members that have
/// not read the bells or not reached the brokers yet. Members read through `decorate`, which is the identity but in
/// tests that break the log on purpose.
///
/// # Errors
/// A member must stop: a record in the wrong partition, or too many undecodable ones.
pub fn run<L: Log + 'static>(
    config: Arc<Config>,
    clock: Clock,
    registry: &mut Registry,
    unready: Arc<AtomicUsize>,
    shutdown: Shutdown,
    decorate: fn(KafkaLog) -> L,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let metrics = LedgerMetrics::register(registry);
    let live = Definitions::parse(CURRENT_TOML).context("read the definitions").map(LedgerSet::live);
    let folding =
        live.map(|set| Folding { config, set: Arc::new(set), clock, metrics, unready, shutdown, decorate }.run());
    async move { folding?.await }
}

/// Which tables are folded, and by what.
#[derive(Clone, Debug)]
pub struct LedgerSet {
    /// Its name says which tables.
    pub name: SetName,
    /// Parameters of its figures.
    pub definitions: Definitions,
    /// The days that are folded: first, and day after the last.
    pub days: (Day, Day),
}

impl LedgerSet {
    /// The set of the ledgers' own group. It alone sends dead letters: a rebuild meets the same records again.
    #[must_use]
    pub fn live(definitions: Definitions) -> LedgerSet {
        LedgerSet { name: SetName::live(), definitions, days: (Day::FIRST, Day::OPEN) }
    }
}

/// The folding of one set in this process.
pub struct Folding<L> {
    /// Its `[worker]` names the consumer group.
    pub config: Arc<Config>,
    /// The set.
    pub set: Arc<LedgerSet>,
    /// Which days are open.
    pub clock: Clock,
    /// Where it counts.
    pub metrics: LedgerMetrics,
    /// Members that are not ready yet.
    pub unready: Arc<AtomicUsize>,
    /// When to end.
    pub shutdown: Shutdown,
    /// What members read through.
    pub decorate: fn(KafkaLog) -> L,
}

impl<L: Log + 'static> Folding<L> {
    /// Runs all members until the shutdown signal.
    ///
    /// # Errors
    /// A member must stop.
    pub fn run(self) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        self.unready.store(self.config.worker.threads.max(1), Ordering::Release);
        self.run_members()
    }

    async fn run_members(self) -> anyhow::Result<()> {
        let (sender, timetable) = watch::channel(None);
        let following = tokio::spawn(bells::follow(self.config.kafka.clone(), sender));
        let watching = self.watch().map(|watch| tokio::spawn(watch.keep()));
        let members: Vec<_> = (0..self.config.worker.threads.max(1))
            .map(|index| Member {
                index,
                config: self.config.clone(),
                set: self.set.clone(),
                bells: timetable.clone(),
                clock: self.clock.clone(),
                metrics: self.metrics.of_thread(index),
                unready: self.unready.clone(),
                shutdown: self.shutdown.clone(),
                runtime: Handle::current(),
                decorate: self.decorate,
                partitions: 0,
                is_new: true,
            })
            .collect();
        let ends = members.into_iter().map(Member::spawn).collect::<anyhow::Result<Vec<_>>>()?;
        let end = |end: oneshot::Receiver<anyhow::Result<()>>| async {
            end.await.context("a worker thread ended without a word")?
        };
        // The first that fails ends the process.
        futures::future::try_join_all(ends.into_iter().map(end)).await?;
        following.abort();
        watching.inspect(JoinHandle::abort);
        Ok(())
    }

    /// A member without a static id never comes back under it: nothing is left behind that would have to be watched.
    fn watch(&self) -> Option<Watch> {
        let (worker, topic) = (&self.config.worker, self.config.events.topic);
        let instance = topic.member(&instance(worker, 0));
        let (kafka, group) = (self.config.kafka.clone(), worker.group_id.clone());
        let patience = worker.orphan_after;
        (!instance.is_empty()).then_some(Watch { kafka, group, topic, instance, patience })
    }
}

struct Member<L> {
    index: usize,
    config: Arc<Config>,
    set: Arc<LedgerSet>,
    bells: Bells,
    clock: Clock,
    metrics: WorkerMetrics,
    unready: Arc<AtomicUsize>,
    shutdown: Shutdown,
    runtime: Handle,
    decorate: fn(KafkaLog) -> L,
    /// Partitions of the topic, which never change (precondition P1); 0: not known yet.
    partitions: u32,
    /// It has not joined yet.
    is_new: bool,
}

/// Why a member's engine came to its end.
enum End {
    /// It was told to stop.
    Stopped,
    /// Its client cannot go on.
    Lost(PortFault),
}

impl<L: Log + 'static> Member<L> {
    fn spawn(self) -> anyhow::Result<oneshot::Receiver<anyhow::Result<()>>> {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::Builder::new().name(format!("ledgers-{}", self.index));
        thread.spawn(move || drop(sender.send(self.run()))).context("start a worker thread")?;
        Ok(receiver)
    }

    /// Replaces its engine in place when the client cannot go on (after an outage longer than its session it is fenced
    /// by its own id): what was not committed is read again, and the process and its other members stay.
    fn run(mut self) -> anyhow::Result<()> {
        while let Some(mut engine) = self.engine()? {
            match self.serve(&mut engine)? {
                End::Stopped => return Ok(()),
                End::Lost(fault) => {
                    tracing::warn!(error = &fault as &dyn std::error::Error, "member lost, joins again")
                }
            }
            // The former client leaves before the next one takes its id.
            drop(engine);
            self.metrics.begin_anew();
            thread::sleep(LOST_REST);
        }
        Ok(())
    }

    fn serve(&mut self, engine: &mut KafkaEngine<L>) -> anyhow::Result<End> {
        let mut pace = Pace::new();
        let mut draining: Option<Instant> = None;
        let mut was_behind = false;
        while draining.is_none_or(|since| since.elapsed() < DRAIN) {
            self.hand_over_bells(engine);
            if draining.is_none() && self.shutdown.is_fired() {
                engine.drain();
                draining = Some(Instant::now());
            }
            let now = Now { real_ms: pace.real_ms(), today: Day::of_ms(self.clock.now_ms()) };
            match engine.turn(now)? {
                Turn::Done(phase) => {
                    pace.went_well();
                    was_behind |= engine.is_behind();
                    self.metrics.observe(phase, engine.worker());
                    if engine.has_drained() {
                        return Ok(End::Stopped);
                    }
                }
                Turn::Idle => {
                    if was_behind && !engine.is_behind() && !engine.worker().has_progress() {
                        memory::give_back();
                        was_behind = false;
                    }
                }
                Turn::Failed(fault) => {
                    if let Some(fault) = self.wait_out(engine, &mut pace, fault) {
                        return Ok(End::Lost(fault));
                    }
                }
            }
        }
        tracing::warn!("stopped before everything was written; it will be read again");
        Ok(End::Stopped)
    }

    /// Joins the group, and waits for the number of partitions and the bells, which it knows from then on; `None`: told
    /// to stop meanwhile.
    fn engine(&mut self) -> anyhow::Result<Option<KafkaEngine<L>>> {
        let worker = &self.config.worker;
        let deadline = Instant::now() + worker.registry_timeout;
        if !self.may_begin(deadline)? {
            return Ok(None);
        }
        let topic = self.config.events.topic;
        let instance = topic.member(&instance(worker, self.index));
        let log = KafkaLog::subscribe(&self.config.kafka, worker, topic, &instance)?;
        while self.partitions == 0 || self.bells.borrow().is_none() {
            if self.shutdown.is_fired() {
                return Ok(None);
            }
            if self.partitions == 0 {
                self.partitions = log.partitions().unwrap_or(0);
            }
            anyhow::ensure!(Instant::now() < deadline, "the event topic or the registry's bells could not be read");
            thread::sleep(Duration::from_millis(10));
        }
        if std::mem::take(&mut self.is_new) {
            self.unready.fetch_sub(1, Ordering::AcqRel);
        }
        let tables = || Tables::new(&self.config.clickhouse, &self.set.name, self.runtime.clone());
        let (log, dead) = ((self.decorate)(log), self.dead_letters()?);
        let mut engine = Engine::new(self.rules(self.partitions), limits(worker), log, tables(), tables(), dead);
        engine.worker_mut().keep_days(self.set.days);
        Ok((!self.shutdown.is_fired()).then_some(engine))
    }

    /// Waits for brokers that answer; false: told to stop meanwhile.
    fn may_begin(&self, deadline: Instant) -> anyhow::Result<bool> {
        let (kafka, worker) = (&self.config.kafka, &self.config.worker);
        while !self.shutdown.is_fired() {
            match check_drained(kafka, &worker.group_id, self.config.events.topic) {
                Ok(()) => return Ok(true),
                Err(NotYet::Kafka(error)) if Instant::now() < deadline => {
                    tracing::debug!(%error, "ask whether earlier topics are drained");
                    thread::sleep(Duration::from_millis(50));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    fn dead_letters(&self) -> anyhow::Result<Option<DeadTopic>> {
        let sends = self.set.name.is_live();
        Ok(sends
            .then(|| DeadTopic::new(&self.config.kafka, self.config.events.topic, self.runtime.clone()))
            .transpose()?)
    }

    fn rules(&self, partitions: u32) -> Rules {
        let worker = &self.config.worker;
        Rules {
            topic: self.config.events.topic.to_string(),
            group: worker.group_id.clone(),
            partitions,
            definitions: self.set.definitions.clone(),
            bounds: Bounds::default(),
            rewind_ms: i64::try_from(worker.rewind.as_millis()).unwrap_or(i64::MAX),
            breaker: worker.dead_letter_breaker,
        }
    }

    fn hand_over_bells(&mut self, engine: &mut KafkaEngine<L>) {
        // An error means that the follower is gone; the last timetable stays.
        let is_new = self.bells.has_changed().unwrap_or(false) || engine.phase() == Phase::Open;
        if is_new && let Some(timetable) = self.bells.borrow_and_update().clone() {
            engine.worker_mut().set_timetable(timetable);
        }
    }

    /// Waits and keeps the membership; the fault that no waiting can mend, if there is one.
    fn wait_out(&self, engine: &mut KafkaEngine<L>, pace: &mut Pace, fault: PortFault) -> Option<PortFault> {
        self.metrics.faults.inc();
        if fault.fatal {
            return Some(fault);
        }
        let wait = pace.went_wrong();
        tracing::warn!(error = &fault as &dyn std::error::Error, phase = ?engine.phase(), ?wait, "trying again");
        if let Err(fault) = engine.keep_alive() {
            if fault.fatal {
                return Some(fault);
            }
            tracing::debug!(error = &fault as &dyn std::error::Error, "keep the membership");
        }
        thread::sleep(wait);
        None
    }
}

/// Static member id: the configured one, with the thread's index from the second on; none stays none.
fn instance(worker: &WorkerConfig, index: usize) -> String {
    if index == 0 || worker.instance_id.is_empty() {
        worker.instance_id.clone()
    } else {
        format!("{}-{index}", worker.instance_id)
    }
}

fn limits(worker: &WorkerConfig) -> Limits {
    let ms = |interval: Duration| i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    Limits {
        flush_ms: ms(worker.flush_interval),
        catch_up_ms: ms(worker.catch_up_interval),
        flush_rows: worker.flush_rows,
        batch_records: worker.batch_records,
        batch_bytes: BATCH_BYTES,
        memory_bytes: worker.memory_budget_mb * (1 << 20) / worker.threads.max(1),
        wait: POLL_WAIT,
    }
}

/// Real time since the member began, and how long to wait after a failure.
struct Pace {
    began: Instant,
    wait: Duration,
}

impl Pace {
    fn new() -> Pace {
        Pace { began: Instant::now(), wait: RETRY_WAITS.0 }
    }

    fn real_ms(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn went_well(&mut self) {
        self.wait = RETRY_WAITS.0;
    }

    fn went_wrong(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(RETRY_WAITS.1);
        wait
    }
}
