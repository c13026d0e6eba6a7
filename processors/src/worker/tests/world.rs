//! A log, tables and workers of a test, and what devices post.

use crate::logic::bounds::Bounds;
use crate::logic::tally::Tally;
use crate::logic::worker::{Rules, Stop};
use crate::worker::memory::{FinalRows, MemoryLog, MemoryOutlet, MemoryTables, Partitions, SharedTables};
use crate::worker::{Engine, Limits, Now, Turn};
use proptest::prelude::*;
use schemas::definitions::{CURRENT_TOML, Definitions};
use schemas::event::{AppSpans, Burst, Events, Heartbeat, Link, Method, Power, PowerKind, Span};
use schemas::record::{Belonging, DeadRecord, EventRecord};
use schemas::time::Day;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use uuid::Uuid;

pub fn day() -> Day {
    Day(20_777)
}

/// One event of one device; its record carries nothing else.
#[derive(Clone, Debug)]
pub struct Op {
    pub device_no: u32,
    pub boot: u8,
    pub events: Events,
}

impl Op {
    pub fn heartbeat(device_no: u32, seq: u32, at_ms: i64, on: &[(u32, u32)]) -> Op {
        Op::of(device_no, Events { heartbeats: vec![beat(seq, at_ms, on, on)], ..Events::default() })
    }

    pub fn power(device_no: u32, seq: u32, at_ms: i64) -> Op {
        Op::of(device_no, Events { power: vec![Power { seq, at_ms, kind: PowerKind::Boot }], ..Events::default() })
    }

    fn of(device_no: u32, events: Events) -> Op {
        Op { device_no, boot: 0, events }
    }

    pub fn record(&self) -> EventRecord {
        let school_no = self.device_no / 2 + 1;
        let belonging = Belonging {
            school_no,
            class_no: self.device_no * 10,
            division: 440_106,
            in_service: !self.device_no.is_multiple_of(3),
            from_day: Day::FIRST,
            until_day: Day::OPEN,
        };
        EventRecord {
            device_no: self.device_no,
            boot_id: Uuid::from_u128(u128::from(self.boot) + 1),
            agent: "1".into(),
            received_at_ms: 77,
            clock_offset_ms: 0,
            belonging,
            events: self.events.clone(),
            correction: None,
        }
    }
}

fn beat(seq: u32, at_ms: i64, on: &[(u32, u32)], active: &[(u32, u32)]) -> Heartbeat {
    let spans = |list: &[(u32, u32)]| -> Vec<Span> {
        list.iter().map(|(from_ms_ago, to_ms_ago)| Span { from_ms_ago: *from_ms_ago, to_ms_ago: *to_ms_ago }).collect()
    };
    let apps =
        vec![AppSpans { app: if seq.is_multiple_of(2) { "ppt" } else { "whiteboard" }.into(), spans: spans(active) }];
    Heartbeat { seq, at_ms, on: spans(on), active: spans(active), apps }
}

/// A device's morning: heartbeats every five minutes.
pub fn device_ops(device_no: u32, beats: u32) -> Vec<Op> {
    let at = |n: u32| day().start_ms() + 28_800_000 + i64::from(n) * 300_000;
    (0..beats).map(|n| Op::heartbeat(device_no, n, at(n), &[((n + 1) * 300_000, 0)])).collect()
}

fn spans() -> impl Strategy<Value = Vec<(u32, u32)>> {
    let span = (1..20_000_000_u32, 0..20_000_000_u32).prop_map(|(length, to)| (to + length, to));
    proptest::collection::vec(span, 0..4)
}

fn op() -> impl Strategy<Value = Op> {
    let at = (0..2 * 86_400_000_i64).prop_map(|ms| day().start_ms() + ms);
    let rtt = proptest::collection::vec(proptest::option::weighted(0.9, -5..40_000_i32), 1..30);
    (1..6_u32, 0..2_u8, at, 0..6_u8, spans(), spans(), rtt).prop_map(
        |(device_no, boot, at_ms, kind, on, active, rtt_us)| {
            let mut events = Events::default();
            match kind {
                0 => events.power.push(Power { seq: 0, at_ms, kind: PowerKind::Resume }),
                1 | 2 => events.bursts.push(Burst {
                    seq: 0,
                    at_ms,
                    anchor: "a".into(),
                    method: Method::Tcp,
                    link: Link::Wifi,
                    busy: kind == 2 && device_no == 1,
                    interval_ms: 200,
                    rtt_us,
                }),
                _ => events.heartbeats.push(beat(0, at_ms, &on, &active)),
            }
            Op { device_no, boot, events }
        },
    )
}

/// Events with distinct identities.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), 1..40).prop_map(|mut ops| {
        for (seq, op) in ops.iter_mut().enumerate() {
            let seq = seq as u32;
            op.events.heartbeats.iter_mut().for_each(|event| event.seq = seq);
            op.events.power.iter_mut().for_each(|event| event.seq = seq);
            op.events.bursts.iter_mut().for_each(|event| event.seq = seq);
        }
        ops
    })
}

