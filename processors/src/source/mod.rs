//! Where records and bells come from.

pub mod bells;
pub mod kafka;
pub mod offsets;
pub mod orphans;
