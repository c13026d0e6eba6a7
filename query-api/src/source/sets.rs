//! Sets of devices: with a session, by day; in service, by day and area; heard of just now.
//!
//! Sets of sessions cover all schools, because a device counts wherever its session was (METRICS 10.20). They and the
//! lists of devices in service are part of the memory: what has changed in the tables is dropped from them first.

use super::client::{Store, StoreError};
use super::facts::{Now, QueryIds};
use super::memory::Memory;
use super::rows::{DeviceNoRow, InServiceRow, SessionDevicesRow};
use crate::logic::cell_plan as plan;
use crate::logic::cells::{Place, Table};
use crate::logic::device_plan::heard;
use crate::logic::devices::{Bits, DeviceSets};
use schemas::figures::FigureId;
use schemas::time::Day;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which sets figures need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Days of sessions before and with each day: 0, 7 or 30.
    window: i32,
}

impl Wanted {
    /// What these figures need; none where they need no set.
    #[must_use]
    pub fn of(figures: &[FigureId]) -> Option<Wanted> {
        let has = |id| figures.contains(&id);
        let window = match (has(FigureId::Active30Rate), has(FigureId::Active7Rate)) {
            (true, _) => 30,
            (false, true) => 7,
            (false, false) => 0,
        };
        let online = has(FigureId::OnlineNow);
        (online || window > 0).then_some(Wanted { window })
    }
}

/// Days whose sessions are kept at most: more than the longest question reaches.
const KEPT_DAYS: usize = 512;
/// Days whose devices in service are kept at most, the latest ones: most questions end today.
const KEPT_LISTS: usize = 8;
/// Days of sessions in one statement.
const DAYS_PER_READ: usize = 7;
/// How long a reading of who was heard of just now serves: nothing against the minutes that "just now" allows.
const HEARD_AGE: Duration = Duration::from_secs(1);

/// Devices in service on a day, by place; a place may stand more than once.
pub type InService = Arc<Vec<(Place, Vec<u32>)>>;

/// The sets that are part of the memory.
#[derive(Default)]
pub(super) struct Sets {
    sessions: HashMap<i32, Arc<Bits>>,
    in_service: BTreeMap<i32, InService>,
}

impl Sets {
    /// Rows of a table may have changed on a day.
    pub(super) fn touch(&mut self, table: Table, day: Day) {
        match table {
            Table::Roster => drop(self.in_service.remove(&day.0)),
            Table::Activity => drop(self.sessions.remove(&day.0)),
            Table::Network => {}
        }
    }

    /// Nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.in_service.is_empty()
    }

    /// Throws away days that are not `reached`, where so many more would be too many.
    fn make_room(&mut self, reached: &[Day], more: usize) {
        if self.sessions.len() + more > KEPT_DAYS {
            self.sessions.retain(|day, _| reached.contains(&Day(*day)));
        }
    }

    fn keep_sessions(&mut self, days: &[Day], rows: &[SessionDevicesRow]) {
        let mut sets: HashMap<i32, Bits> = days.iter().map(|day| (day.0, Bits::default())).collect();
        for row in rows {
            if let Some(bits) = sets.get_mut(&i32::from(row.k_day)) {
                row.devices.iter().for_each(|no| bits.insert(*no));
            }
        }
        self.sessions.extend(sets.into_iter().map(|(day, bits)| (day, Arc::new(bits))));
    }

    fn keep_in_service(&mut self, day: Day, list: InService) {
        self.in_service.insert(day.0, list);
        while self.in_service.len() > KEPT_LISTS {
            self.in_service.pop_first();
        }
    }
}

