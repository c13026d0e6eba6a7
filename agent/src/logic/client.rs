//! The client: spool, then post, then what the answer means, then wait. Knows neither sockets nor clocks.
//!
//! ```
//! use agent::logic::answer::{Answer, read};
//! use agent::logic::client::{Client, Now, Settings, Step};
//! use agent::logic::spool::{Entry, MemorySpool};
//! use schemas::event::{Event, Power, PowerKind};
//! use uuid::Uuid;
//!
//! let boot = Uuid::from_u128(1);
//! let mut spool = MemorySpool::default();
//! let event = Event::Power(Power { seq: 0, at_ms: 1_790_000_000_000, kind: PowerKind::Boot });
//! spool.push(Entry::new(boot, &event).unwrap());
//! let mut client = Client::new(spool, Settings::default());
//! client.start_boot(boot);
//!
//! let now = Now { wall_ms: 1_790_000_001_000, mono_ms: 0, dice: 0.5 };
//! let Step::Send(post) = client.next(now).unwrap() else { panic!("something to send") };
//! let answer = read(200, None, br#"{"accepted": 1, "results": []}"#);
//! let report = client.answered(post, &Answer::Http(answer), now).unwrap();
//! assert_eq!(report.fates.len(), 1);
//! assert!(matches!(client.next(now).unwrap(), Step::Idle));
//! ```

use crate::logic::answer::{Answer, HttpAnswer, Verdict, interpret};
use crate::logic::backoff::{Backoff, Policy};
use crate::logic::body::{self, Envelope};
use crate::logic::clock::{Sample, ServerClock};
use crate::logic::spool::{Meta, Spool};
use uuid::Uuid;

/// Limits and manners of a client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most events in a post; the contract allows 500.
    pub max_events: usize,
    /// Most bytes of events in a post; the contract allows 1 MiB on the wire.
    pub max_bytes: usize,
    /// Waits after failures.
    pub backoff: Policy,
    /// Differences of clocks below this (beyond half a round trip) are noise, ms of the agent's clock.
    pub clock_slack_ms: i64,
    /// Agent version.
    pub agent: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_events: 500,
            max_bytes: 900 << 10,
            backoff: Policy::default(),
            clock_slack_ms: 5_000,
            agent: crate::VERSION.to_owned(),
        }
    }
}

/// The present, as the caller sees it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The agent's uncorrected clock, ms since the epoch.
    pub wall_ms: i64,
    /// Real time that never jumps, ms since anywhere: what waits are measured by.
    pub mono_ms: u64,
    /// In `[0, 1)`, thrown anew for each call: spreads retries.
    pub dice: f64,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send this, then call [`Client::answered`] with it.
    Send(Outgoing),
    /// Nothing before this many ms of real time.
    Wait(u64),
    /// The spool is empty.
    Idle,
    /// Nothing until [`Client::token_changed`].
    NeedToken,
    /// Never again.
    Retired,
}

/// A post on its way.
#[derive(Debug)]
pub struct Outgoing {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Its events, by index.
    pub events: Vec<Meta>,
    /// The agent's uncorrected clock when it left, ms.
    pub left_ms: i64,
}

/// What became of an event, finally.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Durable at the edge.
    Accepted,
    /// Refused by the edge with this code.
    Invalid(String),
    /// Its whole post was refused with this problem, which no repetition can mend.
    GivenUp(String),
}

/// What an answer led to.
#[derive(Debug)]
pub struct Report {
    /// The interpretation.
    pub verdict: Verdict,
    /// Events that left the spool, with their fate; empty where all were kept.
    pub fates: Vec<(Meta, Fate)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    NeedToken,
    Retired,
}

/// The state machine over a spool.
#[derive(Debug)]
pub struct Client<S> {
    spool: S,
    settings: Settings,
    clock: ServerClock,
    running_boot: Option<Uuid>,
    backoff: Backoff,
    not_before_ms: u64,
    batch: usize,
    state: State,
}

impl<S: Spool> Client<S> {
    /// A client that has not been told the time.
    pub fn new(spool: S, settings: Settings) -> Client<S> {
        Client {
            spool,
            clock: ServerClock::new(0),
            running_boot: None,
            backoff: Backoff::new(settings.backoff),
            not_before_ms: 0,
            batch: settings.max_events,
            state: State::Running,
            settings,
        }
    }

    /// A new boot begins: its events are stamped with the uncorrected clock until the server tells the time.
    pub fn start_boot(&mut self, boot_id: Uuid) {
        self.running_boot = Some(boot_id);
        self.clock = ServerClock::new(self.clock.sending_offset_ms());
    }

    /// A boot goes on whose clock was settled before; for agents that outlive their process.
    pub fn resume_boot(&mut self, boot_id: Uuid, event_offset_ms: i64) {
        self.running_boot = Some(boot_id);
        self.clock = ServerClock::settled(event_offset_ms);
    }

    /// The boot that events are made for now.
    #[must_use]
    pub fn running_boot(&self) -> Option<Uuid> {
        self.running_boot
    }

    /// What is known of the server's time.
    #[must_use]
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The spool.
    pub fn spool(&self) -> &S {
        &self.spool
    }

