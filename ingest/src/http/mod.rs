//! HTTP in.

mod body;
mod post;
pub mod router;
mod schema_registry;
pub mod server;
