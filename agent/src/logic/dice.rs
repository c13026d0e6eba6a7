//! Deterministic dice: the same key throws the same numbers on every machine and in every version.

/// SplitMix64, started from a key. Written out here because the fleet's events must never change with a library.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a key, e.g. seed, device, day, purpose.
    #[must_use]
    pub fn of(key: &[u64]) -> Dice {
        let state = key.iter().fold(0x9E37_79B9_7F4A_7C15, |state, part| mix(state ^ mix(part.wrapping_add(state))));
        Dice(state)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// In `[from, to)`; `from` where that is empty.
    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        from + (self.unit() * (to - from).max(0) as f64) as i64
    }

    /// Exponentially distributed with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_key_never_change() {
        let mut dice = Dice::of(&[1, 2, 3]);
        assert_eq!(dice.bits(), Dice::of(&[1, 2, 3]).bits());
        assert_ne!(dice.bits(), Dice::of(&[1, 3, 2]).bits());
        assert_ne!(Dice::of(&[0]).bits(), Dice::of(&[0, 0]).bits());
    }

    #[test]
    fn they_are_spread_as_promised() {
        let mut dice = Dice::of(&[7]);
        let n = 20_000;
        let hits = (0..n).filter(|_| dice.chance(0.3)).count();
        assert!((hits as f64 / f64::from(n) - 0.3).abs() < 0.02);
        assert!((0..n).all(|_| (-5..5).contains(&dice.within(-5, 5))));
        assert_eq!(dice.within(4, 4), 4);
        let mean = (0..n).map(|_| dice.exponential(2.0)).sum::<f64>() / f64::from(n);
        assert!((mean - 2.0).abs() < 0.1);
    }
}
