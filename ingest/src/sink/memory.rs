//! The in-memory twin of the Kafka sink, for tests of everything before it.

use super::Sink;
use super::delivery::Delivery;
use schemas::record::{EventRecord, RejectedRecord};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps what it takes; every record is stored at once.
#[derive(Debug, Default)]
pub struct MemorySink {
    away: AtomicBool,
    records: Mutex<Vec<EventRecord>>,
    rejected: Mutex<Vec<RejectedRecord>>,
}

impl MemorySink {
    /// Goes away, or comes back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Takes out what was stored.
    #[must_use]
    pub fn records(&self) -> Vec<EventRecord> {
        std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes out the invalid events.
    #[must_use]
    pub fn rejected(&self) -> Vec<RejectedRecord> {
        std::mem::take(&mut *self.rejected.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for MemorySink {
    fn is_up(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }

    fn send(&self, record: &EventRecord, delivery: &Arc<Delivery>) {
        if self.is_up() {
            self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
        }
        delivery.settle(self.is_up());
    }

    fn reject(&self, record: &RejectedRecord) {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).push(record.clone());
    }
}
