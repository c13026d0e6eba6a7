//! Records waiting to be handed to the Kafka client together: their bytes lie in one buffer, which is used again.

use super::delivery::Delivery;
use std::ops::Range;
use std::sync::Arc;

/// A buffer above this is not kept for the next batch.
const KEEP_BYTES: usize = 1 << 20;

/// Records of one hand-over.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// A record in a batch.
#[derive(Debug)]
pub struct Record {
    /// Decimal text of it is the key.
    pub school_no: u32,
    /// Who waits for it.
    pub delivery: Arc<Delivery>,
    place: Range<usize>,
}

impl Batch {
    /// Adds a record that `encode` appends.
    pub fn add(&mut self, school_no: u32, delivery: Arc<Delivery>, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        self.records.push(Record { school_no, delivery, place: start..self.bytes.len() });
    }

    /// Number of records.
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Size of the records.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the records out, one by one, and leaves the batch empty, its buffers kept.
    pub fn drain(&mut self, mut each: impl FnMut(Record, &[u8])) {
        for record in self.records.drain(..) {
            let value = self.bytes.get(record.place.clone()).unwrap_or_default();
            each(record, value);
        }
        if self.bytes.capacity() > KEEP_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
    }
}
