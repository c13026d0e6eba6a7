//! Sets of device numbers, and counts against them.

use super::sums::DeviceSums;
use std::sync::Arc;

/// A set of dense device numbers, a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Adds a device.
    pub fn insert(&mut self, device_no: u32) {
        let word = device_no as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (device_no % 64);
    }

    /// Is a device in the set?
    #[must_use]
    pub fn contains(&self, device_no: u32) -> bool {
        self.0.get(device_no as usize / 64).is_some_and(|word| word >> (device_no % 64) & 1 == 1)
    }

    /// Adds all devices of another set.
    pub fn union(&mut self, other: &Bits) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }
}

/// The sets that devices in service on a day are counted against; none: not asked.
#[derive(Clone, Debug, Default)]
pub struct DeviceSets {
    /// With a session in the last 7 days.
    pub active7: Bits,
    /// With a session in the last 30 days.
    pub active30: Bits,
    /// Heard of just now; none where the day is not today.
    pub online: Option<Arc<Bits>>,
}

/// Counts devices in service against the sets.
#[must_use]
pub fn count(in_service: &[u32], sets: &DeviceSets) -> DeviceSums {
    let within = |set: &Bits| in_service.iter().filter(|no| set.contains(**no)).count() as u64;
    DeviceSums {
        in_service: in_service.len() as u64,
        active7: within(&sets.active7),
        active30: within(&sets.active30),
        online_now: sets.online.as_deref().map(within),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(devices: &[u32]) -> Bits {
        let mut bits = Bits::default();
        devices.iter().for_each(|no| bits.insert(*no));
        bits
    }

    #[test]
    fn counts_only_devices_in_service() {
        let mut month = bits(&[1, 64, 1000]);
        month.union(&bits(&[2, 5000]));
        let sets = DeviceSets { active7: bits(&[1, 5000]), active30: month, online: None };
        let sums = count(&[1, 2, 3, 64, 6000], &sets);
        assert_eq!(sums, DeviceSums { in_service: 5, active7: 1, active30: 3, online_now: None });
        let online = DeviceSets { online: Some(Arc::new(bits(&[3]))), ..DeviceSets::default() };
        assert_eq!(count(&[1, 2, 3], &online).online_now, Some(1));
    }
}
