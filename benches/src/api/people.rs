//! Users of the bench's own, with a key of their own.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use query_api::logic::scope::Scope;
use query_api::logic::token::Verifier;
use registry::keys::Keys;
use schemas::token::{AUDIENCE_API, Grant, ISSUER, Role, UserClaims};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A key pair, and who is signed with it. The files go with the value.
pub struct People {
    directory: PathBuf,
    key: EncodingKey,
    verifier: Verifier,
}

impl People {
    /// A new key pair.
    pub fn new() -> anyhow::Result<People> {
        let directory = std::env::temp_dir().join(format!("classpulse-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let key = EncodingKey::from_ed_pem(&Keys::open(&directory)?.user_pem)?;
        let verifier = Verifier::new(&std::fs::read(directory.join("user.pub.pem"))?)?;
        Ok(People { directory, key, verifier })
    }

    /// Where the public key is.
    pub fn public_key(&self) -> PathBuf {
        self.directory.join("user.pub.pem")
    }

    /// The token of an administrator of an area.
    pub fn token(&self, area: u32) -> anyhow::Result<String> {
        let claims = UserClaims {
            iss: ISSUER.into(),
            aud: AUDIENCE_API.into(),
            sub: format!("bench-{area}"),
            name: "bench".into(),
            grants: vec![Grant { role: Role::ProvinceAdmin, scope: area.to_string() }],
            exp: now_s()? + 86_400,
        };
        Ok(encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)?)
    }

    /// The scope that the service makes of that token.
    pub fn scope(&self, area: u32) -> anyhow::Result<Scope> {
        Ok(self.verifier.verify(&self.token(area)?, now_s()? * 1000)?.scope)
    }
}

impl Drop for People {
    fn drop(&mut self) {
        // What is left behind is a key that opens nothing.
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn now_s() -> anyhow::Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
