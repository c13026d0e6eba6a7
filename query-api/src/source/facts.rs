//! Reads what the figures of a unit are divided from: out of memory what is kept there, by statements the rest.

use super::client::{Store, StoreError, fetch_some};
use super::flights::Flights;
use super::memory::Memory;
use super::rows::{ActivityRow, InServiceRow, NetworkRow, RosterRow};
use super::sets::{Heard, Wanted};
use crate::logic::cells;
use crate::logic::devices::{DeviceSets, count};
use crate::logic::etag::DataVersion;
use crate::logic::gather::{Gathered, Group};
use crate::logic::plan::{Calendar, Grouping, Plan};
use crate::logic::scope::Scope;
use crate::logic::sums::DeviceSums;
use crate::logic::tree::Target;
use crate::logic::units::Facts;
use crate::metrics::Metrics;
use futures::FutureExt;
use schemas::figures::FigureId;
use schemas::org::{AreaLevel, area_level};
use schemas::sets::SetName;
use schemas::time::Day;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the statements of one answer: the first has the id that the answer tells, the others a suffix. No two have the
/// same: ClickHouse refuses an id until it has put the statement before away, which is after its last byte was sent.
#[derive(Clone, Debug)]
pub struct QueryIds(pub String);

impl QueryIds {
    /// A new id of a part.
    #[must_use]
    pub fn of(&self, part: &str) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("{}-{part}-{}", self.0, NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The moment of a request.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The local day.
    pub today: Day,
    /// The first day whose events are still accepted.
    pub accepted_from: Day,
    /// Devices of which a heartbeat was received since then are online.
    pub online_since_ms: i64,
}

/// What is asked of a unit. Equal questions have equal answers, if they are asked at one time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnitQuestion {
    /// What the caller may see.
    pub scope: Scope,
    /// Of which unit.
    pub target: Target,
    /// First and last day.
    pub days: (Day, Day),
    /// By what.
    pub grouping: Grouping,
    /// Which figures.
    pub figures: Vec<FigureId>,
    /// The day on which it is asked.
    pub today: Day,
}

impl UnitQuestion {
    /// As a plan.
    #[must_use]
    pub fn plan(&self) -> Plan<'_> {
        let UnitQuestion { scope, target, days, grouping, figures, .. } = self;
        Plan { scope, target: *target, from: days.0, to: days.1, grouping: *grouping, figures }
    }
}

/// What was read for a question.
#[derive(Debug)]
pub struct Read {
    /// What figures are divided from.
    pub facts: Facts,
    /// Of what was read.
    pub version: DataVersion,
    /// Names of the statements.
    pub ids: QueryIds,
}

type Answered = Result<Arc<Read>, StoreError>;

/// Everything that answers are made of.
pub struct Sources {
    /// ClickHouse.
    pub store: Store,
    /// What is kept of its tables.
    pub memory: Memory,
    /// Who was heard of just now.
    pub heard: Heard,
    metrics: Metrics,
    flights: Flights<UnitQuestion, Answered>,
}

impl Sources {
    /// Sources that have read nothing yet.
    #[must_use]
    pub fn new(store: Store, memory: Memory, metrics: Metrics) -> Sources {
        Sources { store, memory, heard: Heard::default(), metrics, flights: Flights::default() }
    }

    /// Sources of another ledger set: nothing that was read of this one holds there.
    #[must_use]
    pub fn of_set(&self, set: &SetName) -> Sources {
        Sources::new(self.store.of_set(set), self.memory.emptied(), self.metrics.clone())
    }

