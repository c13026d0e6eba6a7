//! Pure decisions: no I/O, clock or randomness; time and dice arrive as arguments.

pub mod answer;
pub mod backoff;
pub mod body;
pub mod cadence;
pub mod calendar;
pub mod client;
pub mod clock;
pub mod day;
pub mod dice;
pub mod heartbeat;
pub mod spool;
pub mod token;
