//! Signing tokens (CONTRACT section 5).

use crate::config::TokenConfig;
use crate::keys::Keys;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use schemas::token::{AUDIENCE_API, AUDIENCE_EDGE, DeviceClaims, Grant, ISSUER, UserClaims};
use std::time::Duration;
use uuid::Uuid;

/// A token that cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("sign a token")]
pub struct TokenError(#[from] jsonwebtoken::errors::Error);

/// Signs tokens of devices and of users.
pub struct Signer {
    device: EncodingKey,
    user: EncodingKey,
    life: TokenConfig,
}

impl Signer {
    /// A signer with the given keys.
    ///
    /// # Errors
    /// The keys are no Ed25519 keys.
    pub fn new(keys: &Keys, life: TokenConfig) -> Result<Signer, TokenError> {
        let (device, user) = (EncodingKey::from_ed_pem(&keys.device_pem)?, EncodingKey::from_ed_pem(&keys.user_pem)?);
        Ok(Signer { device, user, life })
    }

    /// A device's token, issued at `now_ms`.
    ///
    /// # Errors
    /// The key refuses.
    pub fn device(&self, id: Uuid, no: u32, generation: u32, now_ms: i64) -> Result<String, TokenError> {
        let iat = now_ms.div_euclid(1000);
        let claims = DeviceClaims {
            iss: ISSUER.into(),
            aud: AUDIENCE_EDGE.into(),
            sub: id,
            dno: no,
            iat,
            exp: expiry(iat, self.life.device),
            generation,
        };
        Ok(encode(&Header::new(Algorithm::EdDSA), &claims, &self.device)?)
    }

    /// When a device's token ends that is issued at `now_ms`, ms.
    #[must_use]
    pub fn device_expiry_ms(&self, now_ms: i64) -> i64 {
        expiry(now_ms.div_euclid(1000), self.life.device).saturating_mul(1000)
    }

    /// A user's token with one grant, issued at `now_ms` from the terminal.
    ///
    /// # Errors
    /// The key refuses.
    pub fn user(&self, account: String, name: String, grant: Grant, now_ms: i64) -> Result<String, TokenError> {
        self.sign_user(account, name, vec![grant], expiry(now_ms.div_euclid(1000), self.life.user))
    }

    /// A user's token that is soon over, with what it is granted now; and when it ends, ms.
    ///
    /// # Errors
    /// The key refuses.
    pub fn short(
        &self,
        account: String,
        name: String,
        grants: Vec<Grant>,
        now_ms: i64,
    ) -> Result<(String, i64), TokenError> {
        let exp = expiry(now_ms.div_euclid(1000), self.life.short);
        Ok((self.sign_user(account, name, grants, exp)?, exp.saturating_mul(1000)))
    }

    fn sign_user(&self, account: String, name: String, grants: Vec<Grant>, exp: i64) -> Result<String, TokenError> {
        let claims = UserClaims { iss: ISSUER.into(), aud: AUDIENCE_API.into(), sub: account, name, grants, exp };
        Ok(encode(&Header::new(Algorithm::EdDSA), &claims, &self.user)?)
    }
}

fn expiry(iat: i64, life: Duration) -> i64 {
    iat.saturating_add_unsigned(life.as_secs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use schemas::token::Role;
    use serde::de::DeserializeOwned;

    const NOW_MS: i64 = 1_763_600_000_500;

    fn signer(directory: &std::path::Path) -> Signer {
        let life = TokenConfig {
            device: Duration::from_secs(100),
            user: Duration::from_secs(10),
            short: Duration::from_secs(5),
        };
        Signer::new(&Keys::open(directory).unwrap(), life).unwrap()
    }

    fn read<T: DeserializeOwned + Clone>(token: &str, pem: &std::path::Path, audience: &str) -> Option<T> {
        let key = DecodingKey::from_ed_pem(&std::fs::read(pem).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_exp = false;
        decode::<T>(token, &key, &validation).ok().map(|data| data.claims)
    }

    #[test]
    fn a_device_token_verifies_with_the_public_file_and_tells_the_clocks_time() {
        let directory = tempfile::tempdir().unwrap();
        let id = Uuid::from_u128(7);
        let token = signer(directory.path()).device(id, 12, 3, NOW_MS).unwrap();
        let claims: DeviceClaims = read(&token, &directory.path().join("device.pub.pem"), AUDIENCE_EDGE).unwrap();
        assert_eq!((claims.sub, claims.dno, claims.generation), (id, 12, 3));
        assert_eq!((claims.iat, claims.exp), (1_763_600_000, 1_763_600_100));
        assert_eq!(read::<DeviceClaims>(&token, &directory.path().join("user.pub.pem"), AUDIENCE_EDGE), None);
    }

    #[test]
    fn a_user_token_carries_its_grant() {
        let directory = tempfile::tempdir().unwrap();
        let grant = Grant { role: Role::CityAdmin, scope: "440100".into() };
        let token = signer(directory.path()).user("a".into(), "b".into(), grant.clone(), NOW_MS).unwrap();
        let claims: UserClaims = read(&token, &directory.path().join("user.pub.pem"), AUDIENCE_API).unwrap();
        assert_eq!((claims.grants, claims.exp), (vec![grant], 1_763_600_010));
    }
}
