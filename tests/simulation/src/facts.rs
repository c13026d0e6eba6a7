//! What the devices say and where they belong. An event is a function of its identity, as an agent freezes it before
//! it is first sent; which school a device-day belongs to is frozen at that day's midnight.

use crate::draw::{Draw, SCHOOLS};
use crate::table::Key;
use schemas::event::{AppSpans, Burst, Events, Heartbeat, Link, Method, Power, PowerKind, Span};
use schemas::record::{Belonging, EventRecord};
use schemas::time::{DAY_S, Day};
use uuid::Uuid;

/// The day on which a run begins: a Wednesday.
pub const FIRST_DAY: Day = Day(20_779);

const HOUR: u64 = 3600;

/// A boot of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    device: u8,
    boot: u8,
}

impl Boot {
    /// Boot `boot` of a device's agent.
    #[must_use]
    pub const fn new(device: u8, boot: u8) -> Boot {
        Boot { device, boot }
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> Uuid {
        // Not ascending with the boot's number.
        let number = (u128::from(self.device) << 8) + u128::from(self.boot ^ 1);
        Uuid::from_u128(number << 64 | 0x8000_0000_0000_0001)
    }

    fn draw(self, number: u64) -> Draw {
        let mut draw = Draw::new(u64::from(self.device) << 40 | u64::from(self.boot) << 32 | number);
        draw.number();
        draw
    }

    /// The moment of an event: boots begin on different days, at times that school hours and midnights are not far
    /// from, and post in different rhythms.
    fn at_ms(self, number: u8) -> i64 {
        let mut draw = self.draw(1 << 20);
        let day = FIRST_DAY.plus([0, -1, -4, 0][usize::from(self.boot % 4)]);
        let second =
            draw.pick(&[7 * HOUR + 1700, 9 * HOUR, 17 * HOUR + 1900, 22 * HOUR, 23 * HOUR + 2700]) + draw.below(600);
        let step = draw.pick(&[60, 300, 300, 1500, 5 * HOUR]);
        day.start_ms() + (second + u64::from(number) * step) as i64 * 1000 + (draw.below(1000) as i64)
    }

    /// The events of a number: one of stream activity, and often a burst.
    fn tell(self, number: u8, events: &mut Events) {
        let mut draw = self.draw(u64::from(number));
        let (seq, at_ms) = (u32::from(number), self.at_ms(number));
        if number % 7 == 3 {
            events.power.push(Power { seq, at_ms, kind: PowerKind::Resume });
        } else {
            events.heartbeats.push(self.heartbeat(seq, at_ms, &mut draw));
        }
        if draw.below(3) > 0 {
            events.bursts.push(burst(seq, at_ms, &mut draw));
        }
    }

    /// Re-asserts what was on since the boot, or tells of some spans of the last hours.
    fn heartbeat(self, seq: u32, at_ms: i64, draw: &mut Draw) -> Heartbeat {
        let since_boot = (at_ms - self.at_ms(0)).clamp(1, 86_400_000) as u32;
        let whole = vec![Span { from_ms_ago: since_boot, to_ms_ago: 0 }];
        let on = if draw.below(3) > 0 { whole } else { spans(draw, 3) };
        let active = spans(draw, 4);
        let apps = ["ppt", "whiteboard", "browser"];
        let apps = apps.iter().filter(|_| draw.one_in(2)).map(|app| (*app).into()).collect::<Vec<_>>();
        let apps = apps.into_iter().map(|app| AppSpans { app, spans: spans(draw, 3) }).collect();
        Heartbeat { seq, at_ms, on, active, apps }
    }
}

fn spans(draw: &mut Draw, most: u64) -> Vec<Span> {
    let span = |draw: &mut Draw| {
        let to_ms_ago = draw.pick(&[0, 700, 60_000, 3_600_000]) + draw.below(900_000) as u32;
        let length = draw.pick(&[1, 999, 1000, 290_000, 2_000_000, 30_000_000]) + draw.below(5000) as u32;
        Span { from_ms_ago: to_ms_ago + length, to_ms_ago }
    };
    (0..draw.below(most + 1)).map(|_| span(draw)).collect()
}

fn burst(seq: u32, at_ms: i64, draw: &mut Draw) -> Burst {
    let (base, lost) = (draw.pick(&[900, 4_000, 29_990, 60_000]), draw.pick(&[1, 3, 20]));
    let spread = draw.pick(&[10, 4_000, 12_000]);
    let probe = |draw: &mut Draw| match draw.below(20) {
        0 => Some(draw.pick(&[0, -3, 3_000_001])),
        _ if draw.one_in(lost) => None,
        _ => Some(base + draw.below(spread) as i32),
    };
    let probes = 1 + draw.below(10);
    Burst {
        seq,
        at_ms,
        anchor: "a".into(),
        method: Method::Udp,
        link: Link::Wired,
        busy: draw.one_in(6),
        interval_ms: 200,
        rtt_us: (0..probes).map(|_| probe(draw)).collect(),
    }
}

/// Where a device belongs: from which day on to which school.
#[derive(Clone, Debug)]
pub struct Registry(Vec<Vec<(Day, u8)>>);

impl Default for Registry {
    fn default() -> Registry {
        Registry((0..=16).map(|device: u8| vec![(Day::FIRST, device.saturating_sub(1) / 2 % SCHOOLS + 1)]).collect())
    }
}

impl Registry {
    /// A device belongs to another school from the midnight after `today` on; false if that is no change.
    pub fn transfer(&mut self, device: u8, school: u8, today: Day) -> bool {
        let Some(periods) = self.0.get_mut(usize::from(device)) else { return false };
        let tomorrow = today.plus(1);
        let is_new = periods.last().is_some_and(|(from, last)| *from < tomorrow && *last != school);
        if is_new {
            periods.push((tomorrow, school));
        }
        is_new
    }

