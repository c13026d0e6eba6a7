#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::plan::{DayPlan, Kind};
use super::spool::{Saved, ScriptSpool};
use super::world::{Device, Scenario, World};
use super::{content, plan, profile};
use crate::logic::calendar::Calendar;
use crate::logic::spool::Spool;
use schemas::event::{Event, Stream};
use schemas::time::Day;
use std::collections::HashSet;
use std::sync::Arc;

fn device(device_no: u32) -> Device {
    let (school_no, division) = (device_no / 4, 440_101 + device_no % 40);
    Device { device_no, school_no, division, from_day: Day::FIRST }
}

fn world(seed: u64, scenario: Scenario) -> World {
    let bells = schemas::definitions::Definitions::parse(schemas::definitions::CURRENT_TOML).unwrap().bells;
    let devices: Vec<Device> = (0..400).map(device).collect();
    World::new(seed, scenario, monday(), Calendar::default(), bells, &devices)
}

fn monday() -> Day {
    Day::parse("2026-11-16").unwrap()
}

fn day_plan(world: &World, no: u32, day: Day) -> DayPlan {
    plan::of(world, &device(no), &profile::of(world, &device(no)), day)
}

fn events(world: &World, no: u32, day: Day) -> Vec<Event> {
    let (device, profile) = (device(no), profile::of(world, &device(no)));
    let plan = plan::of(world, &device, &profile, day);
    plan.items.iter().map(|item| content::of(world, &device, &profile, &plan, item, 0)).collect()
}

