//! Where values are published.

mod kafka;

pub use kafka::KafkaSink;

use crate::store::Waiting;
use rdkafka::error::KafkaError;

/// A batch that was not taken whole.
#[derive(Debug, thiserror::Error)]
#[error("publish: stopped after {taken} values")]
pub struct SendError {
    /// So many of its first values are acknowledged; what follows may be or not.
    pub taken: usize,
    /// Why the next one is not.
    #[source]
    pub source: KafkaError,
}

/// Takes values in order, and returns when each is acknowledged or given up.
pub trait Sink {
    /// Sends a batch. It may be sent again, from the first value on that was not acknowledged.
    fn send(&mut self, batch: &[Waiting]) -> impl Future<Output = Result<(), SendError>> + Send;
}
