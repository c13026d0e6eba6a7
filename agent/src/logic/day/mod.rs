//! The days of virtual devices: `world` (who is odd), `profile` (what a device is like), `script` (when it is on and
//! in use), `plan` (which event it makes when), `content` (what the event says),
//! `spool` (the queue that a client sends from).
//!
//! Everything is a pure function of seed, device and day. No event depends on when it is sent or acknowledged, so a
//! run that was killed and resumed makes the same events as one that was not.

pub mod content;
pub mod network;
pub mod plan;
pub mod profile;
pub mod script;
pub mod spool;
pub mod world;

/// What a dice throw is for; part of its key, so that purposes do not disturb each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    World = 1,
    Profile,
    Script,
    Boot,
    Plan,
    Burst,
    Content,
    Clock,
    Offline,
}

#[cfg(test)]
mod tests;
