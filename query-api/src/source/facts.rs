//! Reads what the figures of a unit are divided from.

use super::client::{Store, StoreError, fetch_some};
use super::rows::{ActivityRow, InServiceRow, NetworkRow, RosterRow, unit_of};
use super::sets::{SetBook, Wanted};
use crate::logic::devices::{DeviceSets, count};
use crate::logic::etag::DataVersion;
use crate::logic::plan::{Calendar, DayCount, Grouping, Plan};
use crate::logic::sums::{DeviceSums, Sums};
use crate::logic::units::Facts;
use schemas::org::OrgId;
use schemas::time::Day;
use std::collections::HashMap;

/// Names the statements of one answer: the first has the id that the answer tells, the others a suffix.
#[derive(Clone, Debug)]
pub struct QueryIds(pub String);

impl QueryIds {
    /// The id of a part.
    #[must_use]
    pub fn of(&self, part: &str) -> String {
        format!("{}-{part}", self.0)
    }
}

/// The moment of a request.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The local day.
    pub today: Day,
    /// Devices heard of since then are online.
    pub online_since_ms: i64,
}

/// Sums by group of the plan, with the version of what was read.
///
/// # Errors
/// A statement failed.
pub async fn read(
    store: &Store,
    sets: &SetBook,
    plan: &Plan<'_>,
    now: Now,
    ids: &QueryIds,
) -> Result<(Facts, DataVersion), StoreError> {
    let mut gathered = Gathered::default();
    if plan.grouping == Grouping::Days {
        gathered.roster(plan.grouping, store.fetch(&plan.roster(), &ids.0).await?);
        let numerators = numerators(store, plan, &gathered.calendar, ids);
        let days = gathered.calendar.school_days();
        let devices = devices(store, sets, plan, &days, now, ids);
        let (numerators, devices) = tokio::try_join!(numerators, devices)?;
        gathered.numerators(plan.grouping, numerators);
        gathered.devices(devices);
    } else {
        let roster = async {
            let roster = store.fetch::<RosterRow>(&plan.roster(), &ids.0).await?;
            gathered.roster(plan.grouping, roster);
            numerators(store, plan, &gathered.calendar, ids).await
        };
        let to = [plan.to];
        let (numerators, devices) = tokio::try_join!(roster, devices(store, sets, plan, &to, now, ids))?;
        gathered.numerators(plan.grouping, numerators);
        gathered.devices(devices);
    }
    Ok(gathered.finish(plan.grouping))
}

type Numerators = (Vec<ActivityRow>, Vec<NetworkRow>);

async fn numerators(
    store: &Store,
    plan: &Plan<'_>,
    calendar: &Calendar,
    ids: &QueryIds,
) -> Result<Numerators, StoreError> {
    let activity = fetch_some(store, plan.activity(calendar), ids.of("activity"));
    let network = fetch_some(store, plan.network(calendar), ids.of("network"));
    tokio::try_join!(activity, network)
}

/// Counts of devices in service on each of `days`, by group.
async fn devices(
    store: &Store,
    book: &SetBook,
    plan: &Plan<'_>,
    days: &[Day],
    now: Now,
    ids: &QueryIds,
) -> Result<Vec<(Group, DeviceSums)>, StoreError> {
    let Some(wanted) = Wanted::of(plan.figures) else { return Ok(Vec::new()) };
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let in_service = plan.in_service_devices(days);
    let in_service_id = ids.of("in-service");
    let in_service = store.fetch::<InServiceRow>(&in_service, &in_service_id);
    let sets = book.sets(store, wanted, days, now, ids);
    let (in_service, sets) = tokio::try_join!(in_service, sets)?;
    let none = DeviceSets::default();
    let counted = in_service.iter().map(|row| {
        let set = sets.get(&i32::from(row.k_day)).unwrap_or(&none);
        (Group { area: row.k_area, school: row.k_school, day: row.k_day }, count(&row.devices, set))
    });
    Ok(counted.collect())
}

/// The keys of a row of a grouped statement.
#[derive(Clone, Copy)]
struct Group {
    area: u32,
    school: u32,
    day: u16,
}

#[derive(Default)]
struct Gathered {
    units: HashMap<(u32, u32), Sums>,
    days: HashMap<i32, Sums>,
    calendar: Calendar,
    version: DataVersion,
}

impl Gathered {
    fn roster(&mut self, grouping: Grouping, rows: Vec<RosterRow>) {
        for row in rows {
            if row.k_by_day == 1 {
                self.calendar.days.push(day_count(&row));
                self.version.add(row.n_rows, row.n_ver);
            }
            let wanted = (row.k_by_day == 1) == (grouping != Grouping::Units);
            if wanted {
                let group = Group { area: row.k_area, school: row.k_school, day: row.k_day };
                self.sums(grouping, group).roster.add(&row.sums());
            }
        }
    }

    fn numerators(&mut self, grouping: Grouping, (activity, network): Numerators) {
        for row in activity {
            self.version.add(row.n_rows, row.n_ver);
            let group = Group { area: row.k_area, school: row.k_school, day: row.k_day };
            self.sums(grouping, group).activity.add(&row.sums());
        }
        for row in network {
            self.version.add(row.n_rows, row.n_ver);
            let group = Group { area: row.k_area, school: row.k_school, day: row.k_day };
            self.sums(grouping, group).network.add(&row.sums());
        }
    }

    fn devices(&mut self, counts: Vec<(Group, DeviceSums)>) {
        for (group, counted) in counts {
            // Distinct devices are read beside the rows, so what was counted is part of the version.
            let online = counted.online_now.unwrap_or(0);
            self.version.other += counted.in_service + 3 * counted.active7 + 7 * counted.active30 + 11 * online;
            self.units.entry((group.area, group.school)).or_default().devices.add(&counted);
            if let Some(day) = self.days.get_mut(&i32::from(group.day)) {
                day.devices.add(&counted);
            }
        }
    }

    fn sums(&mut self, grouping: Grouping, group: Group) -> &mut Sums {
        match grouping {
            Grouping::Days => self.days.entry(i32::from(group.day)).or_default(),
            Grouping::Whole => self.units.entry((0, 0)).or_default(),
            Grouping::Units => self.units.entry((group.area, group.school)).or_default(),
        }
    }

    fn finish(self, grouping: Grouping) -> (Facts, DataVersion) {
        let mut facts = Facts { days: self.days, calendar: self.calendar, ..Facts::default() };
        match grouping {
            Grouping::Days => facts.days.values().for_each(|sums| facts.whole.add(sums)),
            Grouping::Whole | Grouping::Units => self.units.values().for_each(|sums| facts.whole.add(sums)),
        }
        if grouping == Grouping::Units {
            let named = self.units.into_iter().map(|((area, school), sums)| (unit_of(area, school), sums));
            facts.units = named.filter(|(id, _)| *id != OrgId::School(0)).collect();
        }
        (facts, self.version)
    }
}

fn day_count(row: &RosterRow) -> DayCount {
    DayCount {
        day: Day(i32::from(row.k_day)),
        on: row.n_school_days,
        off: row.n_rows - row.n_school_days,
        provisional: row.n_provisional == 1,
    }
}
