//! A scenario from a seed.

use crate::op::{Edge, Fault, Op, Scenario};

/// Numbers that look random and are the same on every machine (SplitMix64).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// Numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub const fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    /// A small number below `n`.
    pub const fn small(&mut self, n: u8) -> u8 {
        self.below(n as u64) as u8
    }

    /// True once in `n` times.
    pub const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Devices that post.
pub const DEVICES: u8 = 6;
/// Boots of the agent of each.
pub const BOOTS: u8 = 4;
/// Schools that they may belong to.
pub const SCHOOLS: u8 = 5;

/// How often each kind of operation is drawn, of all together.
const WEIGHTS: &[(u64, Kind)] = &[
    (24, Kind::Post),
    (36, Kind::Turns),
    (5, Kind::Again),
    (14, Kind::Fail),
    (4, Kind::Crash),
    (3, Kind::Pause),
    (3, Kind::Expire),
    (4, Kind::Wake),
    (2, Kind::Replace),
    (4, Kind::Rebalance),
    (3, Kind::Add),
    (2, Kind::Remove),
    (3, Kind::Lag),
    (4, Kind::Arrive),
    (2, Kind::Vanish),
    (4, Kind::Merge),
    (5, Kind::Wait),
    (2, Kind::Midnight),
    (2, Kind::Move),
    (1, Kind::Poison),
    (1, Kind::Redrive),
    (3, Kind::Zombie),
    (3, Kind::Succession),
];

#[derive(Clone, Copy)]
enum Kind {
    Post,
    Turns,
    Again,
    Fail,
    Crash,
    Pause,
    Expire,
    Wake,
    Replace,
    Rebalance,
    Add,
    Remove,
    Lag,
    Arrive,
    Vanish,
    Merge,
    Wait,
    Midnight,
    Move,
    Poison,
    Redrive,
    /// An owner is paused past its session, and wakes when another one has gone on.
    Zombie,
    /// A new owner after a time that is longer than the rewind.
    Succession,
}

const FAULTS: [Fault; 12] = [
    Fault::Poll,
    Fault::Load,
    Fault::CutLoad,
    Fault::Write,
    Fault::FirstTable,
    Fault::SecondTable,
    Fault::LostAck,
    Fault::Late,
    Fault::Letter,
    Fault::LostLetterAck,
    Fault::Commit,
    Fault::LostCommit,
];

/// The scenario of a seed.
#[must_use]
pub fn scenario(seed: u64) -> Scenario {
    let mut draw = Draw::new(seed);
    // Most processes have room for everything, some for a few ledgers, some for none between two flushes.
    let memory_bytes = draw.pick(&[usize::MAX, usize::MAX, 16_000, 6_000, 0]);
    let batch = 1 + draw.below(5) as usize;
    let length = 20 + draw.below(100);
    let mut posts = Posts::default();
    let mut ops = Vec::new();
    while ops.len() < length as usize {
        extend(&mut ops, &mut draw, &mut posts);
    }
    Scenario { memory_bytes, batch, ops }
}

/// How far each boot has posted.
#[derive(Default)]
struct Posts([[u8; BOOTS as usize]; DEVICES as usize]);

impl Posts {
    /// Mostly what comes next; sometimes again what came before, sometimes with a hole that is filled later or never.
    fn next(&mut self, draw: &mut Draw) -> Op {
        let (device, boot, count) = (draw.small(DEVICES), draw.small(BOOTS), 1 + draw.small(4));
        let posted = &mut self.0[usize::from(device)][usize::from(boot)];
        let first = match draw.below(8) {
            0 => posted.saturating_sub(1 + draw.small(6)),
            1 => *posted + 1 + draw.small(3),
            _ => *posted,
        };
        *posted = (*posted).max(first + count).min(60);
        let edge = if draw.one_in(16) { Edge::Newer } else { draw.pick(&[Edge::Ours, Edge::Ours, Edge::Blocks]) };
        Op::Post { device: device + 1, boot, first, count, edge }
    }
}

