//! Secrets that the registry has to read again, sealed for the store: whoever has a copy of the database alone does not
//! have them. AES-256-GCM under a key that comes from the private key of user tokens (HKDF-SHA-256).

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the key is for.
const PURPOSE: &[u8] = b"classpulse registry second factors";

/// Something that was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No key comes of it.
    #[error("derive the key that seals")]
    Key,
    /// The library refuses.
    #[error("seal a secret")]
    Seal,
    /// Another key sealed it, for somebody else, or it was changed.
    #[error("open a sealed secret: it was sealed under another key or for another account, or was changed")]
    Open,
}

/// Seals and opens.
pub struct Sealer(RandomizedNonceKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(redacted)")
    }
}

impl Sealer {
    /// From a private key; the same one gives the same sealer.
    ///
    /// # Errors
    /// The library refuses.
    pub fn new(private_key: &[u8]) -> Result<Sealer, SealError> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(private_key);
        let mut key = [0; 32];
        let expanded = extracted.expand(&[PURPOSE], HKDF_SHA256).map_err(|_| SealError::Key)?;
        expanded.fill(&mut key).map_err(|_| SealError::Key)?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map(Sealer).map_err(|_| SealError::Key)
    }

    /// Seals a secret of `owner`, as text.
    ///
    /// # Errors
    /// The library refuses.
    pub fn seal(&self, owner: u32, secret: &[u8]) -> Result<String, SealError> {
        let mut sealed = secret.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(owner.to_be_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| SealError::Seal)?;
        Ok(STANDARD.encode([nonce.as_ref(), sealed.as_slice()].concat()))
    }

    /// Opens what was sealed for `owner`.
    ///
    /// # Errors
    /// It was not.
    pub fn open(&self, owner: u32, sealed: &str) -> Result<Vec<u8>, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Open)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let mut rest = rest.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(owner.to_be_bytes()), &mut rest);
        Ok(opened.map_err(|_| SealError::Open)?.to_vec())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let sealer = Sealer::new(b"a private key").unwrap();
        let sealed = sealer.seal(7, b"secret").unwrap();
        assert_eq!(Sealer::new(b"a private key").unwrap().open(7, &sealed).unwrap(), b"secret", "after a restart");
        assert_ne!(sealed, sealer.seal(7, b"secret").unwrap(), "a nonce of its own");
        assert!(sealer.open(8, &sealed).is_err(), "somebody else's");
        assert!(Sealer::new(b"another key").unwrap().open(7, &sealed).is_err());
        let changed = STANDARD.decode(&sealed).map(|mut bytes| {
            bytes[14] ^= 1;
            STANDARD.encode(bytes)
        });
        for text in ["", "AAAA", "no base64!", &changed.unwrap()] {
            assert!(sealer.open(7, text).is_err(), "{text}");
        }
    }
}
