//! The local stack: Apache Kafka, ClickHouse and every service of ClassPulse as children of one launcher.
//!
//! The launcher ([`launcher`]) starts them in order, waits until each is ready, starts again what dies, publishes
//! `stack.json` (CONTRACT section 8), and takes commands over a socket. Nothing outlives it: every child asks the kernel
//! to be killed with its parent, and ClickHouse lives as long as its standard input.

pub mod cli;
pub mod commands;
pub mod console;
pub mod control;
pub mod database;
pub mod files;
pub mod growth;
pub mod jobs;
pub mod kafka;
pub mod launcher;
pub mod log_file;
pub mod logic;
pub mod orders;
pub mod paths;
pub mod probe;
pub mod process;
pub mod progress;
pub mod specs;
pub mod startup;
pub mod supervisor;
