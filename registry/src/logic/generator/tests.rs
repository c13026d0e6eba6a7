#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::divisions::{GUANGDONG_CSV, parse};
use schemas::registry::{DeviceState, Level, SchoolStatus};
use std::collections::{BTreeMap, HashSet};

fn today() -> Day {
    Day::parse("2026-11-20").unwrap()
}

fn generate(generator: Generator) -> Vec<GeneratedSchool> {
    Province::new(generator, &parse(GUANGDONG_CSV).unwrap()).schools().collect()
}

fn by_division(schools: &[GeneratedSchool]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for generated in schools {
        *counts.entry(generated.school.history.divisions[0].value).or_default() += 1;
    }
    counts
}

#[test]
fn the_default_province_reaches_every_area() {
    let (schools, divisions) = (generate(Generator::new(1, today())), parse(GUANGDONG_CSV).unwrap());
    let counts = by_division(&schools);
    for county in divisions.iter().filter(|division| division.level == Level::County) {
        assert!(counts.contains_key(&county.code), "{}", county.name);
    }
    assert_eq!(counts[&440_000], 3);
    assert!(counts[&441_900] >= 4 && counts[&442_000] >= 3 && counts[&440_100] >= 1);
    let devices: usize = schools.iter().map(|generated| generated.devices.len()).sum();
    assert!((1_100..1_350).contains(&devices), "{devices}");
}

#[test]
fn numbers_are_dense_from_one_and_names_are_unique() {
    let schools = generate(Generator { schools: 2_000, ..Generator::new(1, today()) });
    let classes = schools.iter().flat_map(|generated| &generated.classes);
    let devices = schools.iter().flat_map(|generated| &generated.devices);
    assert!(schools.iter().zip(1..).all(|(generated, no)| generated.school.no == no));
    assert!(classes.zip(1..).all(|(class, no)| class.no == no));
    assert!(devices.clone().zip(1..).all(|(device, no)| device.no == no));
    let names: HashSet<_> = schools.iter().map(|generated| &generated.school.name).collect();
    assert_eq!(names.len(), schools.len());
    let ids: HashSet<_> = devices.map(|device| device.id).collect();
    assert_eq!(ids.len(), schools.iter().map(|generated| generated.devices.len()).sum::<usize>());
}

#[test]
fn the_same_seed_makes_the_same_and_growth_changes_nothing_below() {
    let small = generate(Generator::new(7, today()));
    assert_eq!(small, generate(Generator::new(7, today())));
    let large = generate(Generator { schools: 500, ..Generator::new(7, today()) });
    assert_eq!(small[..], large[..small.len()]);
    assert_ne!(small, generate(Generator::new(8, today())), "another seed makes another province");
}

#[test]
fn a_fixed_number_of_devices_is_exact() {
    let schools = generate(Generator { schools: 40, devices_per_school: Some(150), ..Generator::new(1, today()) });
    assert!(schools.iter().all(|generated| generated.devices.len() == 150));
}

#[test]
fn the_rules_are_exercised() {
    let schools = generate(Generator::new(1, today()));
    let devices: Vec<_> = schools.iter().flat_map(|generated| &generated.devices).collect();
    let count = |state| devices.iter().filter(|device| device.state == state).count();
    assert!(count(DeviceState::Suspended) >= 3 && count(DeviceState::Retired) >= 3);
    assert_eq!(count(DeviceState::Enrolled), 1);
    assert!(devices.iter().any(|device| device.places[0].value.class_no == 0 && device.places.len() == 1));
    assert!(devices.iter().any(|device| device.places.len() == 2));
    let suspended = |generated: &&GeneratedSchool| generated.school.history.statuses.len() > 1;
    let suspended: Vec<_> = schools.iter().filter(suspended).collect();
    assert_eq!(suspended.len(), 1);
    assert_eq!(suspended[0].school.history.statuses[1].value, SchoolStatus::Suspended);
    assert_eq!(schools.iter().filter(|generated| !generated.school.closures.is_empty()).count(), 1);
    let old = devices.iter().filter(|device| Day::of_ms(device.enrolled_at_ms) < today().plus(-60)).count();
    assert!(old * 100 > devices.len() * 95);
}

#[test]
fn closures_begin_early_in_a_week_of_the_past_month() {
    for shift in 0..7 {
        let divisions = parse(GUANGDONG_CSV).unwrap();
        let today = today().plus(shift);
        let province = Province::new(Generator::new(1, today), &divisions);
        let closure = &province.closures(placement::CITY_WITH_A_CLOSURE)[0];
        assert!(closure.from_day.weekday() < 4 && closure.from_day > today.plus(-31) && closure.until_day < today);
        assert!(province.closures(440_100).is_empty());
    }
}

#[test]
fn values_stream_without_a_store() {
    let divisions = parse(GUANGDONG_CSV).unwrap();
    let generator = Generator { schools: 300, devices_per_school: Some(10), ..Generator::new(1, today()) };
    let province = Province::new(generator, &divisions);
    assert_eq!(province.area_records(&[]).count(), 144);
    assert_eq!(province.device_records().count(), 3_000);
    assert!(province.device_records().zip(1..).all(|(record, no)| record.device_no == no));
    let schools = province.school_records().filter(|record| record.level == Level::School).count();
    assert_eq!(schools, 300);
}
