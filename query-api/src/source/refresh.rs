//! Keeps names, tree and `data_as_of` in memory, a few seconds old at most.

use super::client::StoreError;
use super::facts::QueryIds;
use super::readers::Readers;
use super::rows::{FreshnessRow, OrgRow, OrgsVersionRow};
use crate::logic::device_plan as plan;
use crate::logic::tree::{Node, Tree};
use runtime::clock::Clock;
use runtime::shutdown::Shutdown;
use schemas::org::OrgId;
use schemas::registry::Level;
use schemas::time::Day;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What is known without asking.
#[derive(Clone)]
pub struct Known {
    /// What is read, and by which definitions.
    pub readers: Arc<Readers>,
    /// Organisations.
    pub tree: Arc<Tree>,
    /// Their version: rows and sum of `ver`.
    pub version: (u64, u64),
    /// Latest receipt in the tables, ms; 0: none yet.
    pub received_ms: i64,
}

/// At every so many-th refresh, receipts of all days are looked through.
const OLDER_DAYS_EVERY: u64 = 15;

/// Shared, replaced as a whole.
#[derive(Clone)]
pub struct Book(Arc<RwLock<Known>>);

impl Book {
    /// Knows nothing yet but what to read.
    #[must_use]
    pub fn new(readers: Readers) -> Book {
        let known = Known { readers: Arc::new(readers), tree: Arc::default(), version: (0, 0), received_ms: 0 };
        Book(Arc::new(RwLock::new(known)))
    }

    /// What is known now.
    #[must_use]
    pub fn known(&self) -> Known {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, known: Known) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Reads again what has changed; receipts only in the rows of days from `newest_from` on.
    ///
    /// # Errors
    /// A statement failed; what was known stays.
    pub async fn refresh(&self, newest_from: Day) -> Result<(), StoreError> {
        let mut known = self.known();
        known.readers = known.readers.refresh(&id("readers")).await?;
        let store = &known.readers.sources.store;
        let version = store.fetch::<OrgsVersionRow>(&plan::orgs_version(), &id("orgs-version")).await?;
        let version = version.first().map_or((0, 0), |row| (row.n_rows, row.n_ver));
        if version != known.version {
            let rows = store.fetch::<OrgRow>(&plan::orgs(), &id("orgs")).await?;
            known.tree = Arc::new(Tree::new(rows.into_iter().filter_map(node).collect()));
            known.version = version;
        }
        let statement = plan::freshness(newest_from);
        let freshness = store.fetch::<FreshnessRow>(&statement, &id("freshness")).await?;
        known.received_ms = freshness.first().map_or(0, |row| row.received_ms).max(known.received_ms);
        self.replace(known);
        Ok(())
    }

    /// Refreshes until the process stops; fills the memory of what is read, as soon as the tables can be read.
    pub async fn keep_fresh(self, clock: Clock, every: Duration, shutdown: Shutdown) {
        let mut warm = None;
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for tick in 0_u64.. {
            tokio::select! { _ = ticks.tick() => {}, () = shutdown.fired() => return }
            // Events of today and yesterday are the newest as a rule; late ones for older days are seen now and then.
            let recent = Day::of_ms(clock.now_ms()).plus(-1);
            let newest_from = if tick.is_multiple_of(OLDER_DAYS_EVERY) { Day(0) } else { recent };
            if let Err(error) = self.refresh(newest_from).await {
                tracing::debug!(%error, "names stay as they are until the next refresh");
                continue;
            }
            let readers = self.known().readers;
            if warm != Some(readers.ver)
                && readers.warm(Day::of_ms(clock.now_ms()), &QueryIds(id("warm"))).await.is_ok()
            {
                warm = Some(readers.ver);
            }
        }
    }
}

fn id(part: &str) -> String {
    format!("{}-{part}", uuid::Uuid::new_v4())
}

fn node(row: OrgRow) -> Option<Node> {
    let level = *Level::ALL.get(usize::try_from(row.level_code).ok()?)?;
    let id = OrgId::parse(&row.id)?;
    Some(Node { id, level, division: row.division, school_no: row.school_no, name: row.name })
}
