//! The pipeline from outside, on a stack of its own with real Kafka and ClickHouse.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod client;
mod memory;
mod readme;
mod scripted_day;
mod stack;