fn bytes(world: &World) -> String {
    let all: Vec<Event> = (0..40).flat_map(|no| events(world, no, monday())).collect();
    serde_json::to_string(&all).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_one_does_not() {
    let first = bytes(&world(1, Scenario::Default));
    assert_eq!(first, bytes(&world(1, Scenario::Default)));
    assert_ne!(first, bytes(&world(2, Scenario::Default)), "negative control");
}

#[test]
fn every_event_keeps_the_contract() {
    let world = world(3, Scenario::Default);
    for (no, day) in (0..400).flat_map(|no| [(no, monday()), (no, monday().plus(-3)), (no, monday().plus(5))]) {
        for event in events(&world, no, day) {
            match event {
                Event::Heartbeat(beat) => {
                    assert!(beat.on.len() <= 8 && beat.active.len() <= 200 && beat.apps.len() <= 32);
                    let apps = beat.apps.iter().flat_map(|app| &app.spans);
                    for span in beat.on.iter().chain(&beat.active).chain(apps) {
                        assert!(86_400_000 >= span.from_ms_ago && span.from_ms_ago > span.to_ms_ago);
                    }
                }
                Event::Burst(burst) => assert_eq!(burst.rtt_us.len(), 63),
                Event::Bandwidth(test) => assert!(test.duration_us > 0),
                Event::Resource(resource) => assert!((1..=100_000).contains(&resource.count)),
                Event::Power(_) | Event::Inventory(_) | Event::Fault(_) => {}
            }
        }
    }
}

#[test]
fn numbers_run_from_zero_in_each_stream_of_each_boot() {
    let world = world(4, Scenario::Steady);
    for no in 0..200 {
        let plan = day_plan(&world, no, monday());
        for boot in 0..plan.boots.len() {
            for stream in [Stream::Activity, Stream::Network, Stream::Device, Stream::Resource] {
                let of_stream = plan.items.iter().filter(|i| usize::from(i.boot) == boot && i.kind.stream() == stream);
                let seqs: Vec<u32> = of_stream.map(|item| item.seq).collect();
                assert_eq!(seqs, (0..seqs.len() as u32).collect::<Vec<_>>());
            }
        }
        assert!(plan.items.is_sorted_by_key(|item| (item.boot, item.at_ms)));
    }
}

/// The united heartbeats say exactly what the script says, to the ms.
#[test]
fn heartbeats_assert_the_whole_script() {
    let world = world(5, Scenario::Steady);
    for no in 0..100 {
        let plan = day_plan(&world, no, monday());
        let beats = events(&world, no, monday()).into_iter().filter_map(|event| match event {
            Event::Heartbeat(beat) => Some(beat),
            _ => None,
        });
        let mut asserted = HashSet::new();
        for beat in beats {
            let span =
                |s: &schemas::event::Span| (beat.at_ms - i64::from(s.from_ms_ago), beat.at_ms - i64::from(s.to_ms_ago));
            asserted.extend(beat.active.iter().map(span));
        }
        for used in plan.boots.iter().flat_map(|boot| &boot.seen.active) {
            let last = asserted.iter().filter(|(from, _)| *from == used.from_ms).map(|(_, to)| *to).max();
            // The last heartbeat of an on-interval leaves 1 ms before its end.
            assert!(last.is_some_and(|to| used.to_ms - to <= 1), "device {no}: {used:?} ends at {last:?}");
        }
    }
}

#[test]
fn a_province_has_all_its_odd_cases() {
    let world = world(6, Scenario::Default);
    let profiles: Vec<_> = (0..400).map(|no| profile::of(&world, &device(no))).collect();
    assert!(profiles.iter().any(|p| p.wrong_clock) && profiles.iter().any(|p| p.frozen_disk));
    assert!(profiles.iter().any(|p| p.use_rate == 0.0), "teachers who do not use it");
    assert!((0..40).any(|n| world.has_bad_network(440_101 + n)));
    assert!((0..100).any(|school| world.is_silent(school, monday()) && !world.is_silent(school, monday().plus(-20))));
    let plans: Vec<_> = (0..400).map(|no| day_plan(&world, no, monday())).collect();
    let overnight = |plan: &DayPlan| plan.boots.iter().any(|boot| boot.to_ms() > monday().plus(1).start_ms());
    assert!(plans.iter().any(overnight), "left on over night");
    assert!(plans.iter().any(|plan| plan.boots.iter().any(|boot| boot.wiped)));
    assert!((0..400).any(|no| world.offline_until(no, monday()).is_some()), "late spools");
    let weekend = monday().plus(5);
    let used = (0..400).filter(|no| !day_plan(&world, *no, weekend).boots.is_empty()).count();
    assert!((1..40).contains(&used), "few are used on weekends: {used}");
}

#[test]
fn the_steady_scenario_has_neither_frozen_disks_nor_wrong_clocks() {
    let world = world(6, Scenario::Steady);
    let odd = |no| {
        let profile = profile::of(&world, &device(no));
        profile.wrong_clock || profile.frozen_disk
    };
    assert!(!(0..400).any(odd));
}

#[test]
fn history_is_thin_and_still_allows_verdicts() {
    let world = world(7, Scenario::Steady);
    let count = |day: Day, wanted: Kind| {
        let of_device = |no| day_plan(&world, no, day).items.iter().filter(|item| item.kind == wanted).count();
        (0..200).map(of_device).max().unwrap()
    };
    let friday = monday().plus(-3);
    assert!(count(friday, Kind::Burst) >= 20);
    assert!(count(monday(), Kind::Heartbeat) > 3 * count(friday, Kind::Heartbeat), "live days are not thinned");
}

/// Whatever the sizes of posts and wherever a run is interrupted, the same bytes are sent.
#[test]
fn an_interrupted_spool_sends_what_an_undisturbed_one_sends() {
    let world = Arc::new(world(8, Scenario::Steady));
    let until_ms = monday().plus(2).start_ms();
    for no in 0..20 {
        let spool = |saved| ScriptSpool::new(Arc::clone(&world), device(no), monday(), saved, until_ms);
        let drain = |spool: &mut ScriptSpool, max: usize, stop_after: usize| {
            let mut sent = Vec::new();
            spool.advance(until_ms);
            while spool.front_boot().is_some() && sent.len() < stop_after {
                let entries = spool.front(max, 1 << 20);
                spool.freeze(entries.len()).unwrap();
                spool.remove(entries.len()).unwrap();
                sent.extend(entries);
                spool.advance(until_ms);
            }
            sent
        };
        let undisturbed = drain(&mut spool(Saved::default()), 500, usize::MAX);
        let mut first = spool(Saved::default());
        let mut disturbed = drain(&mut first, 7, 40);
        let saved = Saved { position: Some(first.position()), ..Saved::default() };
        disturbed.extend(drain(&mut spool(saved), 3, usize::MAX));
        assert_eq!(undisturbed, disturbed);
    }
}
