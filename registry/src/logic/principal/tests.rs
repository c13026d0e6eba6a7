#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::config::TokenConfig;
use crate::keys::Keys;
use crate::tokens::Signer;
use jsonwebtoken::{EncodingKey, Header, encode};
use schemas::token::Role;
use std::time::Duration;
use uuid::Uuid;

const NOW_MS: i64 = 1_763_600_000_000;

fn signer(keys: &Keys) -> Signer {
    Signer::new(
        keys,
        TokenConfig { device: Duration::from_secs(100), user: Duration::from_secs(10), short: Duration::from_secs(5) },
    )
    .unwrap()
}

fn keys() -> Keys {
    Keys::open(tempfile::tempdir().unwrap().path()).unwrap()
}

fn verifier(keys: &Keys) -> Verifier {
    Verifier::new(&keys.user_public_pem, &keys.device_public_pem).unwrap()
}

fn user(keys: &Keys) -> String {
    let grant = Grant { role: Role::CityAdmin, scope: "440100".into() };
    signer(keys).user("a".into(), "甲".into(), grant, NOW_MS).unwrap()
}

#[test]
fn a_users_token_makes_a_principal_until_it_ends() {
    let keys = keys();
    let (verifier, token) = (verifier(&keys), user(&keys));
    let principal = verifier.user(&token, NOW_MS).unwrap();
    assert_eq!((principal.account(), principal.name(), principal.grants().len()), ("a", "甲", 1));
    assert_eq!(principal.access(Action::EditSchools, Node::Area(440_106)), Access::Allowed);
    assert_eq!(verifier.user(&token, NOW_MS + 9_999).map(|_| ()), Ok(()));
    assert_eq!(verifier.user(&token, NOW_MS + 10_000).map(|_| ()), Err(TokenFault::Expired));
}

#[test]
fn other_keys_audiences_and_algorithms_make_none() {
    let own = keys();
    let verifier = verifier(&own);
    let device = signer(&own).device(Uuid::from_u128(1), 1, 0, NOW_MS).unwrap();
    assert!(verifier.device(&device, NOW_MS).is_ok());
    let claims = UserClaims {
        iss: ISSUER.into(),
        aud: AUDIENCE_API.into(),
        sub: "a".into(),
        name: "a".into(),
        grants: vec![Grant { role: Role::ProvinceAdmin, scope: "440000".into() }],
        exp: NOW_MS,
    };
    let user_key = EncodingKey::from_ed_pem(&own.user_pem).unwrap();
    let signed = |header: Header, claims: &UserClaims, key: &EncodingKey| encode(&header, claims, key).unwrap();
    let eddsa = || Header::new(Algorithm::EdDSA);
    assert!(verifier.user(&signed(eddsa(), &claims, &user_key), NOW_MS).is_ok(), "negative control");
    // The public key is no secret: whoever takes it for one of HMAC's could sign anything.
    let hmac = EncodingKey::from_secret(&own.user_public_pem);
    let bad = [
        device,
        user(&keys()),
        signed(Header::new(Algorithm::HS256), &claims, &hmac),
        signed(eddsa(), &UserClaims { aud: AUDIENCE_EDGE.into(), ..claims.clone() }, &user_key),
        signed(eddsa(), &UserClaims { iss: "other".into(), ..claims.clone() }, &user_key),
        "a.b.c".to_owned(),
        String::new(),
    ];
    for token in bad {
        assert_eq!(verifier.user(&token, NOW_MS).map(|_| ()), Err(TokenFault::Bad), "{token}");
    }
}
