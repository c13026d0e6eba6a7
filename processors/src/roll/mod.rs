//! Absolute sums and checks over what the workers wrote: `county_day`, `restatements`, and the nightly audit.
//!
//! Everything is computed in ClickHouse from rows that are there; running anything twice changes nothing. The sets that
//! are rolled and audited are the live one and those that are kept.

pub mod audit;
mod command;

pub use command::Audit;

use crate::config::Config;
use crate::logic::roll::{self as statements, Days, due};
use crate::logic::sets::State;
use crate::sets::book::{BookFault, SetBook};
use crate::tables;
use clickhouse::Client;
use clickhouse::error::Error;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::clock::Clock;
use runtime::config::ClickHouseConfig;
use runtime::shutdown::Shutdown;
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::sets::SetName;
use schemas::time::Day;
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};

/// What the roller counts.
#[derive(Clone, Debug, Default)]
struct RollMetrics {
    /// Rolls.
    rolls: Counter,
    /// Rolls and audits that failed; the next ones do their work.
    failures: Counter,
    /// Audits of a day.
    audits: Counter,
    /// School rows that differed from the sum of their device rows in the last audit of their day, nightly or on demand.
    differences: Gauge,
}

impl RollMetrics {
    fn register(registry: &mut Registry) -> RollMetrics {
        let m = RollMetrics::default();
        registry.register("rolls", "rolls of county_day", m.rolls.clone());
        registry.register("roll_failures", "rolls and audits that failed", m.failures.clone());
        registry.register("audited_days", "days audited", m.audits.clone());
        registry.register(
            "audit_differences",
            "school rows that differ from the sum of their device rows, in the last audit of each day",
            m.differences.clone(),
        );
        m
    }
}

/// A set to roll and to audit.
#[derive(Clone, Debug)]
pub struct Rolled {
    /// Its name.
    pub name: SetName,
    /// Its parameters.
    pub definitions: Definitions,
}

/// Rolls and audits.
pub struct Roller {
    client: Client,
    book: SetBook,
    live: Definitions,
}

/// Runs until the shutdown signal. Metrics are registered before the first await.
///
/// # Errors
/// The embedded definitions cannot be read.
pub fn run(
    config: Arc<Config>,
    clock: Clock,
    registry: &mut Registry,
    shutdown: Shutdown,
) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
    let metrics = RollMetrics::register(registry);
    async move {
        let roller = Roller::new(&config.clickhouse)?;
        let mut ticks = interval(config.roll.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 0_u64.. {
            tokio::select! { _ = ticks.tick() => {}, () = shutdown.fired() => break }
            let all_days = tick.is_multiple_of(config.roll.all_days_every.max(1));
            metrics.rolls.inc();
            if let Err(error) = roller.tick(&config, clock.now_ms(), all_days, &metrics).await {
                metrics.failures.inc();
                tracing::warn!(%error, "roll, trying again");
            }
        }
        Ok(())
    }
}

/// Sums all days of a set by area.
///
/// # Errors
/// ClickHouse is away.
pub async fn roll_all(config: &ClickHouseConfig, set: &SetName) -> Result<(), Error> {
    let client = tables::client(config);
    execute(&client, &statements::county_days(set, (Day::FIRST, Day::OPEN))).await
}

async fn execute(client: &Client, statement: &str) -> Result<(), Error> {
    client.query_raw(statement).execute().await
}

impl Roller {
    /// A roller of a database.
    ///
    /// # Errors
    /// The embedded definitions cannot be read.
    pub fn new(config: &ClickHouseConfig) -> anyhow::Result<Roller> {
        let live = Definitions::parse(CURRENT_TOML)?;
        Ok(Roller { client: tables::client(config), book: SetBook::new(config), live })
    }

    /// The live set and those that are kept.
    ///
    /// # Errors
    /// ClickHouse is away.
    pub async fn sets(&self) -> Result<Vec<Rolled>, BookFault> {
        let kept = self.book.sets().await?.into_iter().filter(|set| set.state == State::Kept);
        let live = Rolled { name: SetName::live(), definitions: self.live.clone() };
        let kept = kept.map(|set| Rolled { name: set.name, definitions: set.definitions });
        Ok(std::iter::once(live).chain(kept).collect())
    }

    async fn tick(&self, config: &Config, now_ms: i64, all_days: bool, metrics: &RollMetrics) -> Result<(), BookFault> {
        let today = Day::of_ms(now_ms);
        let oldest = today.plus(-(self.live.accept_days as i32) - 1);
        let days = (if all_days { oldest } else { today.plus(-1) }, today.plus(1));
        for set in self.sets().await? {
            execute(&self.client, &statements::county_days(&set.name, days)).await?;
            let ended = (days.0, today);
            execute(&self.client, &statements::first_editions(&set.name, ended, now_ms)).await?;
        }
        let after = i64::try_from(config.roll.audit_after.as_millis()).unwrap_or(i64::MAX);
        if let Some(day) = due(now_ms, after, self.last_audited().await?) {
            self.night(day, oldest, now_ms, metrics).await?;
        }
        metrics.differences.set(self.open_differences(oldest).await?);
        Ok(())
    }

    /// The nightly run: what late events changed since the last one, and the audit of the day before and of the days
    /// that they changed.
    async fn night(&self, day: Day, oldest: Day, now_ms: i64, metrics: &RollMetrics) -> Result<(), BookFault> {
        let mut differences = 0;
        for set in self.sets().await? {
            let mut days = self.restate(&set.name, (oldest, day.plus(1)), now_ms).await?;
            days.retain(|restated| *restated != day);
            days.push(day);
            for day in days {
                differences += self.audit(&set, day, now_ms).await?.len();
                metrics.audits.inc();
            }
        }
        tracing::info!(%day, differences, "audited");
        Ok(())
    }

    /// Writes what late events changed in days that have ended; returns the days.
    ///
    /// # Errors
    /// ClickHouse is away; the next run finds the same.
    pub async fn restate(&self, set: &SetName, days: Days, now_ms: i64) -> Result<Vec<Day>, Error> {
        execute(&self.client, &statements::first_editions(set, days, now_ms)).await?;
        execute(&self.client, &statements::restate(set, days, now_ms)).await?;
        execute(&self.client, &statements::next_editions(set, days)).await?;
        let query =
            "SELECT DISTINCT day FROM restatements WHERE set_name = ? AND at = fromUnixTimestamp64Milli(?, 'UTC')";
        let query = self.client.query(query).bind(set.as_str()).bind(now_ms);
        let days = query.fetch_all::<u16>().await?;
        Ok(days.into_iter().map(|day| Day(i32::from(day))).collect())
    }

    /// The newest day that was audited after it had ended.
    async fn last_audited(&self) -> Result<Option<Day>, Error> {
        let query =
            "SELECT toUInt16(max(day)) FROM audit_runs WHERE set_name = 'live' AND toDate(at, 'Asia/Shanghai') > day";
        let day = self.client.query(query).fetch_one::<u16>().await?;
        Ok((day > 0).then_some(Day(i32::from(day))))
    }

    /// Differences that the last audit of their day found: they are told until an audit finds them gone.
    async fn open_differences(&self, oldest: Day) -> Result<i64, Error> {
        let query = "SELECT toInt64(sum(differences)) FROM audit_runs FINAL WHERE day >= toDate(?)";
        self.client.query(query).bind(oldest.0.max(0)).fetch_one::<i64>().await
    }
}
