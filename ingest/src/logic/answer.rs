//! Bodies of the answers (CONTRACT section 1).

use super::decode::Rejection;
use schemas::codes::Slug;
use schemas::time::format_rfc3339_ms;
use serde::Serialize;
use std::borrow::Cow;

/// A post that was refused whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name and status.
    pub slug: Slug,
    /// What is wrong, for people.
    pub detail: Cow<'static, str>,
    /// Seconds to wait at least, before jitter; `None`: the answer has no Retry-After.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// A refusal; those that pass with time say when to come again.
    #[must_use]
    pub fn new(slug: Slug, detail: impl Into<Cow<'static, str>>) -> Refusal {
        let retry_after_s = match slug.status() {
            503 | 429 => Some(1),
            _ => None,
        };
        Refusal { slug, detail: detail.into(), retry_after_s }
    }

    /// The same, not to be sent again before so many microseconds have passed.
    #[must_use]
    pub fn after_us(self, wait_us: u64) -> Refusal {
        let seconds = wait_us.div_ceil(1_000_000).clamp(1, 3600);
        Refusal { retry_after_s: Some(seconds as u32), ..self }
    }

    /// Seconds of Retry-After: never below what is due, and up to as much again and two, so that those refused
    /// together do not come back together. `random` is uniform.
    #[must_use]
    pub fn jittered(&self, random: u32) -> Option<u32> {
        self.retry_after_s.map(|least| least + random % (least + 2))
    }

    /// The problem document (RFC 9457).
    #[must_use]
    pub fn problem(&self, now_ms: i64) -> Vec<u8> {
        #[derive(Serialize)]
        struct Problem<'a> {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: &'a str,
            server_time: String,
        }
        let problem = Problem {
            r#type: format!("urn:classpulse:{}", self.slug.as_str()),
            title: title(self.slug),
            status: self.slug.status(),
            detail: &self.detail,
            server_time: format_rfc3339_ms(now_ms),
        };
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

const fn title(slug: Slug) -> &'static str {
    match slug {
        Slug::NotFound => "There is nothing here",
        Slug::Method => "The method is not allowed here",
        Slug::Overloaded => "Too much is in flight",
        Slug::NotReady => "The edge cannot serve yet",
        Slug::MediaType => "Unknown Content-Type or Content-Encoding",
        Slug::NoToken => "A bearer token is missing",
        Slug::BadToken => "The token is not valid",
        Slug::ExpiredToken => "The token has expired",
        Slug::Revoked => "The token has been revoked",
        Slug::Suspended => "The device is suspended",
        Slug::Retired => "The device is retired",
        Slug::UnknownDevice => "The device is not known yet",
        Slug::RateDevice => "The device posts too often",
        Slug::RateSchool => "The school posts too often",
        Slug::TooLarge => "The body is too large",
        Slug::TooManyEvents => "The post holds too many events",
        Slug::BadEncoding => "The body cannot be read",
        Slug::BadJson => "The body is not JSON",
        Slug::BadAvro => "The body is not a DevicePost",
        Slug::BadEnvelope => "The envelope is not valid",
        Slug::NoEvents => "The post holds no events",
        Slug::ClockSkew => "The device's clock is off",
        Slug::KafkaAway => "The post could not be stored",
    }
}

/// The body of a 200.
#[must_use]
pub fn accepted(count: u32, now_ms: i64, rejections: &[Rejection<'_>]) -> Vec<u8> {
    let time = format_rfc3339_ms(now_ms);
    let results: Vec<String> = rejections.iter().map(result).collect();
    format!(r#"{{"accepted":{count},"server_time":"{time}","results":[{}]}}"#, results.join(",")).into_bytes()
}

fn result(rejection: &Rejection<'_>) -> String {
    let code = rejection.fault.code.as_str();
    let detail = serde_json::Value::from(rejection.fault.to_string());
    format!(r#"{{"i":{},"status":"invalid","code":"{code}","detail":{detail}}}"#, rejection.index)
}

#[cfg(test)]
mod tests;
