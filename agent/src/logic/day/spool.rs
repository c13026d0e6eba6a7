//! The spool of a virtual device: its plans, from a position on, as far as time has come.
//!
//! Events are made when they are sent, and made again, the same, when they are sent again. So what has to survive a
//! crash is not the events but the position, and for wrong clocks by how much events were moved.

use super::plan::{self, DayPlan};
use super::profile::{self, Profile};
use super::world::{Device, World};
use super::{Purpose, content};
use crate::logic::dice::Dice;
use crate::logic::spool::{Entry, Meta, Spool};
use schemas::time::Day;
use std::sync::Arc;
use uuid::Uuid;

/// Where a device stands: everything before `day` and before `item` of it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Day of the plan.
    pub day: Day,
    /// Index in its items.
    pub item: usize,
}

/// The events of a boot from an item on were moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Boot of the plan.
    pub boot: u8,
    /// First item.
    pub from_item: usize,
    /// By how much, ms.
    pub by_ms: i64,
}

/// What must be on disk before the next post leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Events of that day were moved.
    Shifted(Day, Shift),
    /// Items of that day before this one are frozen.
    Frozen(Day, usize),
}

/// What a device remembers over a restart of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Position; `None`: the beginning.
    pub position: Option<Position>,
    /// Frozen items of the position's day.
    pub frozen: usize,
    /// Moves of the position's day.
    pub shifts: Vec<Shift>,
}

/// The queue of one virtual device.
#[derive(Debug)]
pub struct ScriptSpool {
    world: Arc<World>,
    device: Device,
    profile: Profile,
    plan: DayPlan,
    item: usize,
    frozen: usize,
    shifts: Vec<Shift>,
    notes: Vec<Note>,
    now_ms: i64,
    until_ms: i64,
}

impl ScriptSpool {
    /// A device at its saved position, or at `first` day. Nothing after `until_ms` is played.
    #[must_use]
    pub fn new(world: Arc<World>, device: Device, first: Day, saved: Saved, until_ms: i64) -> ScriptSpool {
        let profile = profile::of(&world, &device);
        let position = saved.position.unwrap_or(Position { day: first, item: 0 });
        let plan = plan::of(&world, &device, &profile, position.day);
        ScriptSpool {
            world,
            device,
            profile,
            plan,
            item: position.item,
            frozen: saved.frozen,
            shifts: saved.shifts,
            notes: Vec::new(),
            now_ms: i64::MIN,
            until_ms,
        }
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its traits.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Everything before it is settled.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { day: self.plan.day, item: self.item }
    }

    /// What must be stored before the next post leaves; empty for right clocks.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Lets time pass.
    pub fn advance(&mut self, now_ms: i64) {
        self.now_ms = now_ms.min(self.until_ms);
        self.skip_finished_days();
    }

    /// The boot of the oldest due event, if its machine is on now.
    #[must_use]
    pub fn running_boot(&self) -> Option<Uuid> {
        let boot = &self.plan.boots[usize::from(self.plan.items.get(self.item)?.boot)];
        (boot.from_ms() <= self.now_ms && self.now_ms <= boot.to_ms()).then_some(boot.boot_id)
    }

    /// The machine of that boot starts with a wrong clock: until the server tells the time, its events are off by
    /// this much. 0 for right clocks, and when the boot has been moved already.
    pub fn start_wrong(&mut self) -> i64 {
        let Some(boot) = self.plan.items.get(self.item).map(|item| item.boot) else { return 0 };
        let error_ms = self.clock_error_ms();
        if error_ms != 0 && self.shifts.iter().all(|shift| shift.boot != boot) {
            self.shift(Shift { boot, from_item: self.item, by_ms: error_ms });
        }
        error_ms
    }

    /// What the wall clock of the boot at the front is ahead of the true time, ms.
    #[must_use]
    pub fn clock_error_ms(&self) -> i64 {
        let Some(item) = self.plan.items.get(self.item).filter(|_| self.profile.wrong_clock) else { return 0 };
        let key = [
            self.world.seed,
            Purpose::Clock as u64,
            u64::from(self.device.device_no),
            self.plan.day.0 as u64,
            u64::from(item.boot),
        ];
        let mut dice = Dice::of(&key);
        let size = dice.within(180_000, 1_500_000);
        if dice.chance(0.5) { size } else { -size }
    }

    /// How much the boot at the front was moved after it began, where that has happened.
    #[must_use]
    pub fn settled_offset_ms(&self) -> Option<i64> {
        let boot = self.plan.items.get(self.item)?.boot;
        let mut moves = self.shifts.iter().filter(|shift| shift.boot == boot);
        let first = moves.next()?.by_ms;
        moves.next_back().map(|last| last.by_ms - first)
    }

    /// A frozen disk forgets everything before the boot that runs now, if that began after `since_ms`. Returns what
    /// is lost.
    pub fn wipe(&mut self, since_ms: i64) -> Vec<Meta> {
        let now_ms = self.now_ms;
        let running = self.plan.boots.iter().position(|b| b.from_ms() <= now_ms && now_ms <= b.to_ms());
        let Some(running) = running.filter(|i| self.plan.boots[*i].from_ms() >= since_ms) else {
            return Vec::new();
        };
        let first = self.plan.items.iter().position(|item| usize::from(item.boot) == running).unwrap_or(self.item);
        let lost = self.item..first.max(self.item);
        let metas = lost.clone().filter_map(|i| self.entry(i)).map(|entry| entry.meta).collect();
        self.item = lost.end;
        metas
    }

