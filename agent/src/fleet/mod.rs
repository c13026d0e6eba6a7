//! `fleet`: any number of virtual devices, each a [`crate::logic::client::Client`] over its script.

pub mod app;
pub mod config;
pub mod device;
pub mod journal;
pub mod roster;
pub mod state;
pub mod tally;
