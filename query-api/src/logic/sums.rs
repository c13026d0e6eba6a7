//! The counts that figures are divided from; they add up over schools, days and devices (METRICS section 7.1).

use super::percentile::Histogram;
use schemas::definitions::BUCKETS;

/// Denominators: from the roster, silent schools included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterSums {
    /// School-days known, of either kind.
    pub rows: u64,
    /// Of these: school days.
    pub school_day_rows: u64,
    /// In-service device-days on school days.
    pub in_service: u64,
    /// Class-days with a device in service.
    pub classes: u64,
    /// School-days with a device in service.
    pub schools: u64,
    /// In-service devices x timetabled lessons.
    pub lesson_slots: u64,
}

/// Numerators of the ledger `activity`, of devices in service on school days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivitySums {
    /// Device-days with at least one activity event.
    pub reporting: u64,
    /// Device-days on for at least 5 min.
    pub powered: u64,
    /// Used device-days.
    pub used: u64,
    /// Class-days with a used device.
    pub classes_used: u64,
    /// School-days with a used device.
    pub schools_used: u64,
    /// On-time, seconds.
    pub on_s: u64,
    /// Active time, seconds.
    pub active_s: u64,
    /// Lessons in use.
    pub lessons_used: u64,
    /// Ten-minute slots on within school hours.
    pub online_slots: u64,
}

/// Numerators of the ledger `network`, of devices in service on school days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkSums {
    /// Device-days with verdict pass.
    pub pass: u64,
    /// Device-days with verdict fail.
    pub fail: u64,
    /// Outage bursts.
    pub outage: u64,
    /// Partial bursts.
    pub partial: u64,
    /// Valid bursts.
    pub valid: u64,
    /// Probes lost.
    pub lost: u64,
    /// Probes sent.
    pub sent: u64,
    /// Idle bursts by latency.
    pub latency: Histogram,
    /// Idle bursts by jitter.
    pub jitter: Histogram,
}

/// Counts of distinct devices in service on `to`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceSums {
    /// Devices in service on `to`.
    pub in_service: u64,
    /// Of these: with a session in the 7 days ending with `to`.
    pub active7: u64,
    /// The same for 30 days.
    pub active30: u64,
    /// Of these: heard of just now; none where `to` is not today.
    pub online_now: Option<u64>,
}

/// Everything that figures of one unit, day or device are divided from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Denominators.
    pub roster: RosterSums,
    /// Activity.
    pub activity: ActivitySums,
    /// Network.
    pub network: NetworkSums,
    /// Distinct devices.
    pub devices: DeviceSums,
}

impl Sums {
    /// Adds another unit's counts.
    pub fn add(&mut self, other: &Sums) {
        self.roster.add(&other.roster);
        self.activity.add(&other.activity);
        self.network.add(&other.network);
        self.devices.add(&other.devices);
    }
}

impl RosterSums {
    /// Adds another unit's counts.
    pub fn add(&mut self, other: &RosterSums) {
        self.rows += other.rows;
        self.school_day_rows += other.school_day_rows;
        self.in_service += other.in_service;
        self.classes += other.classes;
        self.schools += other.schools;
        self.lesson_slots += other.lesson_slots;
    }
}

impl ActivitySums {
    /// Adds another unit's counts.
    pub fn add(&mut self, other: &ActivitySums) {
        self.reporting += other.reporting;
        self.powered += other.powered;
        self.used += other.used;
        self.classes_used += other.classes_used;
        self.schools_used += other.schools_used;
        self.on_s += other.on_s;
        self.active_s += other.active_s;
        self.lessons_used += other.lessons_used;
        self.online_slots += other.online_slots;
    }
}

impl NetworkSums {
    /// Adds another unit's counts.
    pub fn add(&mut self, other: &NetworkSums) {
        self.pass += other.pass;
        self.fail += other.fail;
        self.outage += other.outage;
        self.partial += other.partial;
        self.valid += other.valid;
        self.lost += other.lost;
        self.sent += other.sent;
        add_histogram(&mut self.latency, &other.latency);
        add_histogram(&mut self.jitter, &other.jitter);
    }
}

impl DeviceSums {
    /// Adds another unit's counts.
    pub fn add(&mut self, other: &DeviceSums) {
        self.in_service += other.in_service;
        self.active7 += other.active7;
        self.active30 += other.active30;
        if let Some(online) = other.online_now {
            *self.online_now.get_or_insert(0) += online;
        }
    }
}

/// A histogram from a column; missing buckets are empty, surplus ones are left out.
#[must_use]
pub fn histogram(column: &[u64]) -> Histogram {
    let mut histogram = [0; BUCKETS];
    for (bucket, count) in histogram.iter_mut().zip(column) {
        *bucket = *count;
    }
    histogram
}

fn add_histogram(to: &mut Histogram, from: &Histogram) {
    for (bucket, count) in to.iter_mut().zip(from) {
        *bucket += count;
    }
}
