//! How a post gets to the edge.

pub mod http;

use crate::logic::answer::Answer;

/// Sends one post.
pub trait Transport: Send + Sync {
    /// Sends a JSON body and tells what came back.
    fn post(&self, body: Vec<u8>, token: &str) -> impl Future<Output = Answer> + Send;
}
