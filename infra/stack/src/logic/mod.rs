//! Pure decisions of the launcher: which services there are and where, what is written into their configuration, when one
//! is started again, what people are told.

pub mod backoff;
pub mod clock;
pub mod database;
pub mod growth;
pub mod manifest;
pub mod plan;
pub mod ports;
pub mod service_config;
pub mod topics;
pub mod words;
