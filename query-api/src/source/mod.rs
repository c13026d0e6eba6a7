//! Reads ClickHouse.

pub mod client;
pub mod facts;
pub mod flights;
pub mod memory;
pub mod readers;
pub mod refresh;
pub mod rows;
pub mod school;
pub mod sets;
