//! Sets of devices with a session, by day, and of devices heard of just now.
//!
//! The sets cover all schools, because a device counts wherever its session was (METRICS 10.20). A day's set is kept
//! in memory with the version of its rows (count and sum of `ver`) and read again when that has changed, so what is
//! kept is never older than what is asked.

use super::client::{Store, StoreError};
use super::facts::{Now, QueryIds};
use super::rows::{HeardRow, SessionDevicesRow, SessionVersionRow};
use crate::logic::device_plan as plan;
use crate::logic::devices::{Bits, DeviceSets};
use schemas::figures::{FigureId, Source};
use schemas::time::Day;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Which sets figures need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Days of sessions before and with each day: 0, 7 or 30.
    window: i32,
    online: bool,
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
        let online = figures.iter().any(|id| id.entry().source == Source::Receipts);
        (online || window > 0).then_some(Wanted { window, online })
    }
}

/// Days kept at most: two months of sessions, and what older questions need for a while.
const KEPT_DAYS: usize = 512;

/// The sets in memory.
#[derive(Default)]
pub struct SetBook {
    days: Mutex<HashMap<i32, DaySet>>,
}

#[derive(Clone)]
struct DaySet {
    version: (u64, u64),
    devices: Arc<Bits>,
}

impl SetBook {
    /// The sets to count devices in service on each of `days` against, by day.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn sets(
        &self,
        store: &Store,
        wanted: Wanted,
        days: &[Day],
        now: Now,
        ids: &QueryIds,
    ) -> Result<HashMap<i32, DeviceSets>, StoreError> {
        let online = async {
            if wanted.online && days.contains(&now.today) { heard(store, now, ids).await.map(Some) } else { Ok(None) }
        };
        let (online, sessions) = tokio::try_join!(online, self.sessions(store, wanted, days, ids))?;
        let set = |day: &Day| {
            let sets = DeviceSets {
                active7: window(&sessions, *day, wanted.window.min(7)),
                active30: window(&sessions, *day, wanted.window.max(7)),
                online: online.clone().filter(|_| *day == now.today),
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
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { return Ok(HashMap::new()) };
        if wanted.window == 0 {
            return Ok(HashMap::new());
        }
        let from = first.plus(1 - wanted.window).max(Day(0));
        let versions = store.fetch(&plan::session_versions(from, *last), &ids.of("session-versions")).await?;
        // Whoever comes while another reads waits for it, and then finds the days in memory.
        let mut kept = self.days.lock().await;
        let stale = stale(&kept, &versions);
        if !stale.is_empty() {
            let rows = store.fetch(&plan::session_devices(&stale), &ids.of("sessions")).await?;
            keep(&mut kept, &stale, &versions, rows);
        }
        Ok(versions
            .iter()
            .filter_map(|row| Some((i32::from(row.k_day), kept.get(&i32::from(row.k_day))?.devices.clone())))
            .collect())
    }
}

async fn heard(store: &Store, now: Now, ids: &QueryIds) -> Result<Bits, StoreError> {
    let statement = plan::heard_devices(now.online_since_ms, now.today);
    let mut bits = Bits::default();
    for row in store.fetch::<HeardRow>(&statement, &ids.of("heard")).await? {
        bits.insert(row.k_device);
    }
    Ok(bits)
}

/// Days whose rows have changed since they were kept, ascending.
fn stale(kept: &HashMap<i32, DaySet>, versions: &[SessionVersionRow]) -> Vec<Day> {
    let is_stale = |row: &&SessionVersionRow| {
        kept.get(&i32::from(row.k_day)).is_none_or(|set| set.version != (row.n_rows, row.n_ver))
    };
    let mut days: Vec<Day> = versions.iter().filter(is_stale).map(|row| Day(i32::from(row.k_day))).collect();
    days.sort_unstable();
    days
}

fn keep(kept: &mut HashMap<i32, DaySet>, days: &[Day], versions: &[SessionVersionRow], rows: Vec<SessionDevicesRow>) {
    if kept.len() + days.len() > KEPT_DAYS {
        kept.clear();
    }
    let mut sets: HashMap<i32, Bits> = days.iter().map(|day| (day.0, Bits::default())).collect();
    for row in rows {
        if let Some(bits) = sets.get_mut(&i32::from(row.k_day)) {
            row.devices.iter().for_each(|no| bits.insert(*no));
        }
    }
    for row in versions {
        if let Some(bits) = sets.remove(&i32::from(row.k_day)) {
            let set = DaySet { version: (row.n_rows, row.n_ver), devices: Arc::new(bits) };
            kept.insert(i32::from(row.k_day), set);
        }
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

    fn version(day: u16, ver: u64) -> SessionVersionRow {
        SessionVersionRow { k_day: day, n_rows: 1, n_ver: ver }
    }

    fn sessions(day: u16, devices: &[u32]) -> SessionDevicesRow {
        SessionDevicesRow { k_day: day, devices: devices.to_vec() }
    }

    #[test]
    fn a_day_is_read_again_only_when_its_rows_have_changed() {
        let mut kept = HashMap::new();
        let first = [version(10, 5), version(11, 7)];
        assert_eq!(stale(&kept, &first), [Day(10), Day(11)]);
        let rows = vec![sessions(10, &[1]), sessions(10, &[2]), sessions(11, &[3])];
        keep(&mut kept, &[Day(10), Day(11)], &first, rows);
        assert!(stale(&kept, &first).is_empty());
        let later = [version(10, 5), version(11, 8)];
        assert_eq!(stale(&kept, &later), [Day(11)]);
        keep(&mut kept, &[Day(11)], &later, vec![sessions(11, &[3, 4])]);
        assert!(kept[&10].devices.contains(2) && kept[&11].devices.contains(4));
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
