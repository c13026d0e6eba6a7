//! Bounds of a device-day, so that memory and rows stay bounded under any input (DESIGN section 4).

/// What a device-day may hold at most. An event that would go beyond goes to the dead-letter topic instead, is
/// counted there, and does not stand in `seen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Ranges in `seen`, over all boots.
    pub seen_ranges: usize,
    /// United intervals of on, active and apps together.
    pub intervals: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { seen_ranges: 4096, intervals: 4096 }
    }
}

/// Which bound an event would go beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBound {
    /// See [`Bounds::seen_ranges`].
    #[error("the device-day's seen set would have too many ranges")]
    SeenRanges,
    /// See [`Bounds::intervals`].
    #[error("the device-day would have too many intervals")]
    Intervals,
    /// A counter's column would overflow.
    #[error("a counter of the device-day would overflow its column")]
    Counter,
}

/// What became of an event in one device-day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was new, and is in the row now.
    Folded,
    /// It was in the row; nothing changed.
    Duplicate,
    /// It would go beyond a bound; nothing changed.
    OverBound(OverBound),
    /// A correction put the day elsewhere; nothing changed, and the event has to be sent on.
    Away,
}
