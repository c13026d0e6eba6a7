//! When a device's token is renewed. The agent reads its own token only for the two instants; whether it is good, the
//! edge and the registry judge.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Life {
    iat: i64,
    exp: i64,
}

/// Is less than a quarter of the token's life left? A text that is no token is never renewed.
#[must_use]
pub fn is_due(token: &str, now_ms: i64) -> bool {
    let Some(Life { iat, exp }) = life(token) else { return false };
    exp.saturating_mul(1_000).saturating_sub(now_ms) < exp.saturating_sub(iat).saturating_mul(250)
}

fn life(token: &str) -> Option<Life> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_in_the_last_quarter_of_its_life() {
        let payload = URL_SAFE_NO_PAD.encode("{\"iat\":1000,\"exp\":1400,\"dno\":7}");
        let token = format!("h.{payload}.s");
        assert!(!is_due(&token, 1_300_000), "exactly a quarter is left");
        assert!(is_due(&token, 1_300_001));
        assert!(is_due(&token, 2_000_000), "an old one is worth a try");
        assert!(!is_due("no token", 2_000_000) && !is_due("", 0));
    }
}
