//! Who asks. A [`Principal`] is made only from a verified token, or of an account whose session or key was found, so that
//! no decision can be asked for without one.

use super::rights::{self, Access, Action, Node};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use schemas::token::{AUDIENCE_API, AUDIENCE_EDGE, DeviceClaims, Grant, ISSUER, UserClaims};
use serde::de::DeserializeOwned;

/// A user who has proven to be one.
#[derive(Clone, Debug)]
pub struct Principal {
    account: String,
    name: String,
    grants: Vec<Grant>,
}

impl Principal {
    /// Somebody whose session or key was found.
    #[must_use]
    pub(crate) const fn found(account: String, name: String, grants: Vec<Grant>) -> Principal {
        Principal { account, name, grants }
    }

    /// Account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Display name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the token grants.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What this user gets.
    #[must_use]
    pub fn access(&self, action: Action, node: Node) -> Access {
        rights::access(&self.grants, action, node)
    }
}

/// A token that opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not a JWT, another algorithm, audience or issuer, a wrong signature, unreadable claims.
    #[error("the token is not valid")]
    Bad,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// Checks signatures with the registry's own public keys.
pub struct Verifier {
    user: DecodingKey,
    device: DecodingKey,
}

impl Verifier {
    /// A verifier for two PEM keys (Ed25519).
    ///
    /// # Errors
    /// One of them holds no Ed25519 public key.
    pub fn new(user_pem: &[u8], device_pem: &[u8]) -> Result<Verifier, jsonwebtoken::errors::Error> {
        Ok(Verifier { user: DecodingKey::from_ed_pem(user_pem)?, device: DecodingKey::from_ed_pem(device_pem)? })
    }

    /// The user behind a token, at `now_ms`.
    ///
    /// # Errors
    /// The token is not valid, or has expired.
    pub fn user(&self, token: &str, now_ms: i64) -> Result<Principal, TokenFault> {
        let claims: UserClaims = read(token, &self.user, AUDIENCE_API)?;
        in_time(claims.exp, now_ms)?;
        Ok(Principal { account: claims.sub, name: claims.name, grants: claims.grants })
    }

    /// The claims of a device's token, at `now_ms`. Whether its generation is still good, the store knows.
    ///
    /// # Errors
    /// The token is not valid, or has expired.
    pub fn device(&self, token: &str, now_ms: i64) -> Result<DeviceClaims, TokenFault> {
        let claims: DeviceClaims = read(token, &self.device, AUDIENCE_EDGE)?;
        in_time(claims.exp, now_ms)?;
        Ok(claims)
    }
}

fn read<T: DeserializeOwned + Clone>(token: &str, key: &DecodingKey, audience: &str) -> Result<T, TokenFault> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    // The library would read the system's clock; expiry is judged against the time that is handed in.
    validation.validate_exp = false;
    decode(token, key, &validation).map(|data| data.claims).map_err(|_| TokenFault::Bad)
}

fn in_time(exp_s: i64, now_ms: i64) -> Result<(), TokenFault> {
    if exp_s.saturating_mul(1000) <= now_ms { Err(TokenFault::Expired) } else { Ok(()) }
}

#[cfg(test)]
#[path = "principal/tests.rs"]
mod tests;
