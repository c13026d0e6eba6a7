//! The network of one device on one day: bursts by class, probes, histograms, verdict (METRICS sections 4, 10.8, 10.9).

use super::bounds::{Applied, Bounds, OverBound};
use super::marks::Marks;
use super::seen::Seen;
use super::touch::second_of_day;
use schemas::definitions::{BUCKETS, Definitions};
use schemas::event::Burst;
use schemas::rows::verdict;
use uuid::Uuid;

/// A ratio of integers, kept apart so that comparisons are exact; in microseconds when divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Sum of the two middle values, or of the differences.
    pub sum: u64,
    /// 2, or the number of pairs.
    pub parts: u64,
}

impl Ratio {
    /// Strictly below `limit` microseconds.
    #[must_use]
    pub fn is_below(self, limit: u64) -> bool {
        self.sum < limit * self.parts
    }

    /// The histogram bucket `[lower, upper)` it lies in.
    #[must_use]
    pub fn bucket(self, edges_ms: &[u32; BUCKETS]) -> usize {
        let above = edges_ms.partition_point(|edge| u64::from(*edge) * 1000 * self.parts <= self.sum);
        above.saturating_sub(1)
    }
}

/// What a burst that was not busy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// Probes, invalid ones left out.
    pub sent: u32,
    /// Of these: lost.
    pub lost: u32,
    /// RTT <= 0 or above the limit.
    pub invalid: u32,
    /// Median of the received RTTs; `None` if too few.
    pub latency: Option<Ratio>,
    /// Mean difference of adjacent received RTTs; `None` if too few pairs.
    pub jitter: Option<Ratio>,
}

impl Probes {
    /// Evaluates the round trips of a burst, in sequence order; `None` is a lost probe.
    #[must_use]
    pub fn of(rtt_us: &[Option<i32>], definitions: &Definitions) -> Probes {
        let valid = |rtt: &i32| (1..=definitions.rtt_max_us).contains(rtt);
        let mut received: smallvec::SmallVec<[u32; 64]> = smallvec::SmallVec::new();
        let (mut lost, mut invalid, mut pairs, mut sum) = (0, 0, 0, 0);
        let mut before: Option<u32> = None;
        for rtt in rtt_us {
            // A lost or an invalid probe breaks the pair on both of its sides.
            let now = rtt.filter(valid).map(i32::unsigned_abs);
            if let (Some(a), Some(b)) = (before, now) {
                sum += u64::from(a.abs_diff(b));
                pairs += 1;
            }
            received.extend(now);
            lost += u32::from(rtt.is_none());
            invalid += u32::from(rtt.is_some() && now.is_none());
            before = now;
        }
        let enough = received.len() as u64 >= u64::from(definitions.latency_min_received);
        Probes {
            sent: received.len() as u32 + lost,
            lost,
            invalid,
            latency: if enough { doubled_median(&mut received).map(|sum| Ratio { sum, parts: 2 }) } else { None },
            jitter: (pairs > 0 && pairs >= u64::from(definitions.jitter_min_pairs))
                .then_some(Ratio { sum, parts: pairs }),
        }
    }

    /// Probes were sent and none came back.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        self.sent > 0 && self.lost == self.sent
    }
}

/// Twice the median: the sum of the two middle values, or of the middle value with itself.
fn doubled_median(values: &mut [u32]) -> Option<u64> {
    values.sort_unstable();
    let n = values.len();
    Some(u64::from(*values.get(n.checked_sub(1)? / 2)?) + u64::from(*values.get(n / 2)?))
}

/// Ledger of a device-day on stream network; counters are those of table `network_day`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "counters are documented in the DDL under the same name")]
pub struct NetworkDay {
    pub class_no: u32,
    pub in_service: bool,
    pub ver: u32,
    pub bursts: u16,
    pub busy: u16,
    pub outage: u16,
    pub partial: u16,
    pub valid: u16,
    pub judged: u16,
    pub latency_ok: u16,
    pub jitter_ok: u16,
    pub probes_sent: u32,
    pub probes_lost: u32,
    pub probes_invalid: u32,
    pub latency_hist: [u16; BUCKETS],
    pub jitter_hist: [u16; BUCKETS],
    pub last_received_ms: i64,
    pub seen: Seen,
    pub marks: Marks,
}

impl NetworkDay {
    /// Folds a burst whose `at` is in the day. Changes nothing if the row holds it already, or if it would go beyond
    /// a bound.
    pub fn apply(
        &mut self,
        boot: Uuid,
        burst: &Burst,
        received_at_ms: i64,
        definitions: &Definitions,
        bounds: &Bounds,
    ) -> Applied {
        if self.seen.contains(boot, burst.seq) {
            return Applied::Duplicate;
        }
        let ranges = self.seen.ranges();
        if ranges >= bounds.seen_ranges
            && ranges.saturating_add_signed(self.seen.growth(boot, burst.seq)) > bounds.seen_ranges
        {
            return Applied::OverBound(OverBound::SeenRanges);
        }
        // All other u16 counters count bursts; 64 probes of 65,535 bursts fit their u32.
        if self.bursts == u16::MAX {
            return Applied::OverBound(OverBound::Counter);
        }
        self.seen.insert(boot, burst.seq);
        self.ver += 1;
        self.bursts += 1;
        self.last_received_ms = self.last_received_ms.max(received_at_ms);
        if burst.busy {
            self.busy += 1;
        } else {
            self.count_idle(burst, definitions);
        }
        Applied::Folded
    }

    /// Whether the connection of the day held (METRICS section 4).
    #[must_use]
    pub fn verdict(&self, definitions: &Definitions) -> i8 {
        let judged = u32::from(self.judged);
        let mostly = |good: u16| u32::from(good) * 10 >= definitions.verdict_share_tenths * judged;
        if judged < definitions.verdict_min_judged {
            verdict::UNKNOWN
        } else if mostly(self.latency_ok) && mostly(self.jitter_ok) {
            verdict::PASS
        } else {
            verdict::FAIL
        }
    }

    fn count_idle(&mut self, burst: &Burst, definitions: &Definitions) {
        let probes = Probes::of(&burst.rtt_us, definitions);
        self.probes_sent += probes.sent;
        self.probes_lost += probes.lost;
        self.probes_invalid += probes.invalid;
        let edges = &definitions.histogram_edges_ms;
        if let Some(latency) = probes.latency {
            self.latency_hist[latency.bucket(edges)] += 1;
        }
        if let Some(jitter) = probes.jitter {
            self.jitter_hist[jitter.bucket(edges)] += 1;
        }
        match (probes.is_outage(), probes.latency, probes.jitter) {
            (true, ..) => self.outage += 1,
            (false, Some(_), Some(_)) => self.valid += 1,
            _ => {
                self.partial += 1;
                return;
            }
        }
        self.judge(burst.at_ms, &probes, definitions);
    }

    /// Counts a valid burst or an outage towards the verdict; an outage has neither latency nor jitter and fails both.
    fn judge(&mut self, at_ms: i64, probes: &Probes, definitions: &Definitions) {
        let (from, until) = definitions.school_hours;
        if (from..until).contains(&second_of_day(at_ms)) {
            self.judged += 1;
            let ok = |ratio: Option<Ratio>, limit| u16::from(ratio.is_some_and(|ratio| ratio.is_below(limit)));
            self.latency_ok += ok(probes.latency, definitions.latency_limit_us);
            self.jitter_ok += ok(probes.jitter, definitions.jitter_limit_us);
        }
    }
}

#[cfg(test)]
mod tests;
