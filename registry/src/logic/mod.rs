//! Pure decisions of the control plane: no I/O, no clock, no randomness but a seeded one.

pub mod belonging;
pub mod divisions;
pub mod generator;
pub mod grant;
pub mod holidays;
pub mod model;
pub mod records;
pub mod state;
