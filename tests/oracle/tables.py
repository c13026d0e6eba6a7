"""Compares the tables with the ledger, every column of every row."""

from activity import assertions, day_of
from events import FOLDED, moment
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
    "last_heartbeat": "toUnixTimestamp64Milli(last_heartbeat)",
}
SHOWN_EVENTS, SHOWN_ROWS = 8, 4


class Difference:
    """What a row says, and what it must say."""

    def __init__(self, table, keys, key, what, told=None):
        self.table, self.key, self.what = table, key, what
        self.is_of_device = keys == DEVICE_KEY
        self.seen = seen_of(told) if self.is_of_device and told else {}
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
        devices = {
            key: ledger.device_row(key) | {"last_received": state.received_ms, "last_heartbeat": state.heartbeat_ms}
            for key, state in ledger.activity.items()
        }
        networks = {key: ledger.network_row(key) | {"last_received": ledger.network[key].received_ms} for key in ledger.network}
        of_receipt = ("last_received", "last_heartbeat") if self.received else ()
        found = self.compare("device_day", DEVICE_KEY, devices, (*DEVICE, *of_receipt))
        found += self.compare("network_day", DEVICE_KEY, networks, (*NETWORK, *of_receipt[:1]))
        found += self.compare("school_day", SCHOOL_KEY, ledger.school_days(), SCHOOL)
        found += self.compare("school_network_day", SCHOOL_KEY, ledger.school_network_days(), SCHOOL_NETWORK)
        return found

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
                Difference(table, keys, key, f"{name} is {short(row[f'c_{name}'])}, must be {short(must[name])}", row)
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


def seen_of(row):
    """The identities that a row says it holds: {boot: numbers}."""
    boots, every = row.get("c_seen_boots", []), row.get("c_seen_ranges", [])
    return {
        boot: {number for first, last in zip(ranges[::2], ranges[1::2]) for number in range(first, last + 1)}
        for boot, ranges in zip(boots, every)
    }


def explain(source, found):
    """For the first differing rows of devices: the events that must be in the row and are not; else all that are."""
    rows = {(difference.table, difference.key): difference.seen for difference in found if difference.is_of_device}
    rows = dict(list(rows.items())[:SHOWN_ROWS])
    absent, present = ({row: {} for row in rows} for _ in range(2))
    for event in source.events({key[0] for _, key in rows}) if rows else ():
        table = "network_day" if event.type == "burst" else "device_day"
        for day in {day_of(event.at_ms), *(assertions(event) if event.type == "heartbeat" else ())}:
            row = table, (event.device_no, day)
            if row in rows and event.type in FOLDED:
                is_in = event.seq in rows[row].get(event.boot_id, ())
                (present if is_in else absent)[row].setdefault(event.identity, event)
    return [line for row in rows for line in explained(source, row, absent[row], present[row])]


def explained(source, row, absent, present):
    table, (device_no, day) = row
    events = sorted((absent or present).values(), key=lambda event: event.at_ms)
    what = "that the row does not hold" if absent else "that the row holds, and none that it lacks"
    yield f"{table} of device {device_no}, {date(day)}: {len(events)} events from {source.name} {what}"
    yield from (f"  {short(event.told())}" for event in events[:SHOWN_EVENTS])
    if len(events) > SHOWN_EVENTS:
        yield f"  … and {len(events) - SHOWN_EVENTS} more"
