//! One virtual device: its client, driven by the injected clock.

use super::journal::Journal;
use super::roster::Enrolled;
use super::state::State;
use super::tally::Tally;
use crate::logic::answer::Verdict;
use crate::logic::client::{Client, Fate, Now, Outgoing, Report, Step};
use crate::logic::day::spool::ScriptSpool;
use crate::logic::dice::Dice;
use crate::logic::spool::{Meta, Spool};
use crate::transport::Transport;
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Share of posts that are sent twice.
const DUPLICATES: f64 = 0.01;

/// What all devices share.
pub struct Shared<T> {
    /// Injected clock.
    pub clock: Clock,
    /// Origin of real time.
    pub origin: Instant,
    /// When this process started, ms of the clock.
    pub started_ms: i64,
    /// When the fleet was first started, ms of the clock.
    pub first_started_ms: i64,
    /// Seed.
    pub seed: u64,
    /// Way to the edge.
    pub transport: T,
    /// Bounds the posts in flight.
    pub permits: Semaphore,
    /// Positions.
    pub state: State,
    /// Fates, if wanted.
    pub journal: Option<Journal>,
    /// Counters.
    pub tally: Tally,
    /// Stop signal.
    pub shutdown: Shutdown,
}

/// A device at play.
pub struct Player<'a, T> {
    shared: &'a Shared<T>,
    enrolled: Enrolled,
    client: Client<ScriptSpool>,
    caught_up: bool,
    holding: bool,
}

/// What the device waits for.
enum Next {
    /// Real time.
    Sleep(Duration),
    /// Nothing: go on.
    Now,
    /// There is nothing more to do.
    End,
}

