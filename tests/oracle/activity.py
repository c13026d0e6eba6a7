"""A device's day on stream activity: one bit per second for on, active and each app (METRICS sections 3 and 10)."""

from definitions import runs, seconds

DAY_S, ZONE_MS = 86_400, 8 * 3_600_000
GAP_S, USE_S, LESSON_S, POWER_S = 300, 600, 600, 300


def day_of(ms):
    return (ms + ZONE_MS) // (DAY_S * 1000)


def placed(at_ms, span):
    """A span before `at`, both ends floored to seconds, as (day, first second, second after the last), cut at midnight."""
    first = (at_ms - span[0] + ZONE_MS) // 1000
    last = (at_ms - span[1] + ZONE_MS) // 1000
    while first < last:
        day = first // DAY_S
        end = min(last, (day + 1) * DAY_S)
        yield day, first - day * DAY_S, end - day * DAY_S
        first = end


def assertions(event):
    """What a heartbeat asserts: {day: {(what, app): spans}}; a power event asserts nothing."""
    found = {}
    spans = [(("on", ""), span) for span in event.body.get("on", ())]
    spans += [(("active", ""), span) for span in event.body.get("active", ())]
    spans += [(("app", app["app"]), span) for app in event.body.get("apps", ()) for span in app["spans"]]
    for key, span in spans:
        for day, begin, end in placed(event.at_ms, span):
            found.setdefault(day, {}).setdefault(key, set()).add((begin, end))
    return found


class ActivityDay:
    """One device, one day."""

    __slots__ = ("events", "seen", "spans", "received_ms", "heartbeat_ms", "_row", "_bits")

    def __init__(self):
        self.events, self.received_ms, self.heartbeat_ms = 0, 0, 0
        self.seen, self.spans = {}, {}
        self._row = self._bits = None

    def fold(self, event, spans, own):
        """Takes an event in, once. `own`: its `at` is in this day."""
        numbers = self.seen.setdefault(event.boot_id, set())
        if event.seq in numbers:
            return
        numbers.add(event.seq)
        self.events += own
        self.received_ms = max(self.received_ms, event.received_ms or 0)
        if event.type == "heartbeat":
            self.heartbeat_ms = max(self.heartbeat_ms, event.received_ms or 0)
        for key, wanted in spans.items():
            self.spans.setdefault(key, set()).update(wanted)

    @property
    def ver(self):
        return sum(len(numbers) for numbers in self.seen.values())

    def bits(self, *key):
        found = 0
        for begin, end in self.spans.get(key, ()):
            found |= seconds(begin, end)
        return found

    def row(self, bells):
        """The columns of `device_day` and what school rows need, made once."""
        if self._row is None:
            self._row = self._make(bells)
        return self._row

    def _make(self, bells):
        on, asserted = self.bits("on", ""), self.bits("active", "")
        active = asserted & on
        sessions = joined(runs(on))
        apps = {app: self.bits("app", app) for what, app in sorted(self.spans) if what == "app"}
        on_s, active_s = on.bit_count(), active.bit_count()
        in_use = [(active & seconds(*bell)).bit_count() >= LESSON_S for bell in bells]
        boots = sorted(self.seen)
        return {
            "ver": self.ver,
            "events": self.events,
            "on_s": on_s,
            "active_s": active_s,
            "sessions": len(sessions),
            "lessons": sum(1 << index for index, used in enumerate(in_use) if used),
            "used": int(active_s >= USE_S),
            "first_s": (on & -on).bit_length() - 1 if on else None,
            "last_s": on.bit_length() - 1 if on else None,
            "on_spans": flat(runs(on)),
            "active_spans": flat(runs(asserted)),
            "session_spans": flat(sessions),
            "app_ids": list(apps),
            "app_s": [(bits & active).bit_count() for bits in apps.values()],
            "app_spans": [flat(runs(bits)) for bits in apps.values()],
            "seen_boots": boots,
            "seen_ranges": [ranges(self.seen[boot]) for boot in boots],
            "online": slots(runs(on)),
            "active": slots(runs(active)),
        }


def joined(spans):
    """Sessions: on-intervals joined over gaps of at most five minutes."""
    found = []
    for begin, end in spans:
        if found and begin - found[-1][1] <= GAP_S:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def flat(spans):
    return [second for span in spans for second in span]


def slots(spans):
    """The ten-minute slots of the day with at least one of the seconds."""
    return {slot for begin, end in spans for slot in range(begin // 600, (end - 1) // 600 + 1)}


def ranges(numbers):
    """A set of numbers as inclusive ranges [first, last, ...]."""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1] + 1:
            found[-1] = number
        else:
            found += [number, number]
    return found