    /// The belongings of a device, each with its range of days.
    pub fn belongings(&self, device: u8) -> impl Iterator<Item = Belonging> + '_ {
        let periods = self.0.get(usize::from(device)).map(Vec::as_slice).unwrap_or_default();
        periods.iter().enumerate().map(move |(index, (from_day, school))| Belonging {
            school_no: u32::from(*school),
            class_no: u32::from(device % 3) * 10 * u32::from(*school),
            division: if *school < 3 { 440_106 } else { 441_900 },
            in_service: !(usize::from(device) + index).is_multiple_of(3),
            from_day: *from_day,
            until_day: periods.get(index + 1).map_or(Day::OPEN, |(next, _)| *next),
        })
    }
}

/// The records of a post, as the edge makes them: one for each belonging whose days are touched. Events of the future
/// are refused.
#[must_use]
pub fn records(
    registry: &Registry,
    boot: Boot,
    numbers: std::ops::Range<u8>,
    now_ms: i64,
    today: Day,
) -> Vec<EventRecord> {
    let numbers: Vec<u8> = numbers.filter(|number| Day::of_ms(boot.at_ms(*number)) <= today).collect();
    let record = |belonging: Belonging| {
        let mut events = Events::default();
        numbers.iter().for_each(|number| boot.tell(*number, &mut events));
        retain(&mut events, &belonging);
        EventRecord {
            device_no: u32::from(boot.device),
            boot_id: boot.id(),
            agent: "1".into(),
            received_at_ms: FIRST_DAY.start_ms() + now_ms,
            clock_offset_ms: 0,
            belonging,
            events,
            correction: None,
        }
    };
    registry.belongings(boot.device).map(record).filter(|record| !record.events.is_empty()).collect()
}

fn retain(events: &mut Events, belonging: &Belonging) {
    let is_within = |days: &[Day]| days.iter().any(|day| belonging.from_day <= *day && *day < belonging.until_day);
    events.heartbeats.retain(|beat| is_within(&days_of(beat)));
    events.power.retain(|power| is_within(&[Day::of_ms(power.at_ms)]));
    events.bursts.retain(|burst| is_within(&[Day::of_ms(burst.at_ms)]));
}

/// The days that a heartbeat touches (METRICS section 10.3).
#[must_use]
pub fn days_of(beat: &Heartbeat) -> Vec<Day> {
    let day = Day::of_ms(beat.at_ms);
    let before = day.plus(-1);
    let spans = beat.on.iter().chain(&beat.active).chain(beat.apps.iter().flat_map(|app| &app.spans));
    let touches = spans.into_iter().any(|span| seconds(beat.at_ms, *span, before).is_some());
    if touches { vec![before, day] } else { vec![day] }
}

/// The seconds of a span in a day (METRICS section 10.1): both ends floored, cut at the midnights.
#[must_use]
pub fn seconds(at_ms: i64, span: Span, day: Day) -> Option<(u32, u32)> {
    let second = |ms_ago: u32| {
        let since_midnight = at_ms - i64::from(ms_ago) - day.start_ms();
        since_midnight.div_euclid(1000).clamp(0, i64::from(DAY_S)) as u32
    };
    let (from, to) = (second(span.from_ms_ago), second(span.to_ms_ago));
    (from < to).then_some((from, to))
}

/// The two streams that are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Heartbeats and power events.
    Activity,
    /// Bursts.
    Network,
}

/// An event in one of the days that it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// Its stream.
    pub stream: Stream,
    /// The device-day's row.
    pub key: Key,
    /// Its identity in the stream.
    pub event: (Uuid, u32),
}

/// Every device-day that a record's events touch, within its belonging.
#[must_use]
pub fn touches(record: &EventRecord) -> Vec<Touch> {
    let mut touches = Vec::new();
    let mut add = |stream, seq, days: &[Day]| {
        let Belonging { division, school_no, from_day, until_day, .. } = record.belonging;
        for day in days.iter().filter(|day| from_day <= **day && **day < until_day) {
            let key = (division, school_no, day.0 as u16, record.device_no);
            touches.push(Touch { stream, key, event: (record.boot_id, seq) });
        }
    };
    record.events.heartbeats.iter().for_each(|beat| add(Stream::Activity, beat.seq, &days_of(beat)));
    record.events.power.iter().for_each(|power| add(Stream::Activity, power.seq, &[Day::of_ms(power.at_ms)]));
    record.events.bursts.iter().for_each(|burst| add(Stream::Network, burst.seq, &[Day::of_ms(burst.at_ms)]));
    touches
}
