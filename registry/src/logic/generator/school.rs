//! One school: its classes, its devices, and the cases that exercise the rules.
//!
//! Every number is drawn from a stream of its own, by the school's number, so that schools do not depend on how many
//! there are.

use super::naming::{self, Names};
use super::{Generator, closure, early_in_a_week};
use crate::logic::model::{Campus, Change, Class, Device, Place, School, SchoolHistory};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use schemas::registry::{CalendarSpan, DeviceKind, DeviceState, SchoolStatus};
use schemas::time::Day;
use uuid::Builder;

/// A school with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedSchool {
    /// The school.
    pub school: School,
    /// Its campuses.
    pub campuses: Vec<Campus>,
    /// Its classes.
    pub classes: Vec<Class>,
    /// Its devices.
    pub devices: Vec<Device>,
}

/// The next number of each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) school: u32,
    campus: u32,
    class: u32,
    device: u32,
}

impl Numbers {
    pub(super) fn first() -> Numbers {
        Numbers { school: 1, campus: 1, class: 1, device: 1 }
    }
}

/// Types with their weights in percent and their grades.
const TYPES: [(&str, u32, std::ops::RangeInclusive<u32>); 9] = [
    ("小学", 50, 1..=6),
    ("初中", 20, 7..=9),
    ("9年一贯制", 10, 1..=9),
    ("高中", 6, 10..=12),
    ("完全中学", 5, 7..=12),
    ("教学点", 4, 1..=4),
    ("中职", 3, 10..=12),
    ("十二年一贯制", 1, 1..=12),
    ("高职", 1, 13..=15),
];

/// Kinds with their weights in percent.
const KINDS: [(DeviceKind, u32); 4] =
    [(DeviceKind::AllInOne, 75), (DeviceKind::Whiteboard, 12), (DeviceKind::ProjectorPc, 10), (DeviceKind::Other, 3)];

/// The school that closed for a day in the past weeks.
const CLOSED_FOR_A_DAY: u32 = 5;
/// The school that was suspended three weeks ago.
const SUSPENDED_SCHOOL: u32 = 19;
/// The school whose devices were enrolled in the past days, the last one today.
const NEW_SCHOOL: u32 = 23;

pub(super) fn generate(
    generator: Generator,
    division: u32,
    names: &mut Names<'_>,
    next: &mut Numbers,
) -> GeneratedSchool {
    let mut draw = Draw::new(generator.seed, next.school);
    let (school_type, _, grades) = draw.weighted(&TYPES, |(_, weight, _)| *weight).clone();
    let name = names.school(division, school_type);
    let no = next.school;
    let school = School {
        no,
        name,
        school_type: school_type.to_owned(),
        history: history(no, division, generator.today),
        closures: closures(no, generator.today),
        bells: Vec::new(),
    };
    let campuses = campuses(no, &mut next.campus, &mut draw);
    let plan = DevicePlan::new(generator, no, &mut draw);
    let classes = classes(&school, &campuses, &grades.collect::<Vec<_>>(), plan.classes, &mut next.class, &mut draw);
    let devices = plan.devices(no, &classes, &mut next.device, &mut draw);
    next.school += 1;
    GeneratedSchool { school, campuses, classes, devices }
}

fn history(no: u32, division: u32, today: Day) -> SchoolHistory {
    let mut statuses = vec![Change { from_day: Day::FIRST, value: SchoolStatus::Normal }];
    if no == SUSPENDED_SCHOOL {
        statuses.push(Change { from_day: today.plus(-21), value: SchoolStatus::Suspended });
    }
    SchoolHistory { divisions: vec![Change { from_day: Day::FIRST, value: division }], statuses }
}

fn closures(no: u32, today: Day) -> Vec<CalendarSpan> {
    let closed = (no == CLOSED_FOR_A_DAY).then(|| closure(early_in_a_week(today.plus(-8)), 1, "校运会停课"));
    closed.into_iter().collect()
}

fn campuses(school_no: u32, next: &mut u32, draw: &mut Draw) -> Vec<Campus> {
    let names: &[&str] = if draw.below(10) == 0 { &["本部", "东校区"] } else { &["本部"] };
    let campus = |name: &&str| Campus { no: take(next), school_no, name: (*name).to_owned() };
    names.iter().map(campus).collect()
}

