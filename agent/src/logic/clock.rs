//! The server's time, as far as the agent knows it (CONTRACT section 2).
//!
//! Within a boot the agent stamps `wall at its start + monotonic time since + offset`. The first answer that tells the
//! server's time settles the offset of events **for the whole boot**: what was never sent is moved once, nothing ever
//! again, so that all copies of an event are identical and a boot's events keep their distances. The moment a request
//! leaves (`sent_at`) is not part of an event and follows every later answer.

/// When a request left and its answer came by the agent's clock, and what the server's clock said in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The agent's uncorrected clock when the request left, ms.
    pub left_ms: i64,
    /// The same when the answer came.
    pub came_ms: i64,
    /// `server_time` of the answer, ms.
    pub server_ms: i64,
}

/// The offset between the agent's wall clock and the server's.
#[derive(Clone, Debug)]
pub struct ServerClock {
    /// Added to the wall clock for `at` of this boot's events.
    event_offset_ms: i64,
    /// Added to the wall clock for `sent_at`.
    sending_offset_ms: i64,
    settled: bool,
}

impl ServerClock {
    /// The clock of a boot that has not been told the time. `sending_offset_ms` is the last one known from an
    /// earlier boot, or 0.
    #[must_use]
    pub fn new(sending_offset_ms: i64) -> ServerClock {
        ServerClock { event_offset_ms: 0, sending_offset_ms, settled: false }
    }

    /// The clock of a boot that was told the time before.
    #[must_use]
    pub fn settled(offset_ms: i64) -> ServerClock {
        ServerClock { event_offset_ms: offset_ms, sending_offset_ms: offset_ms, settled: true }
    }

    /// What is added to the wall clock for the `at` of this boot's events.
    #[must_use]
    pub fn event_offset_ms(&self) -> i64 {
        self.event_offset_ms
    }

    /// What is added to the wall clock for `sent_at`.
    #[must_use]
    pub fn sending_offset_ms(&self) -> i64 {
        self.sending_offset_ms
    }

    /// The server has told the time in this boot.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Takes what an answer says. Differences within half of the round trip plus `slack_ms` are noise: a right clock
    /// is never touched. Returns what the boot's never-sent events are to be moved by, 0 from the second answer on.
    pub fn learn(&mut self, sample: Sample, slack_ms: i64) -> i64 {
        let middle = sample.left_ms + (sample.came_ms - sample.left_ms) / 2;
        let measured = sample.server_ms - middle;
        let noise = (sample.came_ms - sample.left_ms).max(0) / 2 + slack_ms;
        if (measured - self.sending_offset_ms).abs() > noise {
            self.sending_offset_ms = if measured.abs() > noise { measured } else { 0 };
        }
        if std::mem::replace(&mut self.settled, true) {
            return 0;
        }
        self.event_offset_ms = self.sending_offset_ms;
        self.event_offset_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(wall_error_ms: i64, true_ms: i64) -> Sample {
        Sample { left_ms: true_ms + wall_error_ms, came_ms: true_ms + wall_error_ms + 200, server_ms: true_ms + 100 }
    }

    #[test]
    fn a_wrong_clock_is_corrected_once_for_events_and_always_for_sending() {
        let mut clock = ServerClock::new(0);
        assert_eq!(clock.learn(sample(420_000, 1_000_000), 2_000), -420_000);
        assert_eq!((clock.event_offset_ms(), clock.sending_offset_ms()), (-420_000, -420_000));
        assert_eq!(clock.learn(sample(900_000, 2_000_000), 2_000), 0, "frozen for the boot");
        assert_eq!((clock.event_offset_ms(), clock.sending_offset_ms()), (-420_000, -900_000));
    }

    #[test]
    fn a_right_clock_is_never_touched() {
        let mut clock = ServerClock::new(0);
        let late = Sample { left_ms: 0, came_ms: 8_000, server_ms: 7_900 };
        assert_eq!(clock.learn(late, 2_000), 0);
        assert_eq!((clock.event_offset_ms(), clock.sending_offset_ms()), (0, 0));
        assert!(clock.is_settled());
    }

    #[test]
    fn a_known_offset_moves_the_events_of_a_new_boot() {
        let mut clock = ServerClock::new(-420_000);
        assert_eq!(clock.event_offset_ms(), 0, "not before the server says so");
        assert_eq!(clock.learn(sample(420_000, 0), 2_000), -420_000);
    }
}
