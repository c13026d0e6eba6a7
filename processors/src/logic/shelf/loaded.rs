//! What a load brings, and whether it can be trusted (precondition P2).

use super::{Ledger, Map, SchoolLedger};
use crate::logic::school::LedgerKey;

/// Why a loaded school's day cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadFault {
    /// Fewer device rows, or lower versions, than the table said it has.
    #[error("the result of a load was cut: {key:?} has {found:?} of at least {expected:?} (devices, events)")]
    Cut {
        /// Ledger.
        key: LedgerKey,
        /// Devices and sum of versions announced before.
        expected: (usize, u64),
        /// Those found.
        found: (usize, u64),
    },
    /// Older than what this worker itself wrote before it evicted the ledger.
    #[error("a load was stale: {key:?} has {found} events, {expected} were acknowledged")]
    Stale {
        /// Ledger.
        key: LedgerKey,
        /// Sum of versions when it was evicted.
        expected: u64,
        /// That found.
        found: u64,
    },
}

/// Rows of a load as they come in, any number of versions of each.
pub struct Loaded<L> {
    pub(super) schools: Map<SchoolLedger<L>>,
    announced: Map<(usize, u64)>,
}

impl<L> Default for Loaded<L> {
    fn default() -> Self {
        Loaded { schools: Map::default(), announced: Map::default() }
    }
}

impl<L: Ledger> Loaded<L> {
    /// The table has this many devices and events of a ledger, at least; asked for before the rows.
    pub fn announce(&mut self, key: LedgerKey, devices: usize, ver: u64) {
        self.announced.insert(key, (devices, ver));
    }

    /// This version is not newer than what came before, so the row need not be read.
    #[must_use]
    pub fn is_old(&self, key: &LedgerKey, device_no: u32, ver: u32) -> bool {
        self.schools.get(key).and_then(|school| school.ver_of(device_no)).is_some_and(|newest| newest >= ver)
    }

    /// Keeps a row.
    pub fn put(&mut self, key: LedgerKey, device_no: u32, ledger: L) {
        self.schools.entry(key).or_default().put(device_no, ledger);
    }

    /// Takes over what another load announced: to play a result that was cut.
    #[cfg(test)]
    pub fn announce_as(&mut self, other: &Loaded<L>) {
        self.announced = other.announced.clone();
    }

    /// Takes over the rows of another load, not what it announced.
    #[cfg(test)]
    pub fn take_rows(&mut self, other: Loaded<L>) {
        self.schools = other.schools;
    }

    /// Everything that was announced is there.
    pub(super) fn check(&self) -> Result<(), LoadFault> {
        for (key, expected) in &self.announced {
            let found = self.schools.get(key).map_or((0, 0), |school| (school.len(), school.ver()));
            if found.0 < expected.0 || found.1 < expected.1 {
                return Err(LoadFault::Cut { key: *key, expected: *expected, found });
            }
        }
        Ok(())
    }
}
