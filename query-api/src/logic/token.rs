//! Verifies user tokens (CONTRACT section 5): the only way to a [`Scope`].

use super::scope::Scope;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use schemas::token::{AUDIENCE_API, ISSUER, UserClaims};

/// Who asks, and what they may see.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Account: what rate limits count by.
    pub user: String,
    /// What may be read.
    pub scope: Scope,
}

/// A token that opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not a JWT, another algorithm or audience, a wrong signature, unreadable claims.
    #[error("the token is not valid")]
    Bad,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// Checks signatures with the registry's public key.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    /// A verifier for a PEM key (Ed25519).
    ///
    /// # Errors
    /// The PEM holds no Ed25519 public key.
    pub fn new(pem: &[u8]) -> Result<Verifier, jsonwebtoken::errors::Error> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE_API]);
        validation.set_issuer(&[ISSUER]);
        // The library would read the system's clock; expiry is judged against the time that is handed in.
        validation.validate_exp = false;
        Ok(Verifier { key: DecodingKey::from_ed_pem(pem)?, validation })
    }

    /// The caller behind a token, at `now_ms`.
    ///
    /// # Errors
    /// The token is not valid, or has expired.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Caller, TokenFault> {
        let claims = decode::<UserClaims>(token, &self.key, &self.validation).map_err(|_| TokenFault::Bad)?.claims;
        if claims.exp.saturating_mul(1000) <= now_ms {
            return Err(TokenFault::Expired);
        }
        Ok(Caller { scope: Scope::of_grants(&claims.grants), user: claims.sub })
    }
}

#[cfg(test)]
#[path = "token/tests.rs"]
mod tests;
