//! A set of seconds of a day: one bit for each.

use schemas::time::DAY_S;

const WORDS: usize = DAY_S as usize / 64;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seconds(Box<[u64]>);

impl Default for Seconds {
    fn default() -> Seconds {
        Seconds(vec![0; WORDS].into_boxed_slice())
    }
}

/// The bits of word `word` that lie in `[from, to)`.
fn mask(word: usize, from: u32, to: u32) -> u64 {
    let start = word as u32 * 64;
    let upto = |second: u32| match second.saturating_sub(start) {
        0 => 0,
        bits if bits >= 64 => u64::MAX,
        bits => (1 << bits) - 1,
    };
    upto(to) & !upto(from)
}

fn words(from: u32, to: u32) -> std::ops::Range<usize> {
    from as usize / 64..(to as usize).div_ceil(64)
}

impl Seconds {
    /// Sets the seconds of `[from, to)`.
    pub fn mark(&mut self, from: u32, to: u32) {
        words(from, to).for_each(|word| self.0[word] |= mask(word, from, to));
    }

    /// The seconds that are in both sets.
    #[must_use]
    pub fn and(&self, other: &Seconds) -> Seconds {
        Seconds(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// How many there are in `[from, to)`.
    #[must_use]
    pub fn count_in(&self, from: u32, to: u32) -> u32 {
        words(from, to).map(|word| (self.0[word] & mask(word, from, to)).count_ones()).sum()
    }

    /// The maximal runs, `[from, to, from, to, …]`.
    #[must_use]
    pub fn runs(&self) -> Vec<u32> {
        let mut runs = Vec::new();
        let mut before = 0;
        for (word, bits) in self.0.iter().enumerate() {
            // A bit is set where the second differs from the one before it.
            let mut edges = bits ^ (bits << 1 | before);
            before = bits >> 63;
            while edges != 0 {
                runs.push(word as u32 * 64 + edges.trailing_zeros());
                edges &= edges - 1;
            }
        }
        if before == 1 {
            runs.push(DAY_S);
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_what_was_marked() {
        let mut set = Seconds::default();
        for (from, to) in [(0, 1), (63, 65), (65, 128), (200, 201), (86_000, 86_400)] {
            set.mark(from, to);
        }
        assert_eq!(set.runs(), [0, 1, 63, 128, 200, 201, 86_000, 86_400]);
        assert_eq!((set.count(), set.count_in(64, 200), set.count_in(127, 86_001)), (467, 64, 3));
        let mut other = Seconds::default();
        other.mark(100, 86_010);
        assert_eq!(set.and(&other).runs(), [100, 128, 200, 201, 86_000, 86_010]);
    }
}
