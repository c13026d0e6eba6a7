"""Compares the tables with the ledger, every column of every row."""

from activity import assertions, day_of
from events import moment
from network import COUNTS

PLACE = ("division", "school_no", "class_no", "in_service")
DEVICE = (
    *PLACE, "ver", "events", "on_s", "active_s", "sessions", "lessons", "used", "first_s", "last_s", "on_spans",
    "active_spans", "session_spans", "app_ids", "app_s", "app_spans", "seen_boots", "seen_ranges",
)
NETWORK = (*PLACE, "ver", *COUNTS, "verdict", "latency_hist", "jitter_hist", "seen_boots", "seen_ranges")
SCHOOL = (
    "ver", "reporting", "powered", "used", "classes_used", "on_s", "active_s", "active_s_reporting", "lessons_used",
    "online", "active", "reporting_unlisted", "session_devices",
)
SCHOOL_NETWORK = ("ver", "pass", "fail", "unknown", *COUNTS[:8], "latency_hist", "jitter_hist")
ROSTER = ("in_service", "classes", "school_day", "lessons", "in_service_devices")
DEVICE_KEY, SCHOOL_KEY = ("device_no", "day"), ("division", "school_no", "day")
READ_AS = {
    "day": "toInt32(day)", "verdict": "toString(verdict)", "seen_boots": "arrayMap(boot -> toString(boot), seen_boots)",
    "session_devices": "arraySort(session_devices)", "in_service_devices": "arraySort(in_service_devices)",
    "last_received": "toUnixTimestamp64Milli(last_received)",
}
SHOWN_EVENTS, SHOWN_DEVICES = 12, 4


class Difference:
    """What a row says, and what it must say."""

    def __init__(self, table, keys, key, what):
        self.table, self.key, self.what = table, key, what
        self.device_day = key if keys == DEVICE_KEY else None
        self.named = ", ".join(f"{name} {date(part) if name == 'day' else part}" for name, part in zip(keys, key))

    def __str__(self):
        return f"{self.table} {self.named}: {self.what}"


def date(day):
    return moment(day * 86_400_000)[:10]


def short(value):
    text = str(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


class Tables:
    """The tables of a running stack beside a ledger."""

    def __init__(self, stack, ledger, received):
        self.stack, self.ledger, self.received = stack, ledger, received
        self.rows = {}

    def differences(self):
        """Every difference of the five tables."""
        ledger = self.ledger
        devices = {key: ledger.device_row(key) | self.receipt(ledger.activity[key]) for key in ledger.activity}
        networks = {key: ledger.network_row(key) | self.receipt(ledger.network[key]) for key in ledger.network}
        receipt = ("last_received",) if self.received else ()
        found = self.compare("device_day", DEVICE_KEY, devices, (*DEVICE, *receipt))
        found += self.compare("network_day", DEVICE_KEY, networks, (*NETWORK, *receipt))
        found += self.compare("school_day", SCHOOL_KEY, ledger.school_days(), SCHOOL)
        found += self.compare("school_network_day", SCHOOL_KEY, ledger.school_network_days(), SCHOOL_NETWORK)
        return found

    def receipt(self, state):
        return {"last_received": state.received_ms} if self.received else {}

    def roster_differences(self, figures, first, last):
        """The denominators: one row per school and day."""
        expected = {
            (*place, day): roster_row(figures, place, day)
            for day in range(first, last + 1) for place in figures.places(day, day)
        }
        within = f" WHERE day BETWEEN toDate({first}) AND toDate({last})"
        return self.compare("roster_day", SCHOOL_KEY, expected, ROSTER, within)

    def compare(self, table, keys, expected, columns, where=""):
        """Rows of a view beside the expected ones, field by field."""
        wanted = [f"{READ_AS.get(name, name)} AS c_{name}" for name in dict.fromkeys((*keys, *columns))]
        told = {}
        for row in self.stack.rows(f"SELECT {', '.join(wanted)} FROM {table}_final{where}"):
            told[tuple(row[f"c_{name}"] for name in keys)] = row
        self.rows[table] = len(told)
        found = [Difference(table, keys, key, "missing") for key in expected.keys() - told.keys()]
        found += [Difference(table, keys, key, "no event says so") for key in told.keys() - expected.keys()]
        for key in expected.keys() & told.keys():
            row, must = told[key], expected[key]
            wrong = [name for name in columns if plain(row[f"c_{name}"]) != must[name]]
            found += [
                Difference(table, keys, key, f"{name} is {short(row[f'c_{name}'])}, must be {short(must[name])}")
                for name in wrong
            ]
        return found


def roster_row(figures, place, day):
    devices = figures.roster(day).get(place, {})
    return {
        "in_service": len(devices),
        "classes": len(set(devices.values()) - {0}),
        "school_day": int(figures.is_school_day(place, day)),
        "lessons": len(figures.registry.bells(place[1], day)),
        "in_service_devices": sorted(devices),
    }


def plain(value):
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def explain(source, found):
    """For the first differing device-days: the events that touch them."""
    days = list(dict.fromkeys(difference.device_day for difference in found if difference.device_day))[:SHOWN_DEVICES]
    if not days:
        return []
    lines = {key: [] for key in days}
    for event in source.events({device_no for device_no, _ in days}):
        own = day_of(event.at_ms)
        for day in {own, *(assertions(event) if event.type == "heartbeat" else ())}:
            if (event.device_no, day) in lines:
                lines[event.device_no, day].append((event.at_ms, event.told()))
    told = []
    for (device_no, day), events in lines.items():
        told.append(f"device {device_no}, {date(day)}: {len(events)} copies of events from {source.name} touch it")
        told += [f"  {short(text)}" for _, text in sorted(events)[:SHOWN_EVENTS]]
        told += [f"  … and {len(events) - SHOWN_EVENTS} more"] if len(events) > SHOWN_EVENTS else []
    return told
