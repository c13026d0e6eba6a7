//! Spools that survive a crash.

pub mod disk;
