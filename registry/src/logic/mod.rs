//! Pure decisions of the control plane: no I/O, no clock, no randomness but a seeded one.

pub mod account;
pub mod bells;
pub mod belonging;
pub mod calendar;
pub mod chain;
pub mod conflict;
pub mod correction;
pub mod cursor;
pub mod divisions;
pub mod enrolment;
pub mod forms;
pub mod generator;
pub mod grant;
pub mod holidays;
pub mod import;
pub mod model;
pub mod principal;
pub mod records;
pub mod rights;
pub mod second_factor;
pub mod state;
pub mod tag;
pub mod views;
