//! How often each thing really happened: a fault that is drawn and never strikes proves nothing.

use processors::worker::Phase;

macro_rules! happenings {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// Something that can happen in a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each has its description in `HAPPENINGS`")]
        pub enum Happening { $($name),+ }

        /// Every happening with what it means.
        pub const HAPPENINGS: &[(Happening, &str)] = &[$((Happening::$name, $text)),+];
    };
}

happenings! {
    Delivered = "events delivered for the first time",
    Duplicated = "events delivered again",
    Reordered = "events delivered after a later one of the same boot",
    LateDay = "events of a day before yesterday",
    OverMidnight = "events that touch two days",
    OtherWriter = "records by another Avro writer",
    NewerSchema = "records of a schema that is not known yet",
    Redriven = "dead letters sent back when it is known",
    Poisoned = "records that are none",
    Moved = "changes of belonging",
    Split = "posts that span two belongings",
    Rebalanced = "rebalances",
    Partial = "members that gave some partitions back and kept others",
    RevokedInFault = "partitions revoked while an effect failed",
    Added = "processes added",
    Removed = "processes removed, after they had written everything",
    RemovedUnfinished = "processes removed that could not write everything",
    Paused = "processes stopped where they stood",
    Expired = "processes taken for dead",
    ZombieWrote = "inserts of a process that was taken for dead or replaced",
    FencedCommit = "commits refused, as the partitions were taken away",
    Replaced = "identities taken by another process",
    Replayed = "records read again below the committed offset",
    PollFailed = "polls that failed",
    LoadFailed = "loads that failed",
    CutLoad = "loads that were cut",
    LaggingLoad = "loads that missed rows, as the replica lagged",
    StaleReload = "reloads refused as older than what was evicted",
    Evicted = "ledgers evicted",
    WriteFailed = "inserts refused",
    PartialWrite = "inserts into only one table of two",
    LostAck = "inserts applied, acknowledgement lost",
    LateInsert = "inserts that arrived late",
    Vanished = "acknowledged parts that vanished",
    Merged = "merges that replaced rows",
    LetterFailed = "dead letters refused",
    LostLetterAck = "dead letters taken, acknowledgement lost",
    CommitFailed = "commits that failed",
    LostCommit = "commits taken, answer lost",
    CrashPoll = "crashes before a poll",
    CrashOpen = "crashes before the open days were loaded",
    CrashLoad = "crashes before a load",
    CrashFold = "crashes before a fold",
    CrashDeadLetters = "crashes before dead letters",
    CrashDeviceRows = "crashes before the device rows",
    CrashSchoolRows = "crashes between device rows and school rows",
    CrashCommit = "crashes between the rows and the commit",
    CrashRelease = "crashes before the partitions were given back",
}

/// Counts by happening.
#[derive(Clone, Debug)]
pub struct Coverage([u64; HAPPENINGS.len()]);

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage([0; HAPPENINGS.len()])
    }
}

impl Coverage {
    /// It happened.
    pub const fn count(&mut self, happening: Happening) {
        self.0[happening as usize] += 1;
    }

    /// It happened `n` times.
    pub const fn add(&mut self, happening: Happening, n: u64) {
        self.0[happening as usize] += n;
    }

    /// A process died before this phase.
    pub const fn crash(&mut self, phase: Phase) {
        self.count(match phase {
            Phase::Poll => Happening::CrashPoll,
            Phase::Open => Happening::CrashOpen,
            Phase::Load => Happening::CrashLoad,
            Phase::Fold => Happening::CrashFold,
            Phase::DeadLetters => Happening::CrashDeadLetters,
            Phase::DeviceRows => Happening::CrashDeviceRows,
            Phase::SchoolRows => Happening::CrashSchoolRows,
            Phase::Commit => Happening::CrashCommit,
            Phase::Release => Happening::CrashRelease,
        });
    }

    /// How often.
    #[must_use]
    pub const fn of(&self, happening: Happening) -> u64 {
        self.0[happening as usize]
    }

    /// Adds what happened in another run.
    pub fn merge(&mut self, other: &Coverage) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}
