//! Decisions without I/O: time, bytes, rows and configuration come as arguments, everything else is returned.

pub mod archive;
pub mod digest;
pub mod migrations;
