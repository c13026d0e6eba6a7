//! Codes of event faults and of refusals, by their names on the wire (CONTRACT section 1).

use crate::event::wire_enum;

wire_enum! {
    /// Why one event was not taken.
    EventCode {
        /// `type` is none of the contract's.
        UnknownType = "unknown_type",
        /// A required field is absent.
        MissingField = "missing_field",
        /// A field has another JSON type, or null where that is not allowed.
        BadType = "bad_type",
        /// A value is outside its range or length.
        OutOfRange = "out_of_range",
        /// A span is malformed.
        BadSpan = "bad_span",
        /// `at` is not RFC 3339.
        BadTime = "bad_time",
        /// `at` is older than `accept_days`.
        TooOld = "too_old",
        /// `at` is more than 2 min ahead.
        InFuture = "in_future",
    }
}

wire_enum! {
    /// Why a whole post was refused; the problem's type is `urn:classpulse:` + the name.
    Slug {
        /// 404
        NotFound = "not-found",
        /// 405
        Method = "method",
        /// 503, too much in flight
        Overloaded = "overloaded",
        /// 503, the edge cannot serve yet
        NotReady = "not-ready",
        /// 415
        MediaType = "media-type",
        /// 401
        NoToken = "no-token",
        /// 401
        BadToken = "bad-token",
        /// 401
        ExpiredToken = "expired-token",
        /// 403
        Revoked = "revoked",
        /// 403
        Suspended = "suspended",
        /// 403
        Retired = "retired",
        /// 503, good token, not in this edge's view yet
        UnknownDevice = "unknown-device",
        /// 429
        RateDevice = "rate-device",
        /// 429
        RateSchool = "rate-school",
        /// 413
        TooLarge = "too-large",
        /// 413
        TooManyEvents = "too-many-events",
        /// 400
        BadEncoding = "bad-encoding",
        /// 400
        BadJson = "bad-json",
        /// 400
        BadAvro = "bad-avro",
        /// 400
        BadEnvelope = "bad-envelope",
        /// 400
        NoEvents = "no-events",
        /// 400
        ClockSkew = "clock-skew",
        /// 503, delivery failed or timed out
        KafkaAway = "kafka-away",
    }
}

impl Slug {
    /// The HTTP status of the refusal.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Slug::NotFound => 404,
            Slug::Method => 405,
            Slug::MediaType => 415,
            Slug::NoToken | Slug::BadToken | Slug::ExpiredToken => 401,
            Slug::Revoked | Slug::Suspended | Slug::Retired => 403,
            Slug::RateDevice | Slug::RateSchool => 429,
            Slug::TooLarge | Slug::TooManyEvents => 413,
            Slug::BadEncoding
            | Slug::BadJson
            | Slug::BadAvro
            | Slug::BadEnvelope
            | Slug::NoEvents
            | Slug::ClockSkew => 400,
            Slug::Overloaded | Slug::NotReady | Slug::UnknownDevice | Slug::KafkaAway => 503,
        }
    }

    /// The label of `edge_posts_total{outcome}` that the refusal is counted under.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self.status() {
            400 | 404 | 405 | 415 => "bad_request",
            401 => "unauthorized",
            403 => "forbidden",
            413 => "too_large",
            429 => "limited",
            _ => "unavailable",
        }
    }
}
