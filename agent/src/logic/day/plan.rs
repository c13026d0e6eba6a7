//! Which event a device makes when: one line per event, in order of time, numbered by stream.

use super::Purpose;
use super::profile::Profile;
use super::script::{self, Boot};
use super::world::{Device, World};
use crate::logic::cadence::Cadence;
use crate::logic::dice::Dice;
use crate::logic::heartbeat::Interval;
use schemas::event::{PowerKind, Stream};
use schemas::time::Day;

/// What kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// heartbeat
    Heartbeat,
    /// power
    Power(PowerKind),
    /// burst
    Burst,
    /// bandwidth, down or up
    Bandwidth {
        /// Direction: down.
        down: bool,
    },
    /// inventory
    Inventory,
    /// fault that began, or ended
    Fault {
        /// It began.
        open: bool,
    },
    /// resource
    Resource,
}

impl Kind {
    /// Its stream.
    #[must_use]
    pub fn stream(self) -> Stream {
        match self {
            Kind::Heartbeat | Kind::Power(_) => Stream::Activity,
            Kind::Burst | Kind::Bandwidth { .. } => Stream::Network,
            Kind::Inventory | Kind::Fault { .. } => Stream::Device,
            Kind::Resource => Stream::Resource,
        }
    }

    /// The agent posts at once what it has; other events wait for the next of these.
    #[must_use]
    pub fn posts(self) -> bool {
        matches!(self, Kind::Heartbeat | Kind::Power(_))
    }
}

/// One event to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// True time of the event, ms.
    pub at_ms: i64,
    /// Index of its boot in [`DayPlan::boots`].
    pub boot: u8,
    /// Kind.
    pub kind: Kind,
    /// Number in its stream.
    pub seq: u32,
}

/// A device's events of the boots that begin on a day, which may reach into the next day.
#[derive(Clone, Debug)]
pub struct DayPlan {
    /// The day.
    pub day: Day,
    /// What happened.
    pub boots: Vec<Boot>,
    /// The events, in order of time.
    pub items: Vec<Item>,
    /// Gaps between samples on that day.
    pub cadence: Cadence,
}

/// Plans a device's day.
#[must_use]
pub fn of(world: &World, device: &Device, profile: &Profile, day: Day) -> DayPlan {
    let boots = script::of(world, device, profile, day);
    let offline = day < world.anchor || world.offline_until(device.device_no, day).is_some();
    let cadence = if offline { Cadence::OFFLINE } else { Cadence::ONLINE };
    let mut items = Vec::new();
    for (i, boot) in boots.iter().enumerate() {
        let key = [world.seed, Purpose::Plan as u64, u64::from(device.device_no), day.0 as u64, i as u64];
        items.extend(number(moments(boot, cadence, &mut Dice::of(&key)), i as u8));
    }
    DayPlan { day, boots, items, cadence }
}

type Moment = (i64, Kind);

/// Sorts a boot's events by time and numbers them by stream.
fn number(mut moments: Vec<Moment>, boot: u8) -> Vec<Item> {
    moments.sort_by_key(|(at_ms, _)| *at_ms);
    let mut next = [0u32; 4];
    let item = |(at_ms, kind): Moment| {
        let seq = &mut next[kind.stream() as usize];
        *seq += 1;
        Item { at_ms, boot, kind, seq: *seq - 1 }
    };
    moments.into_iter().map(item).collect()
}

fn moments(boot: &Boot, cadence: Cadence, dice: &mut Dice) -> Vec<Moment> {
    let (from_ms, to_ms) = (boot.from_ms(), boot.to_ms());
    let mut all = power(boot);
    for on in &boot.seen.on {
        all.extend(every(cadence.heartbeat_ms, *on, dice).map(|at_ms| (at_ms, Kind::Heartbeat)));
        all.push((on.to_ms - 1, Kind::Heartbeat));
        all.extend(every(cadence.burst_ms, *on, dice).map(|at_ms| (at_ms, Kind::Burst)));
    }
    for used in &boot.seen.active {
        if dice.chance(0.4) {
            all.push((used.from_ms + dice.within(1_000, 60_000), Kind::Resource));
        }
    }
    if dice.chance(0.15) {
        all.push((from_ms + 45_000, Kind::Inventory));
    }
    if dice.chance(0.1) {
        all.push((from_ms + 150_000, Kind::Bandwidth { down: true }));
        all.push((from_ms + 165_000, Kind::Bandwidth { down: false }));
    }
    if dice.chance(0.004) {
        all.push((dice.within(from_ms, to_ms), Kind::Fault { open: true }));
        all.push((to_ms - 2, Kind::Fault { open: false }));
    }
    let lost_ms = if boot.wiped { to_ms - dice.within(120_000, 540_000) } else { i64::MAX };
    all.retain(|(at_ms, _)| *at_ms < lost_ms && *at_ms <= to_ms);
    all
}

fn power(boot: &Boot) -> Vec<Moment> {
    let on = &boot.seen.on;
    let mut all =
        vec![(boot.from_ms(), Kind::Power(PowerKind::Boot)), (boot.to_ms(), Kind::Power(PowerKind::Shutdown))];
    for pair in on.windows(2) {
        all.push((pair[0].to_ms, Kind::Power(PowerKind::Sleep)));
        all.push((pair[1].from_ms, Kind::Power(PowerKind::Resume)));
    }
    all
}

/// Moments `gap_ms` apart within an interval, the first at a random part of the gap.
fn every(gap_ms: i64, within: Interval, dice: &mut Dice) -> impl Iterator<Item = i64> + use<> {
    let first = within.from_ms + 1_000 + dice.within(0, gap_ms);
    (0..).map(move |n| first + n * gap_ms).take_while(move |at_ms| *at_ms < within.to_ms - 1_000)
}
