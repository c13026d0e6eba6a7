//! What happens in a simulated run. An operation carries all that it needs and says nothing about the others, so that
//! any of them may be left out: that is how a failing run is shrunk.

/// A run: how the workers are configured, and what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Byte budget of the ledgers of each process.
    pub memory_bytes: usize,
    /// Records that a worker stages at once.
    pub batch: usize,
    /// What happens, in this order.
    pub ops: Vec<Op>,
}

/// One thing that happens. `process` counts the processes that run, modulo their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A device posts `count` numbers of one boot of its agent, from `first`.
    Post {
        /// Device.
        device: u8,
        /// Boot of its agent.
        boot: u8,
        /// First number.
        first: u8,
        /// How many.
        count: u8,
        /// Which edge writes the record.
        edge: Edge,
    },
    /// The record `back` places before the last one of the log is produced once more.
    Again {
        /// Places.
        back: u8,
    },
    /// Bytes that are no record.
    Poison {
        /// School whose partition they are in.
        school: u8,
    },
    /// A device belongs to another school from the next midnight on.
    Move {
        /// Device.
        device: u8,
        /// School.
        school: u8,
    },
    /// The day ends.
    Midnight,
    /// A process carries out `count` turns.
    Turns {
        /// Process.
        process: u8,
        /// Turns.
        count: u8,
    },
    /// The next effect of this kind goes wrong in a process.
    Fail {
        /// Process.
        process: u8,
        /// How.
        fault: Fault,
    },
    /// A process dies; its successor keeps the static membership.
    Crash {
        /// Process.
        process: u8,
    },
    /// A process is stopped where it stands.
    Pause {
        /// Process.
        process: u8,
    },
    /// The group takes a process for dead and gives its partitions to others; it does not know yet.
    Expire {
        /// Process.
        process: u8,
    },
    /// A process goes on; for `blind` more polls it has records that it had fetched before.
    Wake {
        /// Process.
        process: u8,
        /// Polls.
        blind: u8,
    },
    /// Another process takes the static identity of this one, which goes on and learns of it late.
    Replace {
        /// Process.
        process: u8,
    },
    /// The partitions are shared out anew.
    Rebalance {
        /// Bits 2p and 2p + 1: who gets partition p.
        split: u8,
    },
    /// A process is added to the group, if there is room for one.
    Add,
    /// The process that was added is told to stop.
    Remove,
    /// From now on loads come from a replica that is so far behind.
    Lag {
        /// Milliseconds; at most [`crate::world::MAX_LAG_MS`] counts.
        ms: u16,
    },
    /// An insert that was sent long ago arrives.
    Arrive {
        /// Which of those under way.
        nth: u8,
    },
    /// The newest acknowledged parts of a table are lost, as they were not durable yet.
    Vanish {
        /// Table.
        table: u8,
        /// Parts.
        parts: u8,
    },
    /// Neighbouring parts of a table are merged.
    Merge {
        /// Table.
        table: u8,
        /// First part.
        first: u8,
        /// How many.
        count: u8,
    },
    /// Time passes.
    Wait {
        /// Milliseconds.
        ms: u16,
    },
    /// Dead letters of a newer schema are sent back, by readers that know it.
    Redrive,
}

/// Which edge writes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Of this build.
    Ours,
    /// With another Avro writer: arrays in sized blocks of one element.
    Blocks,
    /// Upgraded before the workers: its schema's id is unknown to them.
    Newer,
}

/// How an effect goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log cannot be read.
    Poll,
    /// The tables cannot be read.
    Load,
    /// A result is cut, though the server had announced all of it.
    CutLoad,
    /// The tables refuse.
    Write,
    /// Of the tables of one level only the first takes its rows.
    FirstTable,
    /// Of the tables of one level only the second takes its rows.
    SecondTable,
    /// The rows are taken and the acknowledgement is lost.
    LostAck,
    /// The insert is under way for long: the worker gives it up, and it arrives later.
    Late,
    /// The dead-letter topic refuses.
    Letter,
    /// It takes the letters, and the acknowledgement is lost.
    LostLetterAck,
    /// The coordinator refuses.
    Commit,
    /// It commits, and the answer is lost.
    LostCommit,
}
