//! Device tokens (CONTRACT section 5): verified once; afterwards the digest that [`super::view::View`] keeps is
//! compared.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use schemas::codes::Slug;
use schemas::token::{AUDIENCE_EDGE, DeviceClaims, ISSUER};
use sha2::{Digest as _, Sha256};

/// What is kept of a verified token: 96 bits of its SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub [u32; 3]);

/// Verifies signatures.
pub struct Verifier {
    key: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// Verifies with an Ed25519 public key in PEM.
    ///
    /// # Errors
    /// Not such a key.
    pub fn from_pem(pem: &[u8]) -> Result<Verifier, jsonwebtoken::errors::Error> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE_EDGE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Expiry is judged by the injected clock.
        validation.validate_exp = false;
        Ok(Verifier { key: DecodingKey::from_ed_pem(pem)?, validation })
    }

    /// The claims of a token; whether it has expired is left to [`check_expiry`].
    ///
    /// # Errors
    /// `bad-token`: signature, algorithm, issuer, audience or claims are wrong.
    pub fn claims(&self, token: &str) -> Result<DeviceClaims, Slug> {
        match jsonwebtoken::decode::<DeviceClaims>(token, &self.key, &self.validation) {
            Ok(data) => Ok(data.claims),
            Err(_) => Err(Slug::BadToken),
        }
    }
}

/// Refuses a token whose `exp` (seconds) has passed.
///
/// # Errors
/// `expired-token`.
pub const fn check_expiry(exp: i64, now_ms: i64) -> Result<(), Slug> {
    if now_ms.div_euclid(1000) >= exp { Err(Slug::ExpiredToken) } else { Ok(()) }
}

/// The token of an Authorization header.
///
/// # Errors
/// `no-token` without a bearer token, `bad-token` where it cannot be one.
pub fn bearer(authorization: Option<&[u8]>) -> Result<&str, Slug> {
    let header = authorization.ok_or(Slug::NoToken)?.trim_ascii();
    let (scheme, rest) = header.split_at_checked(6).ok_or(Slug::NoToken)?;
    let token = rest.trim_ascii();
    let separated = rest.first().is_some_and(u8::is_ascii_whitespace);
    if !scheme.eq_ignore_ascii_case(b"bearer") || !separated || token.is_empty() {
        return Err(Slug::NoToken);
    }
    std::str::from_utf8(token).map_err(|_| Slug::BadToken)
}

/// The digest of a token.
#[must_use]
pub fn digest(token: &str) -> Digest {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let word = |at: usize| u32::from_le_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
    Digest([word(0), word(4), word(8)])
}

/// The device number that a token claims, unverified: only good for looking up a digest, which then proves it.
#[must_use]
pub fn claimed_device(token: &str) -> Option<u32> {
    let payload = token.split('.').nth(1)?;
    let mut window = [0_u8; PAYLOAD_MAX];
    let len = base64url(payload.as_bytes(), &mut window)?;
    let payload = &window[..len];
    let at = payload.windows(6).position(|window| window == b"\"dno\":")? + 6;
    let digits = payload[at..].trim_ascii_start();
    let mut number = 0_u32;
    let mut any = false;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
        any = true;
    }
    any.then_some(number)
}

/// Longest payload that is looked into; our tokens take about 180 bytes.
const PAYLOAD_MAX: usize = 512;

/// Values of the URL-safe alphabet; 64: none.
const ALPHABET: [u8; 256] = {
    let mut table = [64_u8; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut i = 0;
    while i < 64 {
        table[letters[i] as usize] = i as u8;
        i += 1;
    }
    table
};

/// Decodes unpadded base64url; `None` if it is not, or too long.
fn base64url(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    for group in text.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = ALPHABET[usize::from(*byte)];
            if value == 64 {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let bytes = group.len() * 6 / 8;
        out.get_mut(len..len + bytes)?.copy_from_slice(&bits.to_be_bytes()[1..=bytes]);
        len += bytes;
    }
    Some(len)
}

#[cfg(test)]
mod tests;
