//! Signed keyset cursors: where a list goes on, bound to the request that made it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The last row of a page, by its place in the order of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Part of the list: 0 first.
    #[serde(rename = "s")]
    pub section: u8,
    /// Value of the ordering figure, exactly: numerator and denominator, or the bits of a percentile over 0.
    #[serde(rename = "v")]
    pub value: Option<(u64, u64)>,
    /// Denominator of the ordering figure.
    #[serde(rename = "d")]
    pub den: u64,
    /// Division code and number: the last word where all else is equal.
    #[serde(rename = "c")]
    pub code: (u32, u32),
}

/// Signs and reads cursors.
pub struct Signer {
    secret: Vec<u8>,
}

/// A cursor that was not made here, or not for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this request")]
pub struct CursorFault;

/// Bytes of the signature that are kept.
const TAG: usize = 16;

impl Signer {
    /// A signer with this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Signer {
        Signer { secret: secret.to_vec() }
    }

    /// The cursor after `key` in the list that `context` (route, unit, range, order) names.
    #[must_use]
    pub fn sign(&self, context: &str, key: &Key) -> String {
        let payload = serde_json::to_vec(key).unwrap_or_default();
        let mut bytes = self.tag(context, &payload).to_vec();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// It is not ours, or was made for another list.
    pub fn open(&self, context: &str, cursor: &str) -> Result<Key, CursorFault> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorFault)?;
        let (tag, payload) = bytes.split_at_checked(TAG).ok_or(CursorFault)?;
        if !equal(tag, &self.tag(context, payload)) {
            return Err(CursorFault);
        }
        serde_json::from_slice(payload).map_err(|_| CursorFault)
    }

    fn tag(&self, context: &str, payload: &[u8]) -> [u8; TAG] {
        let full = hmac_sha256(&self.secret, &[context.as_bytes(), &[0], payload]);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }
}

/// HMAC (RFC 2104) over the parts of a message.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Comparison whose time does not tell where the difference is.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { section: 1, value: Some((3, 7)), den: 7, code: (440_106, 12) }
    }

    #[test]
    fn hmac_gives_the_values_of_rfc_4231() {
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], &[b"Test Using Larger Than Block-Size Key - Hash Key First"])),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_cursor_opens_only_where_it_was_made() {
        let signer = Signer::new(b"secret");
        let cursor = signer.sign("children|440100", &key());
        assert_eq!(signer.open("children|440100", &cursor), Ok(key()));
        assert_eq!(signer.open("children|440300", &cursor), Err(CursorFault));
        assert_eq!(Signer::new(b"other").open("children|440100", &cursor), Err(CursorFault));
        assert_eq!(Signer::new(b"secret").open("children|440100", &cursor), Ok(key()), "a restart keeps cursors");
    }

    #[test]
    fn bent_cursors_are_refused() {
        let signer = Signer::new(b"secret");
        let cursor = signer.sign("x", &key());
        for at in 0..cursor.len() {
            let mut bent = cursor.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(signer.open("x", &String::from_utf8(bent).unwrap()), Err(CursorFault), "byte {at}");
        }
        for text in ["", "%", "AAAA", "天"] {
            assert_eq!(signer.open("x", text), Err(CursorFault));
        }
    }
}