    /// When the device posts next, in true time: its next heartbeat or power event; `None` if its script is over.
    #[must_use]
    pub fn next_post_ms(&self) -> Option<i64> {
        let held_ms = self.held_until_ms();
        let next = self.plan.items[self.item..].iter().find(|item| item.kind.posts() && item.at_ms > self.now_ms);
        let midnight = self.plan.day.plus(1).start_ms();
        let at_ms = next.map_or(midnight.max(self.now_ms + 60_000), |item| item.at_ms).max(held_ms);
        (self.now_ms < self.until_ms).then(|| at_ms.min(self.until_ms))
    }

    /// Number of posts that the plans up to `now_ms` make, if all were sent at once. A boot that is still running sends
    /// its first event alone, to be told the time.
    #[must_use]
    pub fn posts_due(&self, now_ms: i64, max_events: usize) -> u64 {
        let mut posts = 0;
        let mut day = self.plan.day;
        while day <= Day::of_ms(now_ms) {
            let plan = plan::of(&self.world, &self.device, &self.profile, day);
            let skipped = if day == self.plan.day { self.item } else { 0 };
            for (i, boot) in plan.boots.iter().enumerate() {
                let due = |item: &&plan::Item| usize::from(item.boot) == i && item.at_ms <= now_ms;
                let events = plan.items.iter().skip(skipped).filter(due).count();
                let alone = usize::from(boot.from_ms() <= now_ms && now_ms <= boot.to_ms() && events > 1);
                posts += (alone + (events - alone).div_ceil(max_events)) as u64;
            }
            day = day.plus(1);
        }
        posts
    }

    fn held_until_ms(&self) -> i64 {
        let until = self.world.offline_until(self.device.device_no, self.plan.day);
        until.map_or(i64::MIN, |day| day.start_ms() + 28_800_000).min(self.until_ms)
    }

    fn is_due(&self, item: &plan::Item) -> bool {
        item.at_ms <= self.now_ms && self.held_until_ms() <= self.now_ms
    }

    fn skip_finished_days(&mut self) {
        let last = Day::of_ms(self.now_ms);
        while self.item >= self.plan.items.len() && self.plan.day < last {
            self.plan = plan::of(&self.world, &self.device, &self.profile, self.plan.day.plus(1));
            (self.item, self.frozen) = (0, 0);
            self.shifts.clear();
        }
    }

    fn shift(&mut self, shift: Shift) {
        self.shifts.push(shift);
        self.notes.push(Note::Shifted(self.plan.day, shift));
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let item = self.plan.items.get(index)?;
        let moved = self.shifts.iter().rev().find(|shift| shift.boot == item.boot && shift.from_item <= index);
        let by_ms = moved.map_or(0, |shift| shift.by_ms);
        let event = content::of(&self.world, &self.device, &self.profile, &self.plan, item, by_ms);
        let boot_id = self.plan.boots[usize::from(item.boot)].boot_id;
        // Types of the contract always serialize.
        Entry::new(boot_id, &event).ok()
    }
}

impl Spool for ScriptSpool {
    type Error = std::convert::Infallible;

    fn front_boot(&self) -> Option<Uuid> {
        let item = self.plan.items.get(self.item).filter(|item| self.is_due(item))?;
        Some(self.plan.boots[usize::from(item.boot)].boot_id)
    }

    fn front(&self, max_events: usize, max_bytes: usize) -> Vec<Entry> {
        let Some(first) = self.plan.items.get(self.item).filter(|item| self.is_due(item)) else {
            return Vec::new();
        };
        let due = |item: &plan::Item| item.boot == first.boot && item.at_ms <= self.now_ms;
        let count = self.plan.items[self.item..].iter().take(max_events.max(1)).take_while(|item| due(item)).count();
        let mut bytes = 0;
        let fits = |(i, entry): &(usize, Entry)| {
            bytes += entry.json.len() + 1;
            *i == 0 || bytes <= max_bytes
        };
        let entries = (self.item..self.item + count).map_while(|i| self.entry(i));
        entries.enumerate().take_while(fits).map(|(_, entry)| entry).collect()
    }

    fn freeze(&mut self, count: usize) -> Result<(), Self::Error> {
        let frozen = self.frozen.max(self.item + count);
        if frozen != self.frozen && self.profile.wrong_clock {
            self.notes.push(Note::Frozen(self.plan.day, frozen));
        }
        self.frozen = frozen;
        Ok(())
    }

    fn remove(&mut self, count: usize) -> Result<(), Self::Error> {
        self.item = (self.item + count).min(self.plan.items.len());
        Ok(())
    }

    fn shift_unsent(&mut self, boot_id: Uuid, by_ms: i64) -> Result<(), Self::Error> {
        let Some(boot) = self.plan.boots.iter().position(|boot| boot.boot_id == boot_id) else {
            return Ok(());
        };
        let boot = boot as u8;
        let before = self.shifts.iter().rev().find(|shift| shift.boot == boot).map_or(0, |shift| shift.by_ms);
        self.shift(Shift { boot, from_item: self.frozen.max(self.item), by_ms: before + by_ms });
        Ok(())
    }
}
