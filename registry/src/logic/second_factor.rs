//! Time-based one-time codes (RFC 6238): six digits, SHA-1 and 30 s, as every authenticator app reads them.

use totp_rs::{Algorithm, TOTP, TotpUrlError};

/// Bytes of a secret: as many as SHA-1 has (RFC 4226, section 4, R6).
pub const SECRET: usize = 20;
/// Length of an interval, s.
const STEP_S: u64 = 30;
/// Intervals that a clock may be off, on either side (RFC 6238, section 5.2).
const SKEW: u64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// What an app calls the service.
const ISSUER: &str = "ClassPulse";

/// A secret that makes no codes.
#[derive(Debug, thiserror::Error)]
#[error("make time-based codes")]
pub struct SecretError(#[from] TotpUrlError);

/// A second factor: makes and compares its codes.
#[derive(Debug)]
pub struct SecondFactor(TOTP);

impl SecondFactor {
    /// Of the account `login`.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn new(secret: Vec<u8>, login: &str) -> Result<SecondFactor, SecretError> {
        let (issuer, login) = (Some(ISSUER.to_owned()), login.to_owned());
        Ok(SecondFactor(TOTP::new(Algorithm::SHA1, DIGITS, 1, STEP_S, secret, issuer, login)?))
    }

    /// The secret as people type it (base32).
    #[must_use]
    pub fn secret(&self) -> String {
        self.0.get_secret_base32()
    }

    /// The secret as apps scan it (`otpauth://…`).
    #[must_use]
    pub fn uri(&self) -> String {
        self.0.get_url()
    }

    /// The interval whose code this is, at `now_s` or a little beside it, if it comes after `last`, the interval of the
    /// last code that was taken; none: the code is wrong, or was used.
    #[must_use]
    pub fn interval(&self, code: &str, now_s: u64, last: u64) -> Option<u64> {
        let now = now_s / STEP_S;
        let mut near = now.saturating_sub(SKEW)..=now.saturating_add(SKEW);
        near.find(|interval| *interval > last && self.0.generate(interval * STEP_S) == code)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    /// The key of RFC 6238, appendix B.
    fn factor() -> SecondFactor {
        SecondFactor::new(b"12345678901234567890".to_vec(), "tianhe.admin").unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // Appendix B, SHA-1, the last six of eight digits.
        for (now_s, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(factor().interval(code, now_s, 0), Some(now_s / 30), "{now_s}");
        }
    }

    #[test]
    fn a_clock_may_be_off_by_half_a_minute_and_no_more() {
        let good = |now_s| factor().interval("081804", now_s, 0).is_some();
        let begin = 1_111_111_109 / 30 * 30;
        assert!(good(begin) && good(begin - 30) && good(begin + 59));
        assert!(!good(begin - 31) && !good(begin + 60));
    }

    #[test]
    fn a_code_is_taken_once_and_none_before_it() {
        let taken = factor().interval("287082", 59, 0).unwrap();
        assert_eq!(factor().interval("287082", 59, taken), None);
        assert_eq!(factor().interval("287082", 59, taken - 1), Some(taken));
    }

    #[test]
    fn other_texts_are_no_code() {
        for code in ["", "28708", "2870820", "287083", "２８７０８２", " 287082"] {
            assert_eq!(factor().interval(code, 59, 0), None, "{code}");
        }
    }

    #[test]
    fn apps_read_the_uri() {
        let uri = factor().uri();
        assert!(
            uri.starts_with("otpauth://totp/ClassPulse:tianhe.admin?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{uri}"
        );
        assert!(uri.contains("issuer=ClassPulse"), "{uri}");
        assert!(SecondFactor::new(vec![1; 8], "short").is_err());
    }
}