fn classes(
    school: &School,
    campuses: &[Campus],
    grades: &[u32],
    count: u32,
    next: &mut u32,
    draw: &mut Draw,
) -> Vec<Class> {
    let per_grade = |i: usize| {
        let (even, rest) = (count as usize / grades.len(), count as usize % grades.len());
        even + usize::from(i < rest)
    };
    let seats = grades.iter().enumerate().flat_map(|(i, grade)| (1..=per_grade(i)).map(move |n| (*grade, n as u32)));
    let class = |(grade, number)| Class {
        no: take(next),
        school_no: school.no,
        campus_no: campuses[draw.below(campuses.len() as u32) as usize].no,
        grade,
        name: naming::class(&school.school_type, grade, number),
        size: 28 + draw.below(28),
    };
    seats.map(class).collect()
}

/// How many devices a school has, and which of them are special.
struct DevicePlan {
    today: Day,
    enrolled: Day,
    classes: u32,
    devices: u32,
}

impl DevicePlan {
    fn new(generator: Generator, no: u32, draw: &mut Draw) -> DevicePlan {
        let drawn = 3 + draw.below(10);
        let without_class = u32::from(no % 10 == 4);
        let devices = generator.devices_per_school.unwrap_or(drawn + without_class);
        let accept_days = i32::try_from(generator.accept_days).unwrap_or(i32::MAX / 4);
        let ago = if no == NEW_SCHOOL { 2 } else { accept_days + 15 + draw.below(200) as i32 };
        let enrolled = generator.today.plus(-ago);
        DevicePlan { today: generator.today, enrolled, classes: devices.saturating_sub(without_class), devices }
    }

    fn devices(&self, school_no: u32, classes: &[Class], next: &mut u32, draw: &mut Draw) -> Vec<Device> {
        let device = |i: u32| {
            let class_no = classes.get(i as usize).map_or(0, |class| class.no);
            let mut device = self.device(take(next), Place { school_no, class_no }, draw);
            self.make_special(i, school_no, &mut device);
            device
        };
        (0..self.devices).map(device).collect()
    }

    fn device(&self, no: u32, place: Place, draw: &mut Draw) -> Device {
        Device {
            no,
            id: Builder::from_random_bytes(draw.bytes()).into_uuid(),
            kind: draw.weighted(&KINDS, |(_, weight)| *weight).0,
            state: DeviceState::InService,
            token_gen: 0,
            revoked: false,
            enrolled_at_ms: self.enrolled.start_ms() + 8 * 3_600_000 + i64::from(draw.below(9 * 3_600_000)),
            places: vec![Change { from_day: Day::FIRST, value: place }],
            states: Vec::new(),
        }
    }

    /// Some schools have a suspended or retired device, or one that came into its class lately.
    fn make_special(&self, i: u32, school_no: u32, device: &mut Device) {
        let is_last = i + 1 == self.devices;
        let place = device.places[0].value;
        match (school_no % 16, i) {
            (7, _) if is_last => take_out(device, DeviceState::Suspended, self.today.plus(-18)),
            (11, _) if is_last => take_out(device, DeviceState::Retired, self.today.plus(-12)),
            (14, 1) => {
                device.places[0].value.class_no = 0;
                device.places.push(Change { from_day: self.today.plus(-9), value: place });
            }
            _ => {}
        }
        if school_no == NEW_SCHOOL && is_last {
            device.enrolled_at_ms = self.today.start_ms();
            device.state = DeviceState::Enrolled;
        }
    }
}

fn take_out(device: &mut Device, state: DeviceState, from_day: Day) {
    device.state = state;
    device.states.push(Change { from_day, value: state });
}

fn take(next: &mut u32) -> u32 {
    let no = *next;
    *next += 1;
    no
}

/// The random numbers of one school.
struct Draw(ChaCha8Rng);

impl Draw {
    fn new(seed: u64, school_no: u32) -> Draw {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(school_no));
        Draw(rng)
    }

    /// A number below `bound`; the bias of the multiplication is below 1 in 500 for the bounds used here.
    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    fn weighted<'t, T>(&mut self, table: &'t [T], weight: impl Fn(&T) -> u32) -> &'t T {
        let mut left = self.below(table.iter().map(&weight).sum());
        let mut chosen = &table[0];
        for entry in table {
            chosen = entry;
            if left < weight(entry) {
                break;
            }
            left -= weight(entry);
        }
        chosen
    }
}
