"""The statistics of docs/metrics.md, computed again: one bit per second of the day, exact fractions, no shortcuts.

Written from METRICS and CONTRACT alone. Events are the dictionaries that were posted, with `at_ms` beside `at`.
"""

from fractions import Fraction

DAY_S = 86_400
ZONE_MS = 8 * 3_600_000
EDGES_MS = [0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000, 3000]
DEFAULT_BELLS = [
    (28_800, 31_200), (31_800, 34_200), (36_000, 38_400), (39_000, 41_400),
    (50_400, 52_800), (53_400, 55_800), (57_000, 59_400), (60_000, 62_400),
]
SCHOOL_HOURS = (27_000, 64_800)
GAP_S, USE_S, LESSON_S, POWER_S = 300, 600, 600, 300


def local(ms):
    """Day and second of the day, by local time."""
    second = (ms + ZONE_MS) // 1000
    return second // DAY_S, second % DAY_S


def day_of(ms):
    return local(ms)[0]


def seconds(begin, end):
    """The bits of the seconds [begin, end)."""
    return ((1 << (end - begin)) - 1) << begin if end > begin else 0


def runs(bits):
    """The maximal runs of set bits as (begin, end)."""
    begin = 0
    while bits:
        zeros = (bits & -bits).bit_length() - 1
        bits >>= zeros
        ones = ((bits + 1) & ~bits).bit_length() - 1
        yield begin + zeros, begin + zeros + ones
        bits >>= ones
        begin += zeros + ones


def pieces(event, span):
    """A span as {day: bits}: both ends floored to seconds, cut at local midnight."""
    first = (event["at_ms"] - span[0] + ZONE_MS) // 1000
    last = (event["at_ms"] - span[1] + ZONE_MS) // 1000
    found = {}
    while first < last:
        day, begin = divmod(first, DAY_S)
        end = min(last, (day + 1) * DAY_S)
        found[day] = seconds(begin, begin + end - first)
        first = end
    return found


class ActivityDay:
    """One device, one day, stream activity."""

    def __init__(self):
        self.events = self.ver = 0
        self.on = self.asserted = 0
        self.apps = {}

    @property
    def active(self):
        return self.asserted & self.on

    def sessions(self):
        joined = []
        for begin, end in runs(self.on):
            if joined and begin - joined[-1][1] <= GAP_S:
                joined[-1][1] = end
            else:
                joined.append([begin, end])
        return joined

    def lessons(self, bells):
        return [(self.active & seconds(*bell)).bit_count() >= LESSON_S for bell in bells]

    def row(self, bells):
        """The columns of `device_day` that the contract names."""
        on_s, active_s = self.on.bit_count(), self.active.bit_count()
        return {
            "ver": self.ver,
            "events": self.events,
            "on_s": on_s,
            "active_s": active_s,
            "sessions": len(self.sessions()),
            "lessons": sum(1 << index for index, used in enumerate(self.lessons(bells)) if used),
            "used": int(active_s >= USE_S),
            "first_s": (self.on & -self.on).bit_length() - 1 if self.on else None,
            "last_s": self.on.bit_length() - 1 if self.on else None,
            "session_spans": [second for session in self.sessions() for second in session],
            "apps": {app: (bits & self.active).bit_count() for app, bits in self.apps.items()},
        }


def fold_activity(events):
    """{day: ActivityDay} of one device's distinct activity events."""
    days = {}
    for event in events:
        own = day_of(event["at_ms"])
        touched = {own}
        for kind in ("on", "active"):
            for span in event.get(kind, []):
                for day, bits in pieces(event, span).items():
                    touched.add(day)
                    row = days.setdefault(day, ActivityDay())
                    if kind == "on":
                        row.on |= bits
                    else:
                        row.asserted |= bits
        for app in event.get("apps", []):
            for span in app["spans"]:
                for day, bits in pieces(event, span).items():
                    touched.add(day)
                    apps = days.setdefault(day, ActivityDay()).apps
                    apps[app["app"]] = apps.get(app["app"], 0) | bits
        for day in touched:
            days.setdefault(day, ActivityDay()).ver += 1
        days[own].events += 1
    return days


