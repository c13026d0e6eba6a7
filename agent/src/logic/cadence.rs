//! How often an agent samples.
//!
//! Online: a heartbeat every 5 min and a burst every 10 min of on-time (METRICS section 4). An agent that has not
//! reached the edge for an hour thins out, so that a spool of weeks stays small: spans lose nothing, because each
//! heartbeat asserts whole intervals, and 20 bursts in a school day are still enough for a verdict.

/// Gaps between samples while the device is on, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Between heartbeats.
    pub heartbeat_ms: i64,
    /// Between bursts.
    pub burst_ms: i64,
}

impl Cadence {
    /// The edge is in reach.
    pub const ONLINE: Cadence = Cadence { heartbeat_ms: 300_000, burst_ms: 600_000 };
    /// The edge has been out of reach for long.
    pub const OFFLINE: Cadence = Cadence { heartbeat_ms: 1_200_000, burst_ms: 1_500_000 };
    /// Out of reach for this long is long.
    pub const OFFLINE_AFTER_MS: i64 = 3_600_000;

    /// The cadence of an agent that last reached the edge `silence_ms` ago.
    #[must_use]
    pub fn after_silence(silence_ms: i64) -> Cadence {
        if silence_ms >= Cadence::OFFLINE_AFTER_MS { Cadence::OFFLINE } else { Cadence::ONLINE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silence_thins_and_still_allows_a_verdict() {
        assert_eq!(Cadence::after_silence(3_599_999), Cadence::ONLINE);
        assert_eq!(Cadence::after_silence(3_600_000), Cadence::OFFLINE);
        let school_hours_ms = (18 * 60 - (7 * 60 + 30)) * 60_000;
        assert!(school_hours_ms / Cadence::OFFLINE.burst_ms >= 20);
    }
}