impl<'a, T: Transport> Player<'a, T> {
    /// A device with its client.
    pub fn new(shared: &'a Shared<T>, enrolled: Enrolled, client: Client<ScriptSpool>) -> Player<'a, T> {
        Player { shared, enrolled, client, caught_up: false, holding: false }
    }

    /// Plays until the script is over or the process is to stop.
    ///
    /// # Errors
    /// State or journal cannot be written: going on would forget what was sent.
    pub async fn play(mut self) -> io::Result<()> {
        loop {
            if self.shared.shutdown.is_fired() {
                return Ok(());
            }
            match self.turn().await? {
                Next::Now => {}
                Next::Sleep(duration) => tokio::select! {
                    () = tokio::time::sleep(duration) => {}
                    () = self.shared.shutdown.fired() => return Ok(()),
                },
                Next::End => {
                    self.catch_up();
                    self.shared.tally.finished.inc();
                    return Ok(());
                }
            }
        }
    }

    async fn turn(&mut self) -> io::Result<Next> {
        self.advance()?;
        if self.client.spool().front_boot().is_none() {
            return Ok(self.idle());
        }
        let Ok(permit) = self.shared.permits.acquire().await else {
            return Ok(Next::End);
        };
        // A post leaves at the moment that it names: waiting for the permit is over.
        self.advance()?;
        let Ok(step) = self.client.next(self.now());
        let next = match step {
            Step::Send(post) => self.send(post).await.map(|()| Next::Now),
            Step::Wait(ms) => Ok(Next::Sleep(Duration::from_millis(ms))),
            Step::Idle => Ok(self.idle()),
            Step::NeedToken | Step::Retired => {
                self.shared.tally.refused.inc();
                tracing::warn!(device_no = self.enrolled.device.device_no, "the edge refuses this device");
                Ok(Next::End)
            }
        };
        drop(permit);
        next
    }

    fn now(&self) -> Now {
        let running = self.client.spool().running_boot().is_some();
        let error_ms = if running { self.client.spool().clock_error_ms() } else { 0 };
        let mono = self.shared.origin.elapsed().as_millis();
        Now {
            wall_ms: self.shared.clock.now_ms() + error_ms,
            mono_ms: u64::try_from(mono).unwrap_or(u64::MAX),
            dice: rand::random(),
        }
    }

    /// Lets time pass: events become due, machines boot.
    fn advance(&mut self) -> io::Result<()> {
        let spool = self.client.spool_mut();
        spool.advance(self.shared.clock.now_ms());
        if spool.profile().frozen_disk {
            let lost = spool.wipe(self.shared.started_ms);
            self.lose(&lost)?;
        }
        let spool = self.client.spool_mut();
        let Some(boot_id) = spool.running_boot().filter(|id| self.client.running_boot() != Some(*id)) else {
            return Ok(());
        };
        match self.client.spool().settled_offset_ms() {
            Some(offset_ms) => self.client.resume_boot(boot_id, offset_ms),
            None => {
                self.client.spool_mut().start_wrong();
                self.client.start_boot(boot_id);
            }
        }
        Ok(())
    }

    fn lose(&self, lost: &[Meta]) -> io::Result<()> {
        let device_no = self.enrolled.device.device_no;
        if lost.is_empty() {
            return Ok(());
        }
        self.shared.tally.lost.inc_by(lost.len() as u64);
        if let Some(journal) = &self.shared.journal {
            journal.write_lost(device_no, lost)?;
        }
        self.shared.state.save(device_no, self.client.spool().position())
    }

    fn idle(&mut self) -> Next {
        self.catch_up();
        self.hold(false);
        let Some(at_ms) = self.client.spool().next_post_ms() else {
            return Next::End;
        };
        let virtual_ms = (at_ms - self.shared.clock.now_ms()).max(0) as f64;
        Next::Sleep(Duration::from_millis((virtual_ms / self.shared.clock.speed()) as u64 + 2))
    }

    fn catch_up(&mut self) {
        if !std::mem::replace(&mut self.caught_up, true) {
            self.shared.tally.caught_up.inc();
        }
    }

    /// A failed post leaves events in the spool, a spool without any ends that.
    fn hold(&mut self, holding: bool) {
        if std::mem::replace(&mut self.holding, holding) != holding {
            self.shared.tally.holding.inc_by(if holding { 1 } else { -1 });
        }
    }

    async fn send(&mut self, post: Outgoing) -> io::Result<()> {
        let device_no = self.enrolled.device.device_no;
        let notes = self.client.spool_mut().take_notes();
        if !notes.is_empty() {
            self.shared.state.note(device_no, &notes)?;
        }
        if let Some(journal) = &self.shared.journal {
            journal.write_post(device_no, &post.body)?;
        }
        let again = self.is_sent_twice(&post).then(|| post.body.clone());
        let history = post.events.last().is_some_and(|meta| meta.at_ms <= self.shared.first_started_ms);
        let answer = self.shared.transport.post(post.body.clone(), &self.enrolled.token).await;
        let now = self.now();
        let Ok(report) = self.client.answered(post, &answer, now);
        self.book(&report, history)?;
        if let Some(body) = again.filter(|_| report.verdict == Verdict::Settled) {
            self.shared.tally.duplicates.inc();
            self.shared.transport.post(body, &self.enrolled.token).await;
        }
        Ok(())
    }

    /// Decided by the first event, so that the same posts are repeated in every run.
    fn is_sent_twice(&self, post: &Outgoing) -> bool {
        let Some(first) = post.events.first() else { return false };
        let (high, low) = first.boot_id.as_u64_pair();
        Dice::of(&[self.shared.seed, high, low, u64::from(first.seq)]).chance(DUPLICATES)
    }

    /// First the journal, then the position: a crash in between repeats a post and its lines, and loses neither.
    fn book(&mut self, report: &Report, history: bool) -> io::Result<()> {
        let (shared, device_no) = (self.shared, self.enrolled.device.device_no);
        shared.tally.posts.inc();
        if report.fates.is_empty() {
            shared.tally.posts_kept.inc();
            self.hold(true);
            tracing::debug!(device_no, verdict = ?report.verdict, "events kept");
            return Ok(());
        }
        self.count(report, history);
        if let Some(journal) = &shared.journal {
            journal.write(device_no, &report.fates)?;
        }
        shared.state.save(device_no, self.client.spool().position())
    }

    fn count(&self, report: &Report, history: bool) {
        let tally = &self.shared.tally;
        tally.posts_settled.inc();
        if history {
            tally.history_posts.inc();
        }
        for (meta, fate) in &report.fates {
            match fate {
                Fate::Accepted => tally.accepted.inc(),
                Fate::Invalid(code) => {
                    tracing::info!(device_no = self.enrolled.device.device_no, code, ?meta, "an event is invalid");
                    tally.invalid.inc()
                }
                Fate::GivenUp(_) => tally.given_up.inc(),
            };
        }
    }
}
