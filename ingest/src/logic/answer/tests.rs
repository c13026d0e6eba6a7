#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::check::{Checker, Window};
use schemas::codes::EventCode;
use serde_json::{Value, json};

#[test]
fn accepted_posts_name_their_invalid_events() {
    let mut check = Checker::new(Window { oldest_ms: 0, newest_ms: 0 });
    check.fault(EventCode::BadSpan, "on", "is \"wrong\"");
    let rejection = Rejection { index: 3, fault: check.take().unwrap(), raw: b"{}" };
    let body: Value = serde_json::from_slice(&accepted(2, 0, &[rejection])).unwrap();
    let result = json!({"i": 3, "status": "invalid", "code": "bad_span", "detail": "on: is \"wrong\""});
    assert_eq!(body, json!({"accepted": 2, "server_time": "1970-01-01T08:00:00.000+08:00", "results": [result]}));
}

#[test]
fn refusals_are_problem_documents() {
    let body: Value = serde_json::from_slice(&Refusal::new(Slug::ClockSkew, "off").problem(0)).unwrap();
    assert_eq!(body["type"], "urn:classpulse:clock-skew");
    assert_eq!(body["status"], 400);
    assert_eq!(body["server_time"], "1970-01-01T08:00:00.000+08:00");
}

#[test]
fn retry_after_is_never_zero_nor_less_than_due() {
    for random in [0, 1, 2, 7, u32::MAX] {
        assert!(Refusal::new(Slug::Overloaded, "").jittered(random).unwrap() >= 1);
        assert!(Refusal::new(Slug::RateDevice, "").after_us(2_500_000).jittered(random).unwrap() >= 3);
        assert_eq!(Refusal::new(Slug::BadJson, "").jittered(random), None);
    }
}
