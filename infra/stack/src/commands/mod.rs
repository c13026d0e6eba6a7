//! One module per command of the launcher.

pub mod agent;
pub mod grow;
pub mod logs;
pub mod processors;
pub mod registry;
pub mod reset;
pub mod service;
pub mod status;
pub mod token;
pub mod up;
