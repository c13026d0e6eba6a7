//! Runs the reference client.

use super::config::Config;
use super::{input, probe, recorder::Recorder};
use crate::logic::answer::Verdict;
use crate::logic::cadence::Cadence;
use crate::logic::client::{Client, Fate, Now, Report, Settings, Step};
use crate::logic::heartbeat::Seen;
use crate::logic::spool::{Entry, Spool};
use crate::spool::disk::DiskSpool;
use crate::transport::Transport;
use crate::transport::http::HttpTransport;
use anyhow::Context;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::event::{Burst, Event, Method, PowerKind, Stream};
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often a refused token is read again.
const TOKEN_EVERY: Duration = Duration::from_secs(60);
/// Longest time to drain at a stop.
const DRAIN: Duration = Duration::from_secs(8);

/// The agent of this process: one boot.
pub struct Agent {
    config: Config,
    clock: Clock,
    transport: HttpTransport,
    client: Client<DiskSpool>,
    recorder: Recorder,
    token: String,
    boot_id: Uuid,
    start_ms: i64,
    started: Instant,
    reached: Instant,
}

/// What the last exchange led to.
enum Sent {
    /// There may be more to send at once.
    Again,
    /// Come back after this.
    After(Duration),
    /// The spool is empty.
    Empty,
    /// The device is out of service for good.
    Retired,
}

