//! The edge: takes agents' posts over HTTP, checks them, and answers 200 only after all in-sync replicas hold every
//! valid event (CONTRACT sections 1 to 5, DESIGN section 2).
//!
//! `logic` decides, `http` takes posts, `sink` writes them to Kafka, `source` reads the registry.

pub mod app;
pub mod budget;
pub mod config;
pub mod edge;
pub mod http;
pub mod logic;
pub mod metrics;
pub mod sink;
pub mod source;