    /// What the figures of a unit are divided from, by group of the question. Who asks what is being read already waits
    /// for that.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn ask(self: &Arc<Self>, question: UnitQuestion, now: Now, ids: QueryIds) -> Answered {
        let (sources, asked) = (self.clone(), question.clone());
        let begin = || async move { sources.read(&asked.plan(), now, ids).await.map(Arc::new) }.boxed();
        let (flight, joined) = self.flights.join(question, begin);
        if joined {
            self.metrics.joined.inc();
        }
        flight.await
    }

    /// Reads what a plan asks for, out of memory where it can.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn read(&self, plan: &Plan<'_>, now: Now, ids: QueryIds) -> Result<Read, StoreError> {
        let remembered = self.remembered(plan, now, &ids).await?;
        let from_memory = remembered.is_some();
        let mut gathered = match remembered {
            Some(gathered) => gathered,
            None => by_statements(&self.store, plan, &ids).await?,
        };
        for (group, counted) in self.devices(plan, &gathered.calendar, from_memory, now, &ids).await? {
            gathered.devices(group, &counted);
        }
        let (facts, version) = gathered.finish();
        Ok(Read { facts, version, ids })
    }

    /// Sums of the cells of an area. None: it is not for the memory, as a county's units are, which are schools all of
    /// them.
    async fn remembered(&self, plan: &Plan<'_>, now: Now, ids: &QueryIds) -> Result<Option<Gathered>, StoreError> {
        let Some(wanted) = wanted(plan) else { return Ok(None) };
        let gathered = self.memory.gather(&self.store, &wanted, now.today, ids).await?;
        self.metrics.remembered.inc_by(u64::from(gathered.is_some()));
        Ok(gathered)
    }

    /// Counts of devices in service at the end of the range, or on each of its school days, by group.
    async fn devices(
        &self,
        plan: &Plan<'_>,
        calendar: &Calendar,
        from_memory: bool,
        now: Now,
        ids: &QueryIds,
    ) -> Result<Vec<(Group, DeviceSums)>, StoreError> {
        let days = if plan.grouping == Grouping::Days { calendar.school_days() } else { vec![plan.to] };
        let (Some(sets), false) = (Wanted::of(plan.figures), days.is_empty()) else { return Ok(Vec::new()) };
        let heard = async {
            match plan.asks_who_is_online(now.today) {
                true => self.heard.devices(&self.store, now, ids).await.map(Some),
                false => Ok(None),
            }
        };
        let sets = self.memory.sets(&self.store, sets, &days, ids);
        let in_service = self.in_service(plan, &days, from_memory, ids);
        let (heard, mut sets, in_service) = tokio::try_join!(heard, sets, in_service)?;
        if let Some(today) = sets.get_mut(&now.today.0) {
            today.online = heard;
        }
        let none = DeviceSets::default();
        let counted = in_service
            .iter()
            .map(|(day, group, devices)| (*group, count(devices.as_slice(), sets.get(&day.0).unwrap_or(&none))));
        Ok(counted.collect())
    }

    /// Devices in service on days, by group.
    async fn in_service(
        &self,
        plan: &Plan<'_>,
        days: &[Day],
        from_memory: bool,
        ids: &QueryIds,
    ) -> Result<Vec<(Day, Group, Vec<u32>)>, StoreError> {
        let (Some(wanted), true) = (wanted(plan), from_memory) else {
            let id = ids.of("in-service-here");
            let rows = self.store.fetch::<InServiceRow>(&plan.in_service_devices(days), &id).await?;
            return Ok(rows.into_iter().map(of_row).collect());
        };
        let range = schemas::org::area_range(wanted.area);
        let mut found = Vec::new();
        for day in days {
            let list = self.memory.in_service(&self.store, *day, ids).await?;
            let inside = list.iter().filter(|((area, _), _)| range.contains(area) && plan.scope.covers_area(*area));
            found.extend(inside.map(|(place, devices)| (*day, cells::group(&wanted, *place, *day), devices.clone())));
        }
        Ok(found)
    }
}

fn of_row(row: InServiceRow) -> (Day, Group, Vec<u32>) {
    (Day(i32::from(row.k_day)), row.group(), row.devices)
}

/// What of the memory answers a plan; none: it tells schools apart.
fn wanted<'a>(plan: &Plan<'a>) -> Option<cells::Wanted<'a>> {
    let Target::Area(area) = plan.target else { return None };
    let only_schools = plan.grouping == Grouping::Units && area_level(area) == AreaLevel::County;
    let network = plan.needs_network();
    let Plan { scope, from, to, grouping, .. } = *plan;
    (!only_schools).then_some(cells::Wanted { scope, area, from, to, grouping, network })
}

async fn by_statements(store: &Store, plan: &Plan<'_>, ids: &QueryIds) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::new(plan.grouping);
    let rosters = store.fetch::<RosterRow>(&plan.roster(), &ids.0).await?;
    let by_day = || rosters.iter().filter(|row| row.k_by_day == 1);
    by_day().for_each(|row| gathered.version.add(row.n_rows, row.n_ver));
    let by_unit = plan.grouping == Grouping::Units;
    for row in rosters.iter().filter(|row| (row.k_by_day == 0) == by_unit) {
        gathered.roster(row.group(), &row.sums());
    }
    by_day().for_each(|row| gathered.day(row.day_count()));
    let activity = fetch_some::<ActivityRow>(store, plan.activity(&gathered.calendar), ids.of("activity"));
    let network = fetch_some::<NetworkRow>(store, plan.network(&gathered.calendar), ids.of("network"));
    let (activity, network) = tokio::try_join!(activity, network)?;
    for row in activity {
        gathered.version.add(row.n_rows, row.n_ver);
        gathered.activity(row.group(), &row.sums());
    }
    for row in network {
        gathered.version.add(row.n_rows, row.n_ver);
        gathered.network(row.group(), &row.sums());
    }
    Ok(gathered)
}
