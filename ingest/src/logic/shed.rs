//! Sheds load by latency: while even the fastest acknowledgement of a window is slow, a queue stands, and a growing
//! share of posts is refused.

/// When to shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shedding {
    /// A window whose fastest acknowledgement took longer is a bad one, ms.
    pub target_ms: u64,
    /// Length of a window, ms.
    pub window_ms: u64,
}

/// Sixteenths of posts that are refused at most: some must pass, to find out when it is over.
const MOST: u32 = 14;
/// Sixteenths added by a bad window; a good one takes away half of what is there.
const STEP: u32 = 2;

/// The state of shedding, driven by its caller.
#[derive(Clone, Copy, Debug)]
pub struct Shedder {
    config: Shedding,
    window_end_ms: u64,
    fastest_ms: Option<u64>,
    sixteenths: u32,
    turn: u32,
}

impl Shedder {
    /// Sheds nothing yet.
    #[must_use]
    pub const fn new(config: Shedding) -> Shedder {
        Shedder { config, window_end_ms: 0, fastest_ms: None, sixteenths: 0, turn: 0 }
    }

    /// Notes how long a post waited for its acknowledgement.
    pub fn acknowledged(&mut self, now_ms: u64, waited_ms: u64) {
        self.roll(now_ms);
        self.fastest_ms = Some(self.fastest_ms.map_or(waited_ms, |fastest| fastest.min(waited_ms)));
    }

    /// Whether to refuse a post that has come.
    pub fn refuses(&mut self, now_ms: u64) -> bool {
        self.roll(now_ms);
        if self.sixteenths == 0 {
            return false;
        }
        self.turn = (self.turn + self.sixteenths) % 16;
        // Spread evenly: refused whenever the running sum passes a whole.
        self.turn < self.sixteenths
    }

    fn roll(&mut self, now_ms: u64) {
        if now_ms < self.window_end_ms {
            return;
        }
        let bad = self.fastest_ms.is_some_and(|fastest| fastest > self.config.target_ms);
        self.sixteenths = if bad { (self.sixteenths + STEP).min(MOST) } else { self.sixteenths / 2 };
        self.fastest_ms = None;
        self.window_end_ms = now_ms + self.config.window_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shedder() -> Shedder {
        Shedder::new(Shedding { target_ms: 400, window_ms: 100 })
    }

    fn refused(shedder: &mut Shedder, now_ms: u64) -> usize {
        (0..160).filter(|_| shedder.refuses(now_ms)).count()
    }

    #[test]
    fn a_standing_queue_sheds_a_growing_share_but_never_all() {
        let mut shedder = shedder();
        assert_eq!(refused(&mut shedder, 0), 0);
        shedder.acknowledged(50, 900);
        assert_eq!(refused(&mut shedder, 100), 20, "two sixteenths");
        for window in 1..20 {
            shedder.acknowledged(100 * window + 50, 900);
        }
        assert_eq!(refused(&mut shedder, 2000), 140, "fourteen sixteenths");
    }

    #[test]
    fn one_fast_acknowledgement_shows_that_no_queue_stands() {
        let mut shedder = shedder();
        for (now, waited) in [(10, 900), (20, 30), (30, 900)] {
            shedder.acknowledged(now, waited);
        }
        assert_eq!(refused(&mut shedder, 150), 0);
    }

    #[test]
    fn silence_ends_shedding() {
        let mut shedder = shedder();
        assert_eq!(refused(&mut shedder, 0), 0);
        shedder.acknowledged(50, 900);
        assert!(refused(&mut shedder, 100) > 0);
        assert!(refused(&mut shedder, 200) > 0);
        assert_eq!(refused(&mut shedder, 300), 0);
    }
}
