#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
use super::*;
use crate::logic::scope::Access;
use jsonwebtoken::{EncodingKey, Header, encode};
use schemas::token::{AUDIENCE_EDGE, Grant, Role};

const PRIVATE: &[u8] = include_bytes!("../../../tests/keys/user.pem");
const PUBLIC: &[u8] = include_bytes!("../../../tests/keys/user.pub.pem");

fn claims() -> UserClaims {
    UserClaims {
        iss: ISSUER.into(),
        aud: AUDIENCE_API.into(),
        sub: "zhang".into(),
        name: "张".into(),
        grants: vec![Grant { role: Role::CountyAdmin, scope: "440106".into() }],
        exp: 1000,
    }
}

fn signed(claims: &UserClaims) -> String {
    encode(&Header::new(Algorithm::EdDSA), claims, &EncodingKey::from_ed_pem(PRIVATE).unwrap()).unwrap()
}

fn verified(token: &str, now_ms: i64) -> Result<Caller, TokenFault> {
    Verifier::new(PUBLIC).unwrap().verify(token, now_ms)
}

#[test]
fn a_good_token_gives_its_scope_until_it_expires() {
    let caller = verified(&signed(&claims()), 999_999).unwrap();
    assert_eq!(caller.user, "zhang");
    assert_eq!(caller.scope.area(440_106), Access::Allowed);
    assert_eq!(caller.scope.area(440_105), Access::Outside);
    assert_eq!(verified(&signed(&claims()), 1_000_000).unwrap_err(), TokenFault::Expired);
}

#[test]
fn tokens_for_others_and_bent_tokens_are_bad() {
    let edge = UserClaims { aud: AUDIENCE_EDGE.into(), ..claims() };
    let stranger = UserClaims { iss: "someone".into(), ..claims() };
    for claims in [edge, stranger] {
        assert_eq!(verified(&signed(&claims), 0).unwrap_err(), TokenFault::Bad);
    }
    let good = signed(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let other = signed(&UserClaims { sub: "li".into(), ..claims() });
    let payload = other.split('.').nth(1).unwrap();
    // Another's claims under a good signature; no signature; the `none` algorithm.
    let none = "eyJhbGciOiJub25lIn0";
    for token in [format!("{header}.{payload}.{signature}"), format!("{head}."), format!("{none}.{payload}.")] {
        assert_eq!(verified(&token, 0).unwrap_err(), TokenFault::Bad, "{token}");
    }
}
