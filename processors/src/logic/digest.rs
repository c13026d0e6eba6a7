//! Stable digests, the same on every machine and in every build.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The first 8 bytes of SHA-256, big-endian.
#[must_use]
pub fn sha256_u64(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-4: SHA-256("abc") = ba7816bf 8f01cfea ...
        assert_eq!(sha256_u64(b"abc"), 0xba78_16bf_8f01_cfea);
        assert_eq!(hex(&[0, 0xab]), "00ab");
    }
}
