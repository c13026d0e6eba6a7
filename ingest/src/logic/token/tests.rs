#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

const PRIVATE: &[u8] = include_bytes!("../../../testdata/device.pem");
const OTHER: &[u8] = include_bytes!("../../../testdata/other.pem");
const PUBLIC: &[u8] = include_bytes!("../../../testdata/device.pub.pem");

fn claims() -> Value {
    json!({"iss": "classpulse", "aud": "edge", "sub": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "dno": 77, "iat": 1,
           "exp": 2_000_000_000, "gen": 3})
}

fn sign(claims: &Value, key: &[u8]) -> String {
    let key = EncodingKey::from_ed_pem(key).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
}

#[test]
fn a_good_token_gives_its_claims() {
    let verifier = Verifier::from_pem(PUBLIC).unwrap();
    let token = sign(&claims(), PRIVATE);
    let read = verifier.claims(&token).unwrap();
    assert_eq!((read.dno, read.generation, read.exp), (77, 3, 2_000_000_000));
    assert_eq!(claimed_device(&token), Some(77));
}

#[test]
fn anything_else_is_a_bad_token() {
    let verifier = Verifier::from_pem(PUBLIC).unwrap();
    let with = |name: &str, value: Value| {
        let mut other = claims();
        other[name] = value;
        sign(&other, PRIVATE)
    };
    let mut tokens = vec![
        sign(&claims(), OTHER),
        with("iss", json!("someone")),
        with("aud", json!("api")),
        with("sub", json!("no uuid")),
        with("dno", json!(-1)),
        with("dno", json!("77")),
        with("exp", Value::Null),
        "a.b.c".into(),
        "x".into(),
    ];
    for name in ["iss", "aud", "sub", "dno", "exp", "gen"] {
        let mut less = claims();
        less.as_object_mut().unwrap().remove(name);
        tokens.push(sign(&less, PRIVATE));
    }
    let secret = EncodingKey::from_secret(PUBLIC);
    tokens.push(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap());
    let good = sign(&claims(), PRIVATE);
    let (_, rest) = good.split_once('.').unwrap();
    // {"alg":"none"}
    tokens.push(format!("eyJhbGciOiJub25lIn0.{rest}"));
    tokens.push(format!("eyJhbGciOiJub25lIn0.{}.", rest.split_once('.').unwrap().0));
    for token in tokens {
        assert_eq!(verifier.claims(&token), Err(Slug::BadToken), "{token}");
    }
}

#[test]
fn bearer_tokens_are_found() {
    assert_eq!(bearer(Some(b"Bearer abc")), Ok("abc"));
    assert_eq!(bearer(Some(b"bearer   abc ")), Ok("abc"));
    for header in [&b""[..], b"Bearer", b"Bearer ", b"Basic abc", b"Bearerabc", b"abc"] {
        assert_eq!(bearer(Some(header)), Err(Slug::NoToken), "{header:?}");
    }
    assert_eq!(bearer(None), Err(Slug::NoToken));
    assert_eq!(bearer(Some(b"Bearer \xff")), Err(Slug::BadToken));
}

#[test]
fn expiry_is_exact() {
    assert_eq!(check_expiry(100, 99_999), Ok(()));
    assert_eq!(check_expiry(100, 100_000), Err(Slug::ExpiredToken));
}

#[test]
fn hostile_payloads_claim_nothing() {
    for token in ["", "a", "a.b", "a.!!!.c", &format!("a.{}.c", "A".repeat(5000)), "..", "a.e30.c"] {
        assert_eq!(claimed_device(token), None, "{token}");
    }
}
