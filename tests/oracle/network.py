"""A device's day of bursts, in whole microseconds (METRICS sections 4 and 10.8 to 10.9)."""

from bisect import bisect_right

from activity import DAY_S, ZONE_MS, ranges
from definitions import EDGES_MS, SCHOOL_HOURS

EDGES_US = [edge * 1000 for edge in EDGES_MS]
COUNTS = (
    "bursts", "busy", "outage", "partial", "valid", "probes_sent", "probes_lost", "probes_invalid",
    "judged", "latency_ok", "jitter_ok",
)
RTT_MAX_US, LATENCY_US, JITTER_US = 3_000_000, 30_000, 5_000


def bucket(microseconds):
    """Edges are whole microseconds, so the floor of a quotient lies in the same bucket as the quotient."""
    return bisect_right(EDGES_US, microseconds) - 1


def answered(probes):
    """The probes in their order, None in the place of those that were lost or came after an impossible time."""
    return [probe if probe is not None and 0 < probe <= RTT_MAX_US else None for probe in probes]


def latency_doubled(received):
    """Twice the median, from ten probes on."""
    if len(received) < 10:
        return None
    ordered, middle = sorted(received), len(received) // 2
    return 2 * ordered[middle] if len(received) % 2 else ordered[middle - 1] + ordered[middle]


def differences(good):
    """Of neighbours that were both answered; from eight on they make a jitter."""
    found = [abs(b - a) for a, b in zip(good, good[1:]) if a is not None and b is not None]
    return found if len(found) >= 8 else None


class NetworkDay:
    """One device, one day."""

    __slots__ = ("seen", "counted", "latency_hist", "jitter_hist", "received_ms", "_row")

    def __init__(self):
        self.seen, self.received_ms = {}, 0
        self.counted = dict.fromkeys(COUNTS, 0)
        self.latency_hist, self.jitter_hist = [0] * 22, [0] * 22
        self._row = None

    def fold(self, event):
        numbers = self.seen.setdefault(event.boot_id, set())
        if event.seq in numbers:
            return
        numbers.add(event.seq)
        self.received_ms = max(self.received_ms, event.received_ms or 0)
        self.counted["bursts"] += 1
        if event.body["busy"]:
            self.counted["busy"] += 1
        else:
            self.judge(event.body["rtt_us"], (event.at_ms + ZONE_MS) // 1000 % DAY_S)

    def judge(self, probes, second):
        """An idle burst."""
        counted = self.counted
        good = answered(probes)
        received = [probe for probe in good if probe is not None]
        lost = probes.count(None)
        counted["probes_sent"] += len(received) + lost
        counted["probes_lost"] += lost
        counted["probes_invalid"] += len(probes) - len(received) - lost
        latency, jitter = latency_doubled(received), differences(good)
        if latency is not None:
            self.latency_hist[bucket(latency // 2)] += 1
        if jitter is not None:
            self.jitter_hist[bucket(sum(jitter) // len(jitter))] += 1
        outage = lost > 0 and not received
        valid = latency is not None and jitter is not None
        counted["outage" if outage else "valid" if valid else "partial"] += 1
        if (outage or valid) and SCHOOL_HOURS[0] <= second < SCHOOL_HOURS[1]:
            counted["judged"] += 1
            counted["latency_ok"] += int(valid and latency < 2 * LATENCY_US)
            counted["jitter_ok"] += int(valid and sum(jitter) < JITTER_US * len(jitter))

    def verdict(self):
        judged = self.counted["judged"]
        if judged < 10:
            return "unknown"
        return "pass" if all(10 * self.counted[good] >= 9 * judged for good in ("latency_ok", "jitter_ok")) else "fail"

    def row(self):
        """The columns of `network_day`, made once."""
        if self._row is None:
            boots = sorted(self.seen)
            self._row = self.counted | {
                "ver": sum(len(numbers) for numbers in self.seen.values()),
                "verdict": self.verdict(),
                "latency_hist": self.latency_hist,
                "jitter_hist": self.jitter_hist,
                "seen_boots": boots,
                "seen_ranges": [ranges(self.seen[boot]) for boot in boots],
            }
        return self._row
