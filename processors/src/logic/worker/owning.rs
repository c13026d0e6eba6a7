//! The steps that take partitions over and give them up, each without touching the others.

use super::super::partition::Share;
use super::super::rewind::History;
use super::{Begin, Position, Worker};

impl Worker {
    /// Takes partitions over, with nothing of them in memory; what it has of others stays.
    pub fn begin(&mut self, begins: &[Begin]) {
        // An attempt to open them may have come to nothing half way.
        self.forget(&begins.iter().map(|begin| begin.partition).collect::<Vec<_>>());
        for begin in begins {
            let history = History::new(self.rules.rewind_ms, begin.from);
            let position =
                Position { committed: begin.committed, folded: begin.from, acknowledged: begin.from, history };
            self.positions.insert(begin.partition, position);
        }
    }

    /// Partitions taken over are loaded, and are read from now on.
    pub const fn opened(&mut self, partitions: usize) {
        self.tally.opened += partitions as u64;
    }

    /// Gives partitions up, with everything of them that is not committed. `lost`: others may have them already.
    pub fn give_up(&mut self, partitions: &[i32], lost: bool) {
        let held = partitions.iter().filter(|partition| self.positions.contains_key(partition)).count() as u64;
        *(if lost { &mut self.tally.lost } else { &mut self.tally.given_back }) += held;
        self.forget(partitions);
    }

    fn forget(&mut self, partitions: &[i32]) {
        let share = Share::new(partitions, self.rules.partitions);
        self.activity.give_up(&share);
        self.network.give_up(&share);
        self.positions.retain(|partition, _| !share.has(*partition));
        self.staged.retain(|staged| !share.has(staged.partition));
        self.read.retain(|partition, _| !share.has(*partition));
        self.dead.retain(|letter| !share.has(letter.partition));
        self.forwards.retain(|(partition, _)| !share.has(*partition));
    }

    /// The partitions that it has.
    #[must_use]
    pub fn partitions(&self) -> Vec<i32> {
        self.positions.keys().copied().collect()
    }

    /// Drops what is staged: it will be read again.
    pub fn abandon_batch(&mut self) {
        self.staged.clear();
        self.read.clear();
    }
}
