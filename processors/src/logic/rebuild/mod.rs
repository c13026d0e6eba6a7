//! Decisions of a rebuild: what is compared and how, when rows that move count as compared, what a change means by area.

pub mod areas;
pub mod columns;
pub mod motion;
pub mod progress;