impl Agent {
    /// Opens the spool and begins a boot.
    ///
    /// # Errors
    /// Token, input or spool cannot be read.
    pub fn start(config: Config, clock: Clock, input: Option<&Path>) -> anyhow::Result<Agent> {
        let start_ms = clock.now_ms();
        let script = match input {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
                input::read(&text, start_ms, &config.agent.app).with_context(|| format!("read {}", path.display()))?
            }
            None => Seen::default(),
        };
        let spool = DiskSpool::open(&config.agent.spool_dir, config.agent.spool_max).context("open the spool")?;
        let clock_slack_ms = clock.tolerance_ms(Settings::default().clock_slack_ms);
        let mut client = Client::new(spool, Settings { clock_slack_ms, ..Settings::default() });
        let boot_id = Uuid::new_v4();
        client.start_boot(boot_id);
        let mut agent = Agent {
            transport: HttpTransport::new(&config.edge.url, config.edge.timeout, config.edge.gzip)?,
            token: read_token(&config.agent.token_file)?,
            recorder: Recorder::new(start_ms, script),
            client,
            boot_id,
            start_ms,
            started: Instant::now(),
            reached: Instant::now(),
            clock,
            config,
        };
        let boot = agent.recorder.power(start_ms, PowerKind::Boot);
        agent.record([boot])?;
        Ok(agent)
    }

    /// One heartbeat, one burst if there is an anchor, then sends until the spool is empty or the edge asks to wait.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub async fn once(mut self) -> anyhow::Result<()> {
        self.beat()?;
        self.measure().await?;
        while matches!(self.exchange().await?, Sent::Again) {}
        tracing::info!(spooled = self.client.spool().len(), "done");
        Ok(())
    }

    /// Goes on until it is asked to stop; then says so, and drains.
    ///
    /// # Errors
    /// The spool cannot be written.
    pub async fn run(mut self, shutdown: Shutdown) -> anyhow::Result<()> {
        let (mut beat, mut burst) = (Instant::now(), Instant::now());
        let mut send = Instant::now();
        while !shutdown.is_fired() {
            let now = Instant::now();
            let cadence = Cadence::after_silence(self.virtual_ms(self.reached.elapsed()));
            if now >= beat {
                self.beat()?;
                (beat, send) = (now + self.real(cadence.heartbeat_ms), send.min(now));
            }
            if now >= burst {
                self.measure().await?;
                burst = now + self.real(cadence.burst_ms);
            }
            if now >= send {
                send = match self.exchange().await? {
                    Sent::Again => now,
                    Sent::After(wait) => now + wait,
                    Sent::Empty => beat,
                    Sent::Retired => break,
                };
            }
            let next = beat.min(burst).min(send);
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => {}
                () = shutdown.fired() => {}
            }
        }
        self.stop().await
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        self.beat()?;
        let shutdown = self.recorder.power(self.stamp_ms(), PowerKind::Shutdown);
        self.record([shutdown])?;
        let drain = async {
            while matches!(self.exchange().await?, Sent::Again) {}
            anyhow::Ok(())
        };
        // What does not get out in time stays in the spool for the next boot.
        tokio::time::timeout(DRAIN, drain).await.unwrap_or(Ok(()))?;
        tracing::info!(spooled = self.client.spool().len(), "stopped");
        Ok(())
    }

    /// `at` of an event of this moment: monotonic time since the boot, which a jump of the wall clock cannot bend, and
    /// the offset that is frozen for the boot.
    fn stamp_ms(&self) -> i64 {
        self.uncorrected_ms() + self.client.clock().event_offset_ms()
    }

    fn uncorrected_ms(&self) -> i64 {
        self.start_ms + self.virtual_ms(self.started.elapsed())
    }

    fn virtual_ms(&self, real: Duration) -> i64 {
        (real.as_secs_f64() * 1_000.0 * self.clock.speed()) as i64
    }

    fn real(&self, virtual_ms: i64) -> Duration {
        Duration::from_secs_f64(virtual_ms as f64 / 1_000.0 / self.clock.speed())
    }

    fn record(&mut self, events: impl IntoIterator<Item = Event>) -> anyhow::Result<()> {
        for event in events {
            let entry = Entry::new(self.boot_id, &event)?;
            self.client.spool_mut().push(entry).context("write the spool")?;
        }
        Ok(())
    }

    /// The recorder counts in the uncorrected clock; what it makes is moved by the frozen offset.
    fn beat(&mut self) -> anyhow::Result<()> {
        let offset_ms = self.client.clock().event_offset_ms();
        for event in self.recorder.heartbeat(self.uncorrected_ms()) {
            let entry = Entry::new(self.boot_id, &event)?.moved(offset_ms);
            self.client.spool_mut().push(entry).context("write the spool")?;
        }
        Ok(())
    }

    async fn measure(&mut self) -> anyhow::Result<()> {
        let Some(config) = &self.config.probe else {
            return Ok(());
        };
        let rtt_us = probe::burst(config).await;
        let burst = Burst {
            seq: 0,
            at_ms: self.stamp_ms(),
            anchor: config.anchor.as_str().into(),
            method: Method::Tcp,
            link: config.link,
            busy: false,
            interval_ms: u32::try_from(config.interval.as_millis()).unwrap_or(5_000),
            rtt_us,
        };
        let event = self.recorder.burst(burst);
        self.record([event])
    }

    fn now(&self) -> Now {
        let mono_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { wall_ms: self.uncorrected_ms(), mono_ms, dice: rand::random() }
    }

    async fn exchange(&mut self) -> anyhow::Result<Sent> {
        let post = match self.client.next(self.now()).context("freeze events")? {
            Step::Send(post) => post,
            Step::Wait(ms) => return Ok(Sent::After(Duration::from_millis(ms))),
            Step::Idle => return Ok(Sent::Empty),
            Step::NeedToken => return self.renew_token(),
            Step::Retired => return Ok(Sent::Retired),
        };
        let answer = self.transport.post(post.body.clone(), &self.token).await;
        let now = self.now();
        let report = self.client.answered(post, &answer, now).context("store what was settled")?;
        self.heed(&report);
        Ok(Sent::Again)
    }

    fn heed(&mut self, report: &Report) {
        if report.verdict == Verdict::Settled {
            self.reached = Instant::now();
        }
        for (meta, fate) in &report.fates {
            match fate {
                Fate::Accepted if meta.boot_id == self.boot_id && meta.stream == Stream::Activity => {
                    self.recorder.acknowledge(meta.seq);
                }
                Fate::Accepted => {}
                Fate::Invalid(code) => tracing::warn!(code, ?meta, "the edge names an event invalid"),
                Fate::GivenUp(problem) => tracing::error!(problem, ?meta, "an event is given up"),
            }
        }
        tracing::info!(verdict = ?report.verdict, spooled = self.client.spool().len(), "the edge answered");
    }

    fn renew_token(&mut self) -> anyhow::Result<Sent> {
        let token = read_token(&self.config.agent.token_file)?;
        if token == self.token {
            return Ok(Sent::After(TOKEN_EVERY));
        }
        self.token = token;
        self.client.token_changed();
        Ok(Sent::Again)
    }
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the token from {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// What `agent status` prints.
///
/// # Errors
/// The spool cannot be read.
pub fn status(config: &Config) -> anyhow::Result<String> {
    let spool = DiskSpool::open(&config.agent.spool_dir, config.agent.spool_max).context("open the spool")?;
    let oldest = spool.front(1, 1).first().map(|entry| schemas::time::format_rfc3339_ms(entry.meta.at_ms));
    Ok(serde_json::json!({
        "version": crate::VERSION,
        "edge": config.edge.url,
        "spooled_events": spool.len(),
        "spooled_bytes": spool.bytes(),
        "oldest": oldest,
        "damaged": spool.dropped(),
    })
    .to_string())
}