fn kind(draw: &mut Draw) -> Kind {
    let mut at = draw.below(WEIGHTS.iter().map(|(weight, _)| weight).sum());
    for (weight, kind) in WEIGHTS {
        if at < *weight {
            return *kind;
        }
        at -= weight;
    }
    Kind::Turns
}

fn extend(ops: &mut Vec<Op>, draw: &mut Draw, posts: &mut Posts) {
    match kind(draw) {
        Kind::Post => ops.push(posts.next(draw)),
        Kind::Zombie => zombie(ops, draw, posts),
        Kind::Succession => succession(ops, draw, posts),
        kind => ops.push(op(kind, draw)),
    }
}

/// Turns in which much of what was posted is folded and written.
fn turns(process: u8, draw: &mut Draw) -> Op {
    Op::Turns { process, count: 4 + draw.small(30) }
}

fn zombie(ops: &mut Vec<Op>, draw: &mut Draw, posts: &mut Posts) {
    let process = draw.small(2);
    let (one, other) = (posts.next(draw), posts.next(draw));
    ops.extend([one, turns(process, draw), Op::Pause { process }, Op::Expire { process }, other]);
    ops.extend([turns(1 - process, draw), posts.next(draw), turns(1 - process, draw)]);
    ops.extend([Op::Wake { process, blind: draw.small(6) }, turns(process, draw)]);
}

fn succession(ops: &mut Vec<Op>, draw: &mut Draw, posts: &mut Posts) {
    let process = draw.small(2);
    for _ in 0..2 {
        ops.extend([posts.next(draw), turns(process, draw), Op::Wait { ms: 2500 }]);
    }
    ops.extend([posts.next(draw), turns(process, draw), Op::Crash { process }]);
    if draw.one_in(2) {
        ops.push(Op::Fail { process, fault: Fault::CutLoad });
    }
    ops.extend([posts.next(draw), turns(process, draw)]);
}

fn op(kind: Kind, draw: &mut Draw) -> Op {
    // Members keep their places; those whose identity was taken come after them.
    let process = draw.small(4);
    match kind {
        Kind::Turns => Op::Turns { process, count: 1 + draw.small(14) },
        Kind::Again => Op::Again { back: draw.small(12) },
        Kind::Fail => Op::Fail { process, fault: draw.pick(&FAULTS) },
        Kind::Crash => Op::Crash { process },
        Kind::Pause => Op::Pause { process },
        Kind::Expire => Op::Expire { process },
        Kind::Wake => Op::Wake { process, blind: draw.small(4) },
        Kind::Replace => Op::Replace { process },
        Kind::Rebalance => Op::Rebalance { split: draw.small(64) },
        Kind::Add => Op::Add,
        Kind::Remove => Op::Remove,
        Kind::Lag => Op::Lag { ms: draw.pick(&[0, 100, 400, 1900]) },
        Kind::Arrive => Op::Arrive { nth: draw.small(4) },
        Kind::Vanish => Op::Vanish { table: draw.small(4), parts: 1 + draw.small(3) },
        Kind::Merge => Op::Merge { table: draw.small(4), first: draw.small(12), count: 2 + draw.small(5) },
        Kind::Wait => Op::Wait { ms: draw.pick(&[30, 100, 300, 700, 2500]) },
        Kind::Midnight => Op::Midnight,
        Kind::Move => Op::Move { device: 1 + draw.small(DEVICES), school: 1 + draw.small(SCHOOLS) },
        Kind::Poison => Op::Poison { school: 1 + draw.small(SCHOOLS) },
        Kind::Redrive | Kind::Post | Kind::Zombie | Kind::Succession => Op::Redrive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_scenario() {
        assert_eq!(scenario(7), scenario(7));
        assert_ne!(scenario(7), scenario(8));
    }
}
