//! What a device, its room and its teachers are like, for as long as it lives.

use super::Purpose;
use super::world::{Device, Scenario, World};
use crate::logic::dice::Dice;
use schemas::event::Link;

/// When the machine is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// From before the first lesson until after the last.
    AllDay,
    /// Switched off over lunch.
    TwoHalves,
    /// Only for the lessons that use it.
    PerLesson,
    /// On some days only.
    Rarely,
}

/// The network of the room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Cable or wireless.
    pub link: Link,
    /// Round trip without queues, microseconds.
    pub base_us: f64,
    /// Mean of the queueing delay that varies from probe to probe, microseconds.
    pub jitter_us: f64,
    /// Share of probes lost.
    pub loss: f64,
    /// Share of bursts without any answer.
    pub outage: f64,
}

/// Lasting traits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// When it is on.
    pub habit: Habit,
    /// Probability that a lesson uses it; 0: its teachers do not.
    pub use_rate: f64,
    /// Probability to be left on over night.
    pub overnight: f64,
    /// It is used on some weekend days.
    pub weekends: bool,
    /// Network.
    pub line: Line,
    /// Its wall clock is wrong after each boot.
    pub wrong_clock: bool,
    /// Restore software wipes the disk, and with it the spool, at each boot.
    pub frozen_disk: bool,
}

/// The traits of a device.
#[must_use]
pub fn of(world: &World, device: &Device) -> Profile {
    let mut dice = Dice::of(&[world.seed, Purpose::Profile as u64, u64::from(device.device_no)]);
    let habit = match dice.unit() {
        p if p < 0.60 => Habit::AllDay,
        p if p < 0.80 => Habit::TwoHalves,
        p if p < 0.94 => Habit::PerLesson,
        _ => Habit::Rarely,
    };
    let use_rate = if dice.chance(0.08) { 0.0 } else { 0.25 + 0.6 * dice.unit() };
    let overnight = if dice.chance(0.05) { 0.4 } else { 0.01 };
    let weekends = dice.chance(0.04);
    let line = line(&mut dice, world.has_bad_network(device.division));
    let odd = world.scenario == Scenario::Default;
    let wrong_clock = dice.chance(0.02) && odd;
    let frozen_disk = dice.chance(0.05) && odd;
    Profile { habit, use_rate, overnight, weekends, line, wrong_clock, frozen_disk }
}

fn line(dice: &mut Dice, bad: bool) -> Line {
    let wifi = dice.chance(0.25);
    let (link, base, jitter) = if wifi { (Link::Wifi, 7_000.0, 1_600.0) } else { (Link::Wired, 3_000.0, 400.0) };
    let poor = dice.chance(0.06);
    let worse = if bad {
        6.0
    } else if poor {
        3.0
    } else {
        1.0
    };
    Line {
        link,
        base_us: (base + dice.exponential(4_000.0)) * if bad { 4.0 } else { 1.0 },
        jitter_us: (jitter + dice.exponential(300.0)) * worse,
        loss: if bad { 0.04 } else { 0.001 },
        outage: if bad { 0.06 } else { 0.002 },
    }
}
