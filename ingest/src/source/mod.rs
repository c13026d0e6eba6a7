//! Where the view of all devices comes from.

pub mod registry;
