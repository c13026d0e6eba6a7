//! What an answer of the edge means for the events of the post.

use schemas::time::parse_rfc3339_ms;
use serde::Deserialize;

/// An answer, or the lack of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The edge answered.
    Http(HttpAnswer),
    /// No answer: refused, reset, timed out. The edge may have taken the post.
    Unreachable,
}

/// What is used of an HTTP answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status code.
    pub status: u16,
    /// `Retry-After`, in ms.
    pub retry_after_ms: Option<u64>,
    /// `server_time`, ms.
    pub server_time_ms: Option<i64>,
    /// The problem's name after `urn:classpulse:`.
    pub slug: Option<String>,
    /// Number of events taken; `None` where the body is not an edge's answer.
    pub accepted: Option<u64>,
    /// Index and code of events that must never be sent again.
    pub invalid: Vec<(usize, String)>,
}

#[derive(Deserialize)]
struct Body {
    accepted: Option<u64>,
    server_time: Option<String>,
    #[serde(default)]
    results: Vec<BodyResult>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct BodyResult {
    i: usize,
    status: String,
    code: Option<String>,
}

/// Reads an answer. Bodies that are not the edge's leave only the status.
#[must_use]
pub fn read(status: u16, retry_after: Option<&str>, body: &[u8]) -> HttpAnswer {
    let retry_after_ms = retry_after.and_then(|text| text.trim().parse::<u64>().ok()).map(|s| s.saturating_mul(1_000));
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return HttpAnswer { status, retry_after_ms, ..HttpAnswer::default() };
    };
    let invalid = body.results.into_iter().filter(|result| result.status == "invalid");
    HttpAnswer {
        status,
        retry_after_ms,
        server_time_ms: body.server_time.as_deref().and_then(parse_rfc3339_ms),
        slug: body.r#type.and_then(|name| name.strip_prefix("urn:classpulse:").map(str::to_owned)),
        accepted: body.accepted,
        invalid: invalid.map(|result| (result.i, result.code.unwrap_or_default())).collect(),
    }
}

/// What to do with the events of the post that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every event is settled: durable, or named invalid.
    Settled,
    /// The clock is off: nothing was taken; stamp the corrected time and send again at once.
    Skewed,
    /// The post can never be taken as it is: its events are given up and counted.
    GiveUp,
    /// Too large: send fewer events at once.
    Split,
    /// Keep everything and come back later.
    Later,
    /// The token is not accepted (any more): keep everything, wait for another one.
    NeedToken,
    /// The device is taken out for good: keep everything, stop.
    Retired,
}

/// Interprets an answer to a post of `sent` events. A 200 that does not account for every event is not the edge's (a
/// captive portal, say) and acknowledges nothing.
#[must_use]
pub fn interpret(answer: &Answer, sent: usize) -> Verdict {
    let Answer::Http(answer) = answer else {
        return Verdict::Later;
    };
    match (answer.status, answer.slug.as_deref()) {
        (200, _) if accounts_for_all(answer, sent) => Verdict::Settled,
        (400, Some("clock-skew")) => Verdict::Skewed,
        (400, Some(_)) => Verdict::GiveUp,
        (413, _) => Verdict::Split,
        (401, _) | (403, Some("revoked")) => Verdict::NeedToken,
        (403, Some("retired")) => Verdict::Retired,
        _ => Verdict::Later,
    }
}

fn accounts_for_all(answer: &HttpAnswer, sent: usize) -> bool {
    let invalid = answer.invalid.len() as u64;
    answer.invalid.iter().all(|(i, _)| *i < sent) && answer.accepted.is_some_and(|n| n + invalid == sent as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: Verdict) {
        let answer = Answer::Http(read(status, None, body.as_bytes()));
        assert_eq!(interpret(&answer, 2), expected, "{status} {body}");
    }

    fn problem(slug: &str) -> String {
        format!(r#"{{"type":"urn:classpulse:{slug}","status":400}}"#)
    }

    #[test]
    fn every_answer_has_one_meaning() {
        check(200, r#"{"accepted":2,"server_time":"2026-11-20T09:15:04.120+08:00","results":[]}"#, Verdict::Settled);
        let one = r#"{"accepted":1,"results":[{"i":1,"status":"invalid","code":"bad_span","detail":""}]}"#;
        check(200, one, Verdict::Settled);
        for slug in ["bad-encoding", "bad-json", "bad-avro", "bad-envelope", "no-events"] {
            check(400, &problem(slug), Verdict::GiveUp);
        }
        check(400, &problem("clock-skew"), Verdict::Skewed);
        check(413, &problem("too-many-events"), Verdict::Split);
        for slug in ["no-token", "bad-token", "expired-token"] {
            check(401, &problem(slug), Verdict::NeedToken);
        }
        check(403, &problem("revoked"), Verdict::NeedToken);
        check(403, &problem("suspended"), Verdict::Later);
        check(403, &problem("retired"), Verdict::Retired);
        for (status, slug) in [(404, "not-found"), (405, "method"), (415, "media-type"), (429, "rate-device")] {
            check(status, &problem(slug), Verdict::Later);
        }
        for slug in ["overloaded", "not-ready", "unknown-device", "kafka-away"] {
            check(503, &problem(slug), Verdict::Later);
        }
        assert_eq!(interpret(&Answer::Unreachable, 2), Verdict::Later);
    }

    #[test]
    fn what_is_not_the_edges_settles_nothing() {
        check(200, "<html>please log in</html>", Verdict::Later);
        check(200, "{}", Verdict::Later);
        check(200, r#"{"accepted":1,"results":[]}"#, Verdict::Later);
        let beyond = r#"{"accepted":1,"results":[{"i":2,"status":"invalid","code":"bad_span"}]}"#;
        check(200, beyond, Verdict::Later);
        check(400, "Bad Request", Verdict::Later);
        check(403, "blocked by the school's proxy", Verdict::Later);
        check(302, "", Verdict::Later);
    }

    #[test]
    fn retry_after_and_server_time_are_read() {
        let body = br#"{"type":"urn:classpulse:clock-skew","server_time":"2026-11-20T01:15:04.120Z"}"#;
        let answer = read(400, Some(" 7 "), body);
        assert_eq!(answer.retry_after_ms, Some(7_000));
        assert_eq!(answer.server_time_ms, parse_rfc3339_ms("2026-11-20T09:15:04.120+08:00"));
        assert_eq!(answer.slug.as_deref(), Some("clock-skew"));
    }
}
