"""Distinct events into device-days, device-days into school-days."""

from activity import POWER_S, ActivityDay, assertions, day_of
from events import FOLDED
from network import COUNTS, NetworkDay

SUMMED = COUNTS[:8]


class Ledger:
    """Everything that the tables must say, from the events and the registry."""

    def __init__(self, registry):
        self.registry = registry
        self.activity, self.network = {}, {}
        self.misplaced = []
        self._places, self._schools, self._networks = {}, None, None

    def add(self, event):
        """Folds an event into every row that it touches."""
        if event.type not in FOLDED:
            return
        own = day_of(event.at_ms)
        if event.type == "burst":
            if event.days[0] <= own < event.days[1]:
                self._row(self.network, NetworkDay, event, own).fold(event)
            return
        touched = assertions(event)
        touched.setdefault(own, {})
        for day, spans in touched.items():
            if event.days[0] <= day < event.days[1]:
                self._row(self.activity, ActivityDay, event, day).fold(event, spans, day == own)

    def _row(self, rows, kind, event, day):
        key = event.device_no, day
        stamped = event.stamp is not None and key not in self.registry.corrected
        if stamped and event.stamp != self.place(*key):
            self.misplaced.append(f"device {key[0]} day {day}: stamped {event.stamp}, registry {self.place(*key)}; {event.where}")
        row = rows.get(key)
        if row is None:
            row = rows[key] = kind()
        return row

    def place(self, device_no, day):
        """(school, class, division, in service) of a device-day."""
        key = device_no, day
        if key not in self._places:
            entry = self.registry.belonging(device_no, day)
            self._places[key] = (
                entry["school_no"], entry["class_no"], entry["division"], int(entry["in_service"]),
            )
        return self._places[key]

    def device_row(self, key):
        """A row of `device_day`."""
        school_no, class_no, division, in_service = self.place(*key)
        place = {"school_no": school_no, "class_no": class_no, "division": division, "in_service": in_service}
        return place | self.activity[key].row(self.registry.bells(school_no, key[1]))

    def network_row(self, key):
        """A row of `network_day`."""
        school_no, class_no, division, in_service = self.place(*key)
        place = {"school_no": school_no, "class_no": class_no, "division": division, "in_service": in_service}
        return place | self.network[key].row()

    def school_days(self):
        """{(division, school_no, day): row of `school_day`}"""
        if self._schools is None:
            self._schools = {key: school_row(rows) for key, rows in self._grouped(self.activity, self.device_row).items()}
        return self._schools

    def school_network_days(self):
        """{(division, school_no, day): row of `school_network_day`}"""
        if self._networks is None:
            grouped = self._grouped(self.network, self.network_row)
            self._networks = {key: school_network_row(rows) for key, rows in grouped.items()}
        return self._networks

    @staticmethod
    def _grouped(rows, make):
        schools = {}
        for device_no, day in rows:
            row = make((device_no, day))
            schools.setdefault((row["division"], row["school_no"], day), []).append((device_no, row))
        return schools


def school_row(rows):
    """Of the devices in service, but for `ver`, `session_devices` and those that are not listed."""
    own = [row for _, row in rows if row["in_service"]]
    online = [sum(slot in row["online"] for row in own) for slot in range(144)]
    return {
        "ver": sum(row["ver"] for _, row in rows),
        "reporting": sum(row["events"] > 0 for row in own),
        "powered": sum(row["on_s"] >= POWER_S for row in own),
        "used": sum(row["used"] for row in own),
        "classes_used": len({row["class_no"] for row in own if row["used"] and row["class_no"]}),
        "on_s": sum(row["on_s"] for row in own),
        "active_s": sum(row["active_s"] for row in own),
        "active_s_reporting": sum(row["active_s"] for row in own if row["events"] > 0),
        "lessons_used": sum(row["lessons"].bit_count() for row in own),
        "online": online,
        "online_slots": sum(online[45:108]),
        "active": [sum(slot in row["active"] for row in own) for slot in range(144)],
        "reporting_unlisted": sum(row["events"] > 0 for _, row in rows if not row["in_service"]),
        "session_devices": sorted(device_no for device_no, row in rows if row["sessions"]),
    }


def school_network_row(rows):
    own = [row for _, row in rows if row["in_service"]]
    found = {verdict: sum(row["verdict"] == verdict for row in own) for verdict in ("pass", "fail", "unknown")}
    found["ver"] = sum(row["ver"] for _, row in rows)
    found |= {name: sum(row[name] for row in own) for name in SUMMED}
    for name in ("latency_hist", "jitter_hist"):
        found[name] = [sum(column) for column in zip([0] * 22, *[row[name] for row in own])]
    return found
