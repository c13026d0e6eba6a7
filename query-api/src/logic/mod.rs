//! Decisions of the query API: synchronous and deterministic. Time, ids and configuration arrive as arguments.

pub mod cell_plan;
pub mod cells;
pub mod cursor;
pub mod device_plan;
pub mod devices;
pub mod etag;
pub mod figures;
pub mod gather;
pub mod order;
pub mod params;
pub mod parts;
pub mod percentile;
pub mod plan;
pub mod ranking;
pub mod scope;
pub mod sessions;
pub mod sql;
pub mod sums;
pub mod table;
pub mod token;
pub mod tree;
pub mod units;
