//! What every service shares: configuration, the injected clock, logs, health and metrics endpoints, shutdown.

pub mod admin;
pub mod clock;
pub mod config;
pub mod keys;
pub mod shutdown;
pub mod telemetry;