/// The same events in another order, about half of them more than once.
pub fn shuffled_with_repetitions(ops: &[Op], order: u64) -> Vec<Op> {
    let mut state = order | 1;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let mut all = ops.to_vec();
    all.extend((0..ops.len() / 2).map(|_| ops[random(ops.len())].clone()));
    for i in (1..all.len()).rev() {
        all.swap(i, random(i + 1));
    }
    all
}

pub struct World {
    pub log: Rc<RefCell<Partitions>>,
    pub tables: SharedTables,
    pub dead: Rc<RefCell<Vec<DeadRecord>>>,
    pub partitions: u32,
    pub rewind_ms: i64,
    memory_bytes: usize,
    clock_ms: Cell<i64>,
}

pub type TestEngine<S = SharedTables, W = SharedTables> = Engine<MemoryLog, S, W, MemoryOutlet>;

impl World {
    pub fn with(ops: &[Op], partitions: u32) -> World {
        let world = World {
            log: Rc::default(),
            tables: Rc::new(RefCell::new(MemoryTables::default())),
            dead: Rc::default(),
            partitions,
            rewind_ms: 0,
            memory_bytes: usize::MAX,
            clock_ms: Cell::new(0),
        };
        ops.iter().for_each(|op| world.append(op));
        world
    }

    pub fn evicting(mut self) -> World {
        self.memory_bytes = 0;
        self
    }

    pub fn append(&self, op: &Op) {
        self.append_record(&op.record());
    }

    pub fn append_record(&self, record: &EventRecord) {
        self.log.borrow_mut().append(record, self.partitions);
    }

    pub fn append_raw(&self, partition: i32, key: &[u8], value: &[u8]) {
        self.log.borrow_mut().records.entry(partition).or_default().push((key.to_vec(), value.to_vec()));
    }

    pub fn rules(&self) -> Rules {
        Rules {
            topic: "telemetry.events.v1".into(),
            group: "ledgers".into(),
            partitions: self.partitions,
            definitions: Definitions::parse(CURRENT_TOML).unwrap(),
            bounds: Bounds::default(),
            rewind_ms: self.rewind_ms,
            breaker: 10,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            flush_ms: 30,
            catch_up_ms: 60,
            flush_rows: usize::MAX,
            batch_records: 3,
            batch_bytes: usize::MAX,
            memory_bytes: self.memory_bytes,
            wait: Duration::ZERO,
        }
    }

    pub fn engine_on<S, W>(&self, partition: i32, store: S, writer: W) -> TestEngine<S, W>
    where
        S: crate::worker::ports::LedgerStore,
        W: crate::worker::ports::RowWriter,
    {
        let log = MemoryLog::new(self.log.clone(), vec![partition]);
        let (letters, log_of_all) = (self.dead.clone(), self.log.clone());
        let outlet = MemoryOutlet { letters, log: log_of_all, partitions: self.partitions };
        Engine::new(self.rules(), self.limits(), log, store, writer, outlet)
    }

    pub fn engine(&self, partition: i32) -> TestEngine {
        self.engine_on(partition, self.tables.clone(), self.tables.clone())
    }

    /// One turn, ten milliseconds of real time.
    pub fn turn<S, W>(&self, engine: &mut TestEngine<S, W>) -> Result<Turn, Stop>
    where
        S: crate::worker::ports::LedgerStore,
        W: crate::worker::ports::RowWriter,
    {
        self.clock_ms.set(self.clock_ms.get() + 10);
        // The open days are others, so that ledgers are loaded on demand as well.
        engine.turn(Now { real_ms: self.clock_ms.get(), today: day().plus(1) })
    }

    /// Owners of all partitions, each killed after this many turns.
    pub fn run_for(&self, turns: usize) {
        for partition in 0..self.partitions as i32 {
            let mut engine = self.engine(partition);
            for _ in 0..turns {
                self.turn(&mut engine).unwrap();
            }
        }
    }

    /// New owners of all partitions, until everything is committed.
    pub fn run_to_end(&self) -> Vec<Tally> {
        self.try_run().unwrap()
    }

    pub fn try_run(&self) -> Result<Vec<Tally>, Stop> {
        (0..self.partitions as i32).map(|partition| self.drain(&mut self.engine(partition))).collect()
    }

    pub fn drain<S, W>(&self, engine: &mut TestEngine<S, W>) -> Result<Tally, Stop>
    where
        S: crate::worker::ports::LedgerStore,
        W: crate::worker::ports::RowWriter,
    {
        for _ in 0..50_000 {
            self.turn(engine)?;
            if engine.log.is_drained() && !engine.worker().has_progress() && engine.phase() == super::Phase::Poll {
                return Ok(*engine.worker().tally());
            }
        }
        panic!("the worker does not come to an end");
    }

    pub fn finals(&self) -> FinalRows {
        self.tables.borrow().finals()
    }
}