    /// The spool, to add events.
    pub fn spool_mut(&mut self) -> &mut S {
        &mut self.spool
    }

    /// There is a new token: try again.
    pub fn token_changed(&mut self) {
        if self.state == State::NeedToken {
            self.state = State::Running;
            self.not_before_ms = 0;
        }
    }

    /// What to do next.
    ///
    /// # Errors
    /// The spool cannot promise that the events stay as they are.
    pub fn next(&mut self, now: Now) -> Result<Step, S::Error> {
        match self.state {
            State::NeedToken => return Ok(Step::NeedToken),
            State::Retired => return Ok(Step::Retired),
            State::Running => {}
        }
        let Some(boot_id) = self.spool.front_boot() else {
            return Ok(Step::Idle);
        };
        if now.mono_ms < self.not_before_ms {
            return Ok(Step::Wait(self.not_before_ms - now.mono_ms));
        }
        self.send(boot_id, now.wall_ms).map(Step::Send)
    }

    fn send(&mut self, boot_id: Uuid, wall_ms: i64) -> Result<Outgoing, S::Error> {
        let entries = self.spool.front(self.batch_of(boot_id), self.settings.max_bytes);
        self.spool.freeze(entries.len())?;
        let envelope = Envelope {
            boot_id,
            sent_at_ms: wall_ms + self.clock.sending_offset_ms(),
            clock_offset_ms: self.clock.sending_offset_ms(),
            agent: &self.settings.agent,
        };
        let body = body::write(&envelope, &entries);
        Ok(Outgoing { body, events: entries.into_iter().map(|entry| entry.meta).collect(), left_ms: wall_ms })
    }

    /// A boot that has not been told the time sends one event alone: should its clock be wrong, only that one is
    /// frozen at the wrong time.
    fn batch_of(&self, boot_id: Uuid) -> usize {
        let unsure = self.running_boot == Some(boot_id) && !self.clock.is_settled();
        if unsure { 1 } else { self.batch }
    }

    /// Takes the answer to a post.
    ///
    /// # Errors
    /// The spool cannot store what follows; events may come back after a crash, which the edge does not mind.
    pub fn answered(&mut self, post: Outgoing, answer: &Answer, now: Now) -> Result<Report, S::Error> {
        let verdict = interpret(answer, post.events.len());
        let (offset_ms, sent) = (self.clock.sending_offset_ms(), post.events.len());
        let fates = match verdict {
            Verdict::Settled | Verdict::GiveUp => self.forget(post.events, answer)?,
            Verdict::Split if sent <= 1 => self.forget(post.events, answer)?,
            _ => Vec::new(),
        };
        self.learn_the_time(post.left_ms, answer, now.wall_ms)?;
        if verdict == Verdict::Split {
            self.batch = (sent / 2).max(1);
        }
        self.pace(verdict, self.clock.sending_offset_ms() != offset_ms, answer, now);
        Ok(Report { verdict, fates })
    }

    fn forget(&mut self, events: Vec<Meta>, answer: &Answer) -> Result<Vec<(Meta, Fate)>, S::Error> {
        self.spool.remove(events.len())?;
        let fates = events.into_iter().enumerate();
        Ok(fates.map(|(i, meta)| (meta, fate(i, answer))).collect())
    }

    fn learn_the_time(&mut self, left_ms: i64, answer: &Answer, came_ms: i64) -> Result<(), S::Error> {
        let Answer::Http(HttpAnswer { server_time_ms: Some(server_ms), .. }) = *answer else {
            return Ok(());
        };
        let by_ms = self.clock.learn(Sample { left_ms, came_ms, server_ms }, self.settings.clock_slack_ms);
        match self.running_boot {
            Some(boot_id) if by_ms != 0 => self.spool.shift_unsent(boot_id, by_ms),
            _ => Ok(()),
        }
    }

    fn pace(&mut self, verdict: Verdict, corrected: bool, answer: &Answer, now: Now) {
        match verdict {
            Verdict::Settled => {
                self.backoff.reset();
                self.batch = (self.batch + self.batch / 4 + 1).min(self.settings.max_events);
            }
            Verdict::NeedToken => self.state = State::NeedToken,
            Verdict::Retired => self.state = State::Retired,
            Verdict::Split => {}
            Verdict::Skewed if corrected => {}
            Verdict::GiveUp | Verdict::Skewed | Verdict::Later => self.wait(answer, now),
        }
    }

    fn wait(&mut self, answer: &Answer, now: Now) {
        let asked = match answer {
            Answer::Http(answer) => answer.retry_after_ms,
            Answer::Unreachable => None,
        };
        self.not_before_ms = now.mono_ms + self.backoff.after_failure(asked, now.dice);
    }
}

fn fate(index: usize, answer: &Answer) -> Fate {
    let Answer::Http(answer) = answer else {
        return Fate::GivenUp("unreachable".to_owned());
    };
    if answer.status != 200 {
        return Fate::GivenUp(answer.slug.clone().unwrap_or_else(|| answer.status.to_string()));
    }
    match answer.invalid.iter().find(|(i, _)| *i == index) {
        Some((_, code)) => Fate::Invalid(code.clone()),
        None => Fate::Accepted,
    }
}

#[cfg(test)]
mod tests;
