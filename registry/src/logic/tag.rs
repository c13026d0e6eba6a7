//! Tags of what is shown, for optimistic concurrency: equal tags, equal content.
//!
//! A tag is the hash of the whole representation, so that nothing that changes it, a terminal or a midnight included,
//! can be forgotten.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What a change expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there: `If-Match: *`, and the terminal.
    Any,
    /// One of these tags.
    Tags(Vec<String>),
}

/// Somebody else changed it in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was changed in between; read it again")]
pub struct Stale;

/// The tag of a representation, in quotes.
#[must_use]
pub fn tag(of: &impl Serialize) -> String {
    // Our own types always serialize; an empty text would only make the tag coarser.
    let text = serde_json::to_vec(of).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..15]))
}

/// The hash of a text, in hexadecimal digits: how secrets are kept that are random enough not to be guessed.
#[must_use]
pub fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Expected {
    /// Reads an `If-Match` header. Weak tags never match (RFC 9110 section 13.1.1).
    #[must_use]
    pub fn parse(header: &str) -> Expected {
        if header.trim() == "*" {
            return Expected::Any;
        }
        Expected::Tags(header.split(',').map(|tag| tag.trim().to_owned()).collect())
    }

    /// Does what is there fit?
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, found: &impl Serialize) -> Result<(), Stale> {
        match self {
            Expected::Any => Ok(()),
            Expected::Tags(tags) if tags.contains(&tag(found)) => Ok(()),
            Expected::Tags(_) => Err(Stale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_what_is_there_fits() {
        let found = ["a", "b"];
        assert_eq!(Expected::parse(&format!("\"x\", {}", tag(&found))).check(&found), Ok(()));
        assert_eq!(Expected::parse(&tag(&found)).check(&["a", "c"]), Err(Stale));
        assert_eq!(Expected::parse(&format!("W/{}", tag(&found))).check(&found), Err(Stale), "weak tags do not match");
        assert_eq!(Expected::parse(" * ").check(&found), Ok(()));
        assert_eq!(Expected::parse("").check(&found), Err(Stale));
    }
}
