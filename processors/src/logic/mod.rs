//! Decisions without I/O: time, bytes, rows and configuration come as arguments, everything else is returned.

pub mod activity;
pub mod archive;
pub mod audit;
pub mod bells;
pub mod bounds;
pub mod cli;
pub mod dead;
pub mod digest;
pub mod intervals;
pub mod migrations;
pub mod names;
pub mod network;
pub mod partition;
pub mod rebuild;
pub mod rewind;
pub mod roll;
pub mod roster;
pub mod rows;
pub mod school;
pub mod seen;
pub mod sets;
pub mod shelf;
pub mod summary;
pub mod tally;
pub mod touch;
pub mod worker;
