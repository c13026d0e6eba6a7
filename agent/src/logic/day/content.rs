//! What a planned event says.

use super::network;
use super::plan::{DayPlan, Item, Kind};
use super::profile::Profile;
use super::script::APPS;
use super::world::{Device, World};
use super::{Purpose, script::Boot};
use crate::logic::dice::Dice;
use crate::logic::heartbeat;
use compact_str::{CompactString, format_compact};
use schemas::event::{
    Bandwidth, Burst, Camera, Cpu, Direction, Disk, Event, Fault, FaultClass, FaultState, Graphics, Inventory, Media,
    Method, Nic, Os, Ports, Power, Resource, ResourceKind, Screen, Software, SoftwareCategory,
};
use uuid::Builder;

/// A heartbeat re-asserts what ended after so many heartbeats ago. A real agent asserts what is not acknowledged; the
/// fleet must not let acknowledgements decide, or its events would depend on timing. Its spool never loses a
/// heartbeat, so this overlap only has to show that repetition is free.
const OVERLAP: i64 = 3;

/// The events of an item, moved by `shift_ms`: what the device's uncorrected clock makes of the true time.
#[must_use]
pub fn of(world: &World, device: &Device, profile: &Profile, plan: &DayPlan, item: &Item, shift_ms: i64) -> Event {
    let boot = &plan.boots[usize::from(item.boot)];
    let at_ms = item.at_ms + shift_ms;
    let purpose = if item.kind == Kind::Burst { Purpose::Burst } else { Purpose::Content };
    let mut dice = Dice::of(&[
        world.seed,
        purpose as u64,
        u64::from(device.device_no),
        plan.day.0 as u64,
        u64::from(item.boot) << 40 | (item.kind.stream() as u64) << 32 | u64::from(item.seq),
    ]);
    match item.kind {
        Kind::Heartbeat => heartbeat_of(boot, plan, item, at_ms),
        Kind::Power(kind) => Event::Power(Power { seq: item.seq, at_ms, kind }),
        Kind::Burst => burst(profile, item.seq, at_ms, &mut dice),
        Kind::Bandwidth { down } => bandwidth(down, item.seq, at_ms, &mut dice),
        Kind::Inventory => Event::Inventory(Box::new(inventory(world, device, profile, item.seq, at_ms, &mut dice))),
        Kind::Fault { open } => fault(world, device, plan, open, item.seq, at_ms),
        Kind::Resource => resource(item.seq, at_ms, &mut dice),
    }
}

fn heartbeat_of(boot: &Boot, plan: &DayPlan, item: &Item, at_ms: i64) -> Event {
    let floor_ms = item.at_ms - OVERLAP * plan.cadence.heartbeat_ms;
    let begun = |intervals: &[heartbeat::Interval]| -> Vec<heartbeat::Interval> {
        intervals.iter().filter(|i| i.from_ms < item.at_ms).copied().collect()
    };
    let apps = boot.seen.apps.iter().map(|(app, spans)| (app.clone(), begun(spans)));
    let seen = heartbeat::Seen { on: begun(&boot.seen.on), active: begun(&boot.seen.active), apps: apps.collect() };
    // Scripts stay far below the limits of one heartbeat, so there is exactly one.
    let mut beat = heartbeat::build(item.at_ms, item.seq, &seen, floor_ms).swap_remove(0);
    beat.at_ms = at_ms;
    Event::Heartbeat(beat)
}

fn burst(profile: &Profile, seq: u32, at_ms: i64, dice: &mut Dice) -> Event {
    let (busy, rtt_us) = network::burst(&profile.line, dice);
    Event::Burst(Burst {
        seq,
        at_ms,
        anchor: "gd-edu-1".into(),
        method: Method::Udp,
        link: profile.line.link,
        busy,
        interval_ms: 200,
        rtt_us,
    })
}

fn bandwidth(down: bool, seq: u32, at_ms: i64, dice: &mut Dice) -> Event {
    let direction = if down { Direction::Down } else { Direction::Up };
    let mbit = 60.0 + 34.8 * dice.unit().sqrt();
    let duration_us = 8_000_000 + dice.bits() % 500_000;
    let bytes = (mbit * duration_us as f64 / 8.0) as u64;
    Event::Bandwidth(Bandwidth { seq, at_ms, direction, bytes, duration_us, streams: 4 })
}

