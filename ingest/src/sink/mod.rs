//! Where accepted posts go.

pub mod ages;
mod batch;
pub mod delivery;
pub mod kafka;
mod keeper;
pub mod memory;
mod producer;

use delivery::Delivery;
use schemas::record::{EventRecord, RejectedRecord};
use std::sync::Arc;

/// Takes records; each is reported once to its delivery, soon.
pub trait Sink: Send + Sync {
    /// Records are taken now; else they fail at once.
    fn is_up(&self) -> bool;

    /// Takes a record of a post.
    fn send(&self, record: &EventRecord, delivery: &Arc<Delivery>);

    /// Takes an invalid event, as well as it can.
    fn reject(&self, record: &RejectedRecord);
}
