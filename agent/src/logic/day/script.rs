//! When a device is on, in use, and with which apps: the boots that begin on a day.

use super::Purpose;
use super::profile::{Habit, Profile};
use super::world::{Device, World};
use crate::logic::dice::Dice;
use crate::logic::heartbeat::{Interval, Seen};
use compact_str::CompactString;
use schemas::time::Day;
use uuid::{Builder, Uuid};

/// One start of the agent, until its machine is switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Random (v4), but of the device's dice.
    pub boot_id: Uuid,
    /// What an agent sees of it. More than one on-interval: the machine slept in between.
    pub seen: Seen,
    /// It is switched off without a farewell: the last events of its spool are lost with its frozen disk.
    pub wiped: bool,
}

impl Boot {
    /// When it begins.
    #[must_use]
    pub fn from_ms(&self) -> i64 {
        self.seen.on.first().map_or(0, |on| on.from_ms)
    }

    /// When it ends.
    #[must_use]
    pub fn to_ms(&self) -> i64 {
        self.seen.on.last().map_or(0, |on| on.to_ms)
    }
}

/// The apps of a classroom, most popular first.
pub const APPS: &[&str] =
    &["seewo.whiteboard", "wps.presentation", "browser", "video.player", "eduyun.resources", "geogebra", "pdf.reader"];

/// `[from, to)` in seconds after local midnight.
type Seconds = (i64, i64);

/// The boots of a device that begin on a day, ascending; none if it stays off.
#[must_use]
pub fn of(world: &World, device: &Device, profile: &Profile, day: Day) -> Vec<Boot> {
    let off = day < device.from_day || world.is_silent(device.school_no, day);
    let mut dice = Dice::of(&[world.seed, Purpose::Script as u64, u64::from(device.device_no), day.0 as u64]);
    let blocks = match (off, world.calendar.is_school_day(day)) {
        (true, _) => Vec::new(),
        (false, true) => school_day(world, profile, &mut dice),
        (false, false) => free_day(profile, &mut dice),
    };
    let boot = |(i, block): (usize, Block)| {
        let mut dice =
            Dice::of(&[world.seed, Purpose::Boot as u64, u64::from(device.device_no), day.0 as u64, i as u64]);
        block.into_boot(day, profile, &mut dice)
    };
    blocks.into_iter().enumerate().map(boot).collect()
}

/// A boot in seconds of its day.
struct Block {
    on: Vec<Seconds>,
    used: Vec<Seconds>,
}

impl Block {
    fn into_boot(self, day: Day, profile: &Profile, dice: &mut Dice) -> Boot {
        let boot_id = Builder::from_random_bytes(random_bytes(dice)).into_uuid();
        let mut instant = |(from, to): Seconds| {
            let ms = |second: i64, part: i64| day.start_ms() + second * 1_000 + part;
            Interval { from_ms: ms(from, dice.within(0, 1_000)), to_ms: ms(to, dice.within(0, 1_000)) }
        };
        let on: Vec<Interval> = self.on.into_iter().map(&mut instant).collect();
        let used: Vec<Interval> = self.used.into_iter().map(&mut instant).collect();
        let active: Vec<Interval> = used.iter().filter_map(|used| inside(*used, &on)).collect();
        let apps = apps(&active, dice);
        let wiped = profile.frozen_disk && dice.chance(0.3);
        Boot { boot_id, seen: Seen { on, active, apps }, wiped }
    }
}

fn random_bytes(dice: &mut Dice) -> [u8; 16] {
    (u128::from(dice.bits()) << 64 | u128::from(dice.bits())).to_be_bytes()
}

/// The part of a span within the on-interval that it begins in.
fn inside(span: Interval, on: &[Interval]) -> Option<Interval> {
    let on = on.iter().find(|on| on.from_ms < span.to_ms && span.from_ms < on.to_ms)?;
    Some(Interval { from_ms: span.from_ms.max(on.from_ms), to_ms: span.to_ms.min(on.to_ms) })
}