fn resource(seq: u32, at_ms: i64, dice: &mut Dice) -> Event {
    let kind = match dice.unit() {
        p if p < 0.8 => ResourceKind::Open,
        p if p < 0.95 => ResourceKind::Download,
        _ => ResourceKind::Upload,
    };
    let app = CompactString::const_new(APPS[(dice.bits() % APPS.len() as u64) as usize]);
    Event::Resource(Resource { seq, at_ms, kind, app, count: 1 + (dice.bits() % 6) as u32 })
}

fn fault(world: &World, device: &Device, plan: &DayPlan, open: bool, seq: u32, at_ms: i64) -> Event {
    let key = [world.seed, Purpose::Content as u64, u64::from(device.device_no), plan.day.0 as u64, 99];
    let mut dice = Dice::of(&key);
    let class = FaultClass::ALL[(dice.bits() % FaultClass::ALL.len() as u64) as usize];
    let id = Builder::from_random_bytes((u128::from(dice.bits()) << 64 | u128::from(dice.bits())).to_be_bytes());
    let state = if open { FaultState::Open } else { FaultState::Closed };
    let detail = format_compact!("{} {}", class.as_str(), if open { "出现异常" } else { "恢复正常" });
    Event::Fault(Fault { seq, at_ms, class, state, id: id.into_uuid(), detail })
}

/// The machine is the same at every boot but for its free disk space.
fn inventory(
    world: &World,
    device: &Device,
    profile: &Profile,
    seq: u32,
    at_ms: i64,
    boot_dice: &mut Dice,
) -> Inventory {
    let mut dice = Dice::of(&[world.seed, Purpose::Content as u64, u64::from(device.device_no)]);
    let modern = dice.chance(0.6);
    let disk_gb = if modern { 256 } else { 128 };
    let mac = format_compact!(
        "02:{:02x}:{:02x}:{:02x}:{:02x}:00",
        device.device_no >> 24,
        device.device_no >> 16 & 255,
        device.device_no >> 8 & 255,
        device.device_no & 255
    );
    Inventory {
        seq,
        at_ms,
        cpu: cpu(modern),
        memory_mb: if modern { 8_192 } else { 4_096 },
        disks: vec![Disk {
            gb: disk_gb,
            media: if modern { Media::Ssd } else { Media::Hdd },
            system: true,
            free_mb: 4_000 + (boot_dice.bits() % 60_000) as u32,
        }],
        graphics: Some(vec![Graphics { model: "UHD Graphics".into(), discrete: false, memory_mb: 1_024 }]),
        nics: Some(vec![Nic { mac, mbps: 1_000, link: profile.line.link }]),
        screen: Some(Screen { inch: if modern { 75 } else { 65 }, width: 3_840, height: 2_160, touch: true }),
        ports: Some(Ports {
            usb2: 2,
            usb3: if modern { 4 } else { 2 },
            typec: 1,
            hdmi_out: 1,
            hdmi_in: 2,
            vga_out: 1,
            vga_in: 1,
        }),
        camera: dice.chance(0.7).then_some(Camera { width: 1_920, height: 1_080, microphone: true }),
        os: Os {
            name: "Windows".into(),
            version: if modern { "10" } else { "7" }.into(),
            build: "19045".into(),
            activated: true,
        },
        software: Some(software()),
    }
}

fn cpu(modern: bool) -> Cpu {
    if modern {
        Cpu { model: "Core i5-10400".into(), cores: 6, threads: 12, base_mhz: 2_900 }
    } else {
        Cpu { model: "Core i3-4160".into(), cores: 2, threads: 4, base_mhz: 3_600 }
    }
}

fn software() -> Vec<Software> {
    let program = |category, name: &'static str, version: &'static str| Software {
        category,
        name: CompactString::const_new(name),
        version: CompactString::const_new(version),
        licensed: true,
    };
    vec![
        program(SoftwareCategory::Office, "WPS Office", "12.1"),
        program(SoftwareCategory::Browser, "Edge", "120"),
        program(SoftwareCategory::Antivirus, "火绒安全", "6.0"),
        program(SoftwareCategory::Teaching, "希沃白板", "5.2"),
    ]
}
