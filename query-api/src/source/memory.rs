//! What the service keeps of the tables, so that a question about a province reads what has changed and not the month.
//!
//! Before anything is taken from memory, the parts of the tables are looked at (see [`crate::logic::parts`]): what they
//! say has changed is read again first. A look costs one statement over metadata; it serves the questions of a short
//! while, so what is told was true of the tables at most that long ago.

use super::client::{Store, StoreError, fetch_some};
use super::facts::QueryIds;
use super::rows::{ActivityRow, NetworkRow, PartRow, RosterRow, TouchedRow};
use super::sets::Sets;
use crate::config::MemoryConfig;
use crate::logic::cell_plan as plan;
use crate::logic::cells::{Cells, Counted, Place, Reread, Table, Told, Wanted};
use crate::logic::gather::Gathered;
use crate::logic::parts::{Change, Part, Seen};
use schemas::time::Day;
use std::collections::{HashMap, HashSet};
use std::time::Instant;
use tokio::sync::{Mutex, MutexGuard};

/// Days of cells in one statement: a province of 3,000,000 devices stays far within what one statement may take.
const DAYS_PER_READ: usize = 14;
/// Looks in a row, where parts are merged away while their keys are read.
const LOOKS: usize = 3;

/// Shared by all questions; one at a time brings it up to date.
pub struct Memory {
    config: MemoryConfig,
    state: Mutex<State>,
}

/// What is held, and which parts it was read from.
#[derive(Default)]
pub(super) struct State {
    seen: HashMap<Table, Seen>,
    looked: Option<Instant>,
    /// All tables have parts. Where one has none (it is empty, or no table but a view), nothing tells of changes.
    watched: bool,
    cells: Cells,
    pub(super) sets: Sets,
}

impl Memory {
    /// An empty memory.
    #[must_use]
    pub fn new(config: &MemoryConfig) -> Memory {
        Memory { config: config.clone(), state: Mutex::default() }
    }

    /// Another memory of the same size, empty.
    #[must_use]
    pub fn emptied(&self) -> Memory {
        Memory::new(&self.config)
    }

    /// Sums of an area's cells. None: the range begins before what is kept, or nothing can be kept.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn gather(
        &self,
        store: &Store,
        wanted: &Wanted<'_>,
        today: Day,
        ids: &QueryIds,
    ) -> Result<Option<Gathered>, StoreError> {
        let first = self.first_day(today);
        if wanted.from < first || wanted.to > today {
            return Ok(None);
        }
        let mut state = self.current(store, ids).await?;
        if !state.watched {
            return Ok(None);
        }
        state.fill(store, (first, today), ids).await?;
        Ok(Some(state.cells.gather(wanted)))
    }

    /// Reads the cells of all days that are kept, so that the first question need not.
    ///
    /// # Errors
    /// A statement failed; what was read is kept.
    pub async fn warm(&self, store: &Store, today: Day, ids: &QueryIds) -> Result<(), StoreError> {
        let mut state = self.current(store, ids).await?;
        if state.watched { state.fill(store, (self.first_day(today), today), ids).await } else { Ok(()) }
    }

    /// The state, in which all that has changed is forgotten or marked.
    pub(super) async fn current(&self, store: &Store, ids: &QueryIds) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.state.lock().await;
        if state.looked.is_none_or(|at| at.elapsed() > self.config.max_age) {
            let begun = Instant::now();
            state.look(store, ids).await?;
            state.looked = Some(begun);
        }
        Ok(state)
    }

    fn first_day(&self, today: Day) -> Day {
        today.plus(1 - i32::from(self.config.days)).max(Day(0))
    }
}

impl State {
    async fn look(&mut self, store: &Store, ids: &QueryIds) -> Result<(), StoreError> {
        for _ in 0..LOOKS {
            let parts = active_parts(store, ids).await?;
            if self.follow(store, &parts, ids).await? {
                self.note(parts);
                return Ok(());
            }
        }
        self.forget();
        let parts = active_parts(store, ids).await?;
        self.note(parts);
        Ok(())
    }

    /// Marks what has changed. False: a part was gone before its keys were read.
    async fn follow(
        &mut self,
        store: &Store,
        parts: &HashMap<Table, Vec<Part>>,
        ids: &QueryIds,
    ) -> Result<bool, StoreError> {
        for table in Table::ALL {
            let none = Vec::new();
            let now = parts.get(&table).unwrap_or(&none);
            match self.seen.entry(table).or_default().change(now) {
                Change::None => {}
                Change::In(names) if !self.is_empty() => {
                    if !self.touch(store, table, &names, ids).await? {
                        return Ok(false);
                    }
                }
                Change::In(_) => {}
                Change::Anything => self.forget(),
            }
        }
        Ok(true)
    }