fn school_day(world: &World, profile: &Profile, dice: &mut Dice) -> Vec<Block> {
    let absent = if profile.habit == Habit::Rarely { 0.8 } else { 0.04 };
    if dice.chance(absent) {
        return Vec::new();
    }
    let lessons = lessons(world, profile, dice);
    let overnight = dice.chance(profile.overnight);
    let begin = 27_000 + dice.within(0, 1_500);
    let end = 62_500 + dice.within(0, 2_400);
    let noon = (41_500 + dice.within(0, 1_500), 49_000 + dice.within(0, 1_200));
    match profile.habit {
        Habit::PerLesson => per_lesson(&lessons, dice),
        _ if overnight => vec![Block { on: vec![(begin, 86_400 + dice.within(22_000, 25_500))], used: lessons }],
        Habit::TwoHalves => {
            let (morning, afternoon) = lessons.into_iter().partition(|(from, _)| *from < noon.0);
            let half = |on, used| Block { on: vec![on], used };
            vec![half((begin, noon.0), morning), half((noon.1, end), afternoon)]
        }
        Habit::AllDay if dice.chance(0.3) => vec![Block { on: vec![(begin, noon.0), (noon.1, end)], used: lessons }],
        Habit::AllDay | Habit::Rarely => vec![Block { on: vec![(begin, end)], used: lessons }],
    }
}

/// The spans in use: lessons, and now and then a break (eye exercises, music) or the lunch hour.
fn lessons(world: &World, profile: &Profile, dice: &mut Dice) -> Vec<Seconds> {
    let mut used = Vec::new();
    for (i, (start, end)) in world.bells.iter().map(|(start, end)| (i64::from(*start), i64::from(*end))).enumerate() {
        let liking = if i % 4 == 3 { 0.7 } else { 1.0 };
        if dice.chance(profile.use_rate * liking) {
            let from = start + dice.within(0, 300);
            used.push((from, (from + dice.within(420, 2_400)).min(end)));
        }
        if profile.use_rate > 0.0 && dice.chance(0.08) {
            used.push((end + 60, end + 60 + dice.within(120, 420)));
        }
    }
    used
}

fn per_lesson(lessons: &[Seconds], dice: &mut Dice) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (from, to) in lessons.iter().copied() {
        let on = (from - dice.within(60, 200), to + dice.within(20, 200));
        match blocks.last_mut().and_then(|block| Some((block.on.last_mut()?, &mut block.used))) {
            Some((last, used)) if on.0 < last.1 + 900 => {
                last.1 = on.1;
                used.push((from, to));
            }
            _ => blocks.push(Block { on: vec![on], used: vec![(from, to)] }),
        }
    }
    blocks
}

fn free_day(profile: &Profile, dice: &mut Dice) -> Vec<Block> {
    if !profile.weekends || dice.chance(0.5) {
        return Vec::new();
    }
    let begin = 32_400 + dice.within(0, 3_600);
    let end = begin + dice.within(3_600, 9_000);
    vec![Block { on: vec![(begin, end)], used: vec![(begin + 600, end - 900)] }]
}

/// Each active span is one to three foreground spans, each of one app.
fn apps(active: &[Interval], dice: &mut Dice) -> Vec<(CompactString, Vec<Interval>)> {
    let mut spans: Vec<Vec<Interval>> = vec![Vec::new(); APPS.len()];
    for span in active {
        let mut from_ms = span.from_ms;
        while from_ms < span.to_ms {
            let to_ms =
                if dice.chance(0.4) { span.to_ms } else { (from_ms + dice.within(180_000, 1_200_000)).min(span.to_ms) };
            let app = (dice.unit() * dice.unit() * APPS.len() as f64) as usize;
            spans[app.min(APPS.len() - 1)].push(Interval { from_ms, to_ms });
            from_ms = to_ms;
        }
    }
    let named = APPS.iter().map(|app| CompactString::const_new(app)).zip(spans);
    named.filter(|(_, spans)| !spans.is_empty()).collect()
}
