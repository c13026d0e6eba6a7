//! `agent`: the reference client. It measures what it honestly can on Linux: how long the machine is on, and the round
//! trip of a TCP handshake to an anchor. What people do at the machine it cannot see there; that comes from a file.

pub mod app;
pub mod config;
pub mod enrol;
pub mod input;
pub mod probe;
pub mod recorder;
