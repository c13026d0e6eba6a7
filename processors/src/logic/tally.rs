//! No event vanishes uncounted.

use super::bounds::Applied;

/// What became of an input event, over all the days that it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Folded into at least one day.
    Folded,
    /// Every day held it already.
    Duplicate,
    /// It was beyond a bound in a day, and new in no other.
    DeadLettered,
    /// It touches no day of its record's belonging, or days that a correction put elsewhere, where it was sent on.
    Elsewhere,
    /// No ledger folds its type.
    Unfolded,
}

impl StepOutcome {
    /// The outcome with a further day taken into account.
    #[must_use]
    pub const fn or(self, applied: Applied) -> StepOutcome {
        match (self, applied) {
            (outcome, Applied::Away) => outcome,
            (_, Applied::Folded) | (StepOutcome::Folded, _) => StepOutcome::Folded,
            (_, Applied::OverBound(_)) | (StepOutcome::DeadLettered, _) => StepOutcome::DeadLettered,
            (_, Applied::Duplicate) => StepOutcome::Duplicate,
        }
    }
}

/// Counts since the worker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Input events.
    pub received: u64,
    /// See [`StepOutcome::Folded`].
    pub folded: u64,
    /// See [`StepOutcome::Duplicate`].
    pub duplicate: u64,
    /// See [`StepOutcome::DeadLettered`].
    pub dead_lettered: u64,
    /// See [`StepOutcome::Elsewhere`].
    pub elsewhere: u64,
    /// See [`StepOutcome::Unfolded`].
    pub unfolded: u64,
    /// Records that could not be decoded, so that their events are unknown.
    pub undecodable: u64,
    /// Dead letters sent: one a record, or one an event and day.
    pub dead_letters: u64,
    /// Ledgers evicted.
    pub evicted: u64,
    /// Partitions taken over: their open days were loaded.
    pub opened: u64,
    /// Partitions given back, after everything of them was written and committed.
    pub given_back: u64,
    /// Partitions given up without that, as others may have had them already.
    pub lost: u64,
}

impl Tally {
    /// Counts an input event.
    pub const fn count(&mut self, outcome: StepOutcome) {
        self.received += 1;
        match outcome {
            StepOutcome::Folded => self.folded += 1,
            StepOutcome::Duplicate => self.duplicate += 1,
            StepOutcome::DeadLettered => self.dead_lettered += 1,
            StepOutcome::Elsewhere => self.elsewhere += 1,
            StepOutcome::Unfolded => self.unfolded += 1,
        }
    }

    /// Every event has one outcome.
    #[must_use]
    pub const fn balances(&self) -> bool {
        self.received == self.folded + self.duplicate + self.dead_lettered + self.elsewhere + self.unfolded
    }
}
