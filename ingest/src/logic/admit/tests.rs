#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::registry::{BelongingFrom, DeviceKind, DeviceRecord};
use schemas::time::Day;
use schemas::token::DeviceClaims;
use uuid::Uuid;

const PRIVATE: &[u8] = include_bytes!("../../../testdata/device.pem");
const PUBLIC: &[u8] = include_bytes!("../../../testdata/device.pub.pem");
const ID: Uuid = Uuid::from_u128(42);
const EXP: i64 = 2_000;

fn device() -> DeviceRecord {
    let from_day = Day::FIRST;
    DeviceRecord {
        device_no: 7,
        device_id: ID,
        kind: DeviceKind::Other,
        state: DeviceState::InService,
        token_gen: 2,
        revoked: false,
        enrolled_at_ms: 0,
        belongings: vec![BelongingFrom { from_day, school_no: 1, class_no: 1, division: 440_106, in_service: true }],
        rev: 1,
        updated_at_ms: 0,
    }
}

fn token(sub: Uuid, dno: u32, generation: u32) -> String {
    let claims = DeviceClaims { iss: "classpulse".into(), aud: "edge".into(), sub, dno, iat: 0, exp: EXP, generation };
    jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_pem(PRIVATE).unwrap()).unwrap()
}

fn check(view: &View, token: &str, now_ms: i64) -> Result<u32, Slug> {
    let authorization = format!("Bearer {token}");
    let headers = Headers { authorization: Some(authorization.as_bytes()), ..Headers::default() };
    let verifier = Verifier::from_pem(PUBLIC).unwrap();
    authenticate(&headers, view, &verifier, now_ms).map(|(device_no, _)| device_no).map_err(|refusal| refusal.slug)
}

#[test]
fn tokens_are_held_against_the_view_each_time() {
    let view = View::default();
    let good = token(ID, 7, 2);
    assert_eq!(check(&view, &good, 0), Err(Slug::UnknownDevice));
    view.apply(&device()).unwrap();
    // The first time it is verified, then its digest is known: the answers are the same.
    for _ in 0..2 {
        assert_eq!(check(&view, &good, 0), Ok(7));
        assert_eq!(check(&view, &good, EXP * 1000), Err(Slug::ExpiredToken));
        assert_eq!(check(&view, &token(Uuid::from_u128(1), 7, 2), 0), Err(Slug::BadToken));
        assert_eq!(check(&view, &token(ID, 8, 2), 0), Err(Slug::UnknownDevice));
        assert_eq!(check(&view, &token(ID, 7, 1), 0), Err(Slug::Revoked), "older than the rotation");
    }
    let changes = [
        (DeviceRecord { revoked: true, ..device() }, Err(Slug::Revoked)),
        (DeviceRecord { token_gen: 3, ..device() }, Err(Slug::Revoked)),
        (DeviceRecord { state: DeviceState::Suspended, ..device() }, Err(Slug::Suspended)),
        (DeviceRecord { state: DeviceState::Retired, ..device() }, Err(Slug::Retired)),
        (DeviceRecord { state: DeviceState::Enrolled, ..device() }, Ok(7)),
    ];
    for (changed, expected) in changes {
        view.apply(&device()).unwrap();
        assert_eq!(check(&view, &good, 0), Ok(7), "known");
        view.apply(&changed).unwrap();
        assert_eq!(check(&view, &good, 0), expected, "{changed:?}");
    }
}

#[test]
fn clocks_may_differ_by_two_minutes() {
    let tolerances = Tolerances { skew_ms: 120_000, future_ms: 120_000, accept_days: 45 };
    let slug = |sent_at| tolerances.check_skew(sent_at, 1_000_000).map_err(|refusal| refusal.slug);
    assert_eq!(slug(880_000), Ok(()));
    assert_eq!(slug(879_999), Err(Slug::ClockSkew));
    assert_eq!(slug(1_120_000), Ok(()));
    assert_eq!(slug(1_120_001), Err(Slug::ClockSkew));
    assert_eq!(slug(i64::MIN), Err(Slug::ClockSkew));
    assert_eq!(slug(i64::MAX), Err(Slug::ClockSkew));
}