def judge_burst(event):
    """Latency and jitter in microseconds as fractions or None, and the counts of one burst."""
    probes = event["rtt_us"]
    invalid = [r is not None and (r <= 0 or r > 3_000_000) for r in probes]
    good = [r for r, bad in zip(probes, invalid) if r is not None and not bad]
    ordered = sorted(good)
    middle = len(ordered) // 2
    latency = jitter = None
    if len(ordered) >= 10:
        latency = Fraction(ordered[middle]) if len(ordered) % 2 else Fraction(ordered[middle - 1] + ordered[middle], 2)
    pairs = []
    for (a, bad_a), (b, bad_b) in zip(zip(probes, invalid), list(zip(probes, invalid))[1:]):
        if a is not None and b is not None and not bad_a and not bad_b:
            pairs.append(abs(b - a))
    if len(pairs) >= 8:
        jitter = Fraction(sum(pairs), len(pairs))
    sent = len(probes) - sum(invalid)
    return {"latency": latency, "jitter": jitter, "sent": sent, "lost": sent - len(good), "invalid": sum(invalid)}


def bucket(microseconds):
    return max(index for index, edge in enumerate(EDGES_MS) if microseconds >= edge * 1000)


NETWORK_COUNTS = [
    "bursts", "busy", "outage", "partial", "valid", "probes_sent", "probes_lost", "probes_invalid",
    "judged", "latency_ok", "jitter_ok",
]


def fold_network(bursts):
    """{day: row of `network_day`} of one device's distinct bursts."""
    days = {}
    for event in bursts:
        day, second = local(event["at_ms"])
        row = days.setdefault(day, dict.fromkeys(NETWORK_COUNTS, 0) | {"latency_hist": [0] * 22, "jitter_hist": [0] * 22})
        row["bursts"] += 1
        if event["busy"]:
            row["busy"] += 1
            continue
        burst = judge_burst(event)
        row["probes_sent"] += burst["sent"]
        row["probes_lost"] += burst["lost"]
        row["probes_invalid"] += burst["invalid"]
        for figure in ("latency", "jitter"):
            if burst[figure] is not None:
                row[f"{figure}_hist"][bucket(burst[figure])] += 1
        outage = burst["sent"] > 0 and burst["lost"] == burst["sent"]
        valid = not outage and burst["latency"] is not None and burst["jitter"] is not None
        row["outage" if outage else "valid" if valid else "partial"] += 1
        if (outage or valid) and SCHOOL_HOURS[0] <= second < SCHOOL_HOURS[1]:
            row["judged"] += 1
            row["latency_ok"] += int(valid and burst["latency"] < 30_000)
            row["jitter_ok"] += int(valid and burst["jitter"] < 5_000)
    for row in days.values():
        row["verdict"] = verdict(row)
    return days


def verdict(row):
    if row["judged"] < 10:
        return "unknown"
    good = all(10 * row[key] >= 9 * row["judged"] for key in ("latency_ok", "jitter_ok"))
    return "pass" if good else "fail"


def slots(bits):
    """The ten-minute slots of the day in which at least one bit is set."""
    slot = seconds(0, 600)
    return [int(bool(bits >> (600 * k) & slot)) for k in range(144)]


# Figures that are a quotient: which sums are numerator and denominator.
RATIOS = {
    "usage_rate": ("used", "in_service"),
    "class_usage_rate": ("classes_used", "classes"),
    "school_usage_rate": ("schools_used", "schools"),
    "power_on_rate": ("powered", "in_service"),
    "online_rate": ("online_slots", "possible_slots"),
    "reporting_rate": ("reporting", "in_service"),
    "lesson_usage_rate": ("lessons_used", "lessons"),
    "avg_active_s": ("active_s", "in_service"),
    "avg_active_s_reporting": ("active_s", "reporting"),
    "avg_on_s": ("on_s", "in_service"),
    "network_pass_rate": ("pass", "in_service"),
    "network_known_share": ("known", "in_service"),
    "loss_rate": ("probes_lost", "probes_sent"),
    "outage_rate": ("outage", "idle"),
}


def percentile(histogram, per_mille):
    """Nearest rank, interpolated inside its bucket, in ms; None without bursts."""
    n = sum(histogram)
    if n == 0:
        return None
    rank = (per_mille * n + 999) // 1000
    before = 0
    for index, count in enumerate(histogram):
        if before + count >= rank:
            lower = EDGES_MS[index]
            if index + 1 == len(EDGES_MS):
                return float(lower)
            return lower + (EDGES_MS[index + 1] - lower) * (rank - before) / count
        before += count
    raise AssertionError("unreachable")
