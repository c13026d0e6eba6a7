//! `token`: the registry's, printed bare.

use super::registry;
use crate::cli::{Token, TokenOptions};
use anyhow::Result;

/// Hands over to the registry's own command.
///
/// # Errors
/// The stack has no registry yet.
pub fn run(options: &TokenOptions) -> Result<()> {
    let words = match &options.token {
        Token::Device { number } => vec!["device".to_owned(), number.to_string()],
        Token::User { role, scope } => ["user", "--role", role, "--scope", scope].map(str::to_owned).into(),
    };
    registry::hand_over(options.port_base, ["token".to_owned()].into_iter().chain(words))
}