    async fn touch(
        &mut self,
        store: &Store,
        table: Table,
        names: &[String],
        ids: &QueryIds,
    ) -> Result<bool, StoreError> {
        let Some(statement) = plan::touched(table, names) else { return Ok(false) };
        let rows = store.fetch::<TouchedRow>(&statement, &ids.of(&format!("touched-{}", table.name()))).await?;
        for row in &rows {
            let day = Day(i32::from(row.k_day));
            self.cells.touch(table, row.k_area, day);
            self.sets.touch(table, day);
        }
        let found: HashSet<&str> = rows.iter().map(|row| row.part.as_str()).collect();
        Ok(names.iter().all(|name| found.contains(name.as_str())))
    }

    fn note(&mut self, mut parts: HashMap<Table, Vec<Part>>) {
        self.watched = parts.len() == Table::ALL.len();
        if !self.watched {
            self.forget();
        }
        for table in Table::ALL {
            self.seen.entry(table).or_default().note(parts.remove(&table).unwrap_or_default());
        }
    }

    fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.sets.is_empty()
    }

    fn forget(&mut self) {
        self.cells.forget();
        self.sets = Sets::default();
    }

    /// Reads what is missing or stale of these days.
    async fn fill(&mut self, store: &Store, days: (Day, Day), ids: &QueryIds) -> Result<(), StoreError> {
        self.cells.hold(days.0, days.1);
        loop {
            let stale = Table::ALL.map(|table| self.cells.stale(table, DAYS_PER_READ));
            if stale.iter().all(Option::is_none) {
                return Ok(());
            }
            let [roster, activity, network] = &stale;
            let (rosters, activities, networks) = tokio::try_join!(
                read::<RosterRow>(store, Table::Roster, roster.as_ref(), ids),
                read::<ActivityRow>(store, Table::Activity, activity.as_ref(), ids),
                read::<NetworkRow>(store, Table::Network, network.as_ref(), ids),
            )?;
            self.put(Table::Roster, roster.as_ref(), rosters.iter().map(roster_cell));
            self.put(Table::Activity, activity.as_ref(), activities.iter().map(activity_cell));
            self.put(Table::Network, network.as_ref(), networks.iter().map(network_cell));
        }
    }

    fn put(&mut self, table: Table, reread: Option<&Reread>, rows: impl Iterator<Item = (Place, Day, Told)>) {
        if let Some(reread) = reread {
            self.cells.put(table, reread, rows);
        }
    }
}

async fn active_parts(store: &Store, ids: &QueryIds) -> Result<HashMap<Table, Vec<Part>>, StoreError> {
    let mut parts: HashMap<Table, Vec<Part>> = HashMap::new();
    let name = |table: Table| store.table(table.name());
    for row in store.fetch::<PartRow>(&plan::parts(&Table::ALL.map(name)), &ids.of("parts")).await? {
        if let Some(table) = Table::ALL.into_iter().find(|table| name(*table) == row.table) {
            parts.entry(table).or_default().push(row.part());
        }
    }
    Ok(parts)
}

async fn read<T>(store: &Store, table: Table, stale: Option<&Reread>, ids: &QueryIds) -> Result<Vec<T>, StoreError>
where
    T: clickhouse::RowOwned + clickhouse::RowRead,
{
    let id = ids.of(&format!("cells-{}", table.name()));
    fetch_some(store, stale.map(|stale| plan::cells(table, stale)), id).await
}

fn roster_cell(row: &RosterRow) -> (Place, Day, Told) {
    let counted = Counted { sums: row.sums(), rows: row.n_rows, ver: row.n_ver };
    (row.place(), Day(i32::from(row.k_day)), Told::Roster(counted, row.n_provisional == 1))
}

fn activity_cell(row: &ActivityRow) -> (Place, Day, Told) {
    let counted = Counted { sums: row.sums(), rows: row.n_rows, ver: row.n_ver };
    (row.place(), Day(i32::from(row.k_day)), Told::Activity(counted))
}

fn network_cell(row: &NetworkRow) -> (Place, Day, Told) {
    let counted = Counted { sums: row.sums(), rows: row.n_rows, ver: row.n_ver };
    (row.place(), Day(i32::from(row.k_day)), Told::Network(Box::new(counted)))
}