impl Memory {
    /// The sets to count devices in service on each of `days` (ascending) against, by day.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn sets(
        &self,
        store: &Store,
        wanted: Wanted,
        days: &[Day],
        ids: &QueryIds,
    ) -> Result<HashMap<i32, DeviceSets>, StoreError> {
        let sessions = self.sessions(store, wanted, days, ids).await?;
        let set = |day: &Day| {
            let sets = DeviceSets {
                active7: window(&sessions, *day, wanted.window.min(7)),
                active30: window(&sessions, *day, wanted.window.max(7)),
                online: None,
            };
            (day.0, sets)
        };
        Ok(days.iter().map(set).collect())
    }

    /// Devices with a session, of every day that the windows of `days` reach.
    async fn sessions(
        &self,
        store: &Store,
        wanted: Wanted,
        days: &[Day],
        ids: &QueryIds,
    ) -> Result<HashMap<i32, Arc<Bits>>, StoreError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(HashMap::new()) };
        if wanted.window == 0 {
            return Ok(HashMap::new());
        }
        let reached: Vec<Day> = (first.plus(1 - wanted.window).0.max(0)..=last.0).map(Day).collect();
        let mut state = self.current(store, ids).await?;
        let missing: Vec<Day> =
            reached.iter().filter(|day| !state.sets.sessions.contains_key(&day.0)).copied().collect();
        state.sets.make_room(&reached, missing.len());
        for days in missing.chunks(DAYS_PER_READ) {
            let rows = store.fetch(&plan::session_devices(days), &ids.of("sessions")).await?;
            state.sets.keep_sessions(days, &rows);
        }
        Ok(reached.iter().filter_map(|day| Some((day.0, state.sets.sessions.get(&day.0)?.clone()))).collect())
    }

    /// Devices in service on a day, everywhere.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn in_service(&self, store: &Store, day: Day, ids: &QueryIds) -> Result<InService, StoreError> {
        let mut state = self.current(store, ids).await?;
        if let Some(list) = state.sets.in_service.get(&day.0) {
            return Ok(list.clone());
        }
        let rows = store.fetch::<InServiceRow>(&plan::in_service(day), &ids.of("in-service")).await?;
        let list: InService = Arc::new(rows.into_iter().map(|row| (row.place(), row.devices)).collect());
        state.sets.keep_in_service(day, list.clone());
        Ok(list)
    }
}

/// Who was heard of just now, everywhere, as it was read last.
#[derive(Default)]
pub struct Heard(tokio::sync::Mutex<Option<(Instant, Arc<Bits>)>>);

impl Heard {
    /// Devices of which a heartbeat was received since `now.online_since_ms`, or since a second before. One statement is
    /// under way at a time; who comes meanwhile waits for it.
    ///
    /// # Errors
    /// The statement failed.
    pub async fn devices(&self, store: &Store, now: Now, ids: &QueryIds) -> Result<Arc<Bits>, StoreError> {
        let mut reading = self.0.lock().await;
        if let Some((_, devices)) = reading.as_ref().filter(|(at, _)| at.elapsed() < HEARD_AGE) {
            return Ok(devices.clone());
        }
        let begun = Instant::now();
        let mut bits = Bits::default();
        for row in store.fetch::<DeviceNoRow>(&heard(now.accepted_from, now.online_since_ms), &ids.of("heard")).await? {
            bits.insert(row.k_device);
        }
        let devices = Arc::new(bits);
        *reading = Some((begun, devices.clone()));
        Ok(devices)
    }
}

/// Devices with a session in the `length` days that end with `last`.
fn window(sessions: &HashMap<i32, Arc<Bits>>, last: Day, length: i32) -> Bits {
    let mut bits = Bits::default();
    for day in last.0 - length + 1..=last.0 {
        if let Some(devices) = sessions.get(&day) {
            bits.union(devices);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(day: u16, devices: &[u32]) -> SessionDevicesRow {
        SessionDevicesRow { k_day: day, devices: devices.to_vec() }
    }

    #[test]
    fn a_day_is_dropped_only_when_its_rows_have_changed() {
        let mut sets = Sets::default();
        let rows = [sessions(10, &[1]), sessions(10, &[2]), sessions(11, &[3])];
        sets.keep_sessions(&[Day(10), Day(11), Day(12)], &rows);
        assert!(sets.sessions[&10].contains(1) && sets.sessions[&10].contains(2) && sets.sessions[&11].contains(3));
        assert_eq!(*sets.sessions[&12], Bits::default(), "a day without sessions is known as well");
        sets.touch(Table::Roster, Day(10));
        sets.touch(Table::Activity, Day(11));
        assert!(sets.sessions.contains_key(&10) && !sets.sessions.contains_key(&11));
    }

    #[test]
    fn only_the_latest_lists_of_devices_in_service_are_kept() {
        let mut sets = Sets::default();
        for day in 0..20 {
            sets.keep_in_service(Day(day), Arc::new(vec![((440_106, 0), vec![1])]));
        }
        assert_eq!(sets.in_service.keys().copied().collect::<Vec<_>>(), (12..20).collect::<Vec<_>>());
        sets.touch(Table::Roster, Day(19));
        assert!(!sets.in_service.contains_key(&19) && sets.in_service.contains_key(&18));
    }

    #[test]
    fn a_window_of_seven_days_ends_with_its_day() {
        let day = |devices: &[u32]| {
            let mut bits = Bits::default();
            devices.iter().for_each(|no| bits.insert(*no));
            Arc::new(bits)
        };
        let sessions = HashMap::from([(93, day(&[1])), (94, day(&[2])), (100, day(&[3])), (101, day(&[4]))]);
        let seven = window(&sessions, Day(100), 7);
        let members: Vec<u32> = (1..=4).filter(|no| seven.contains(*no)).collect();
        assert_eq!(members, [2, 3]);
    }
}
