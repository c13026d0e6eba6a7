"""Every figure of docs/contract.md section 7 but `online_now`, as (num, den, value), of schools and of devices."""

from definitions import RATIOS, percentile

ACTIVE = {"active7_rate": 7, "active30_rate": 30}
PERCENTILES = {f"{what}_p{share}": (f"{what}_hist", 10 * share) for what in ("latency", "jitter") for share in (50, 90, 99)}
OF_ORGS = [*RATIOS, *ACTIVE, *PERCENTILES]
# A device has no classes and no schools.
OF_DEVICES = [name for name in OF_ORGS if name not in ("class_usage_rate", "school_usage_rate")]
COUNTED = sorted({name for pair in RATIOS.values() for name in pair})
HISTOGRAMS = ("latency_hist", "jitter_hist")
SLOTS_OF_SCHOOL_HOURS = range(45, 108)


def nothing():
    return dict.fromkeys(COUNTED, 0) | {name: [0] * 22 for name in HISTOGRAMS} | {"active7": 0, "active30": 0, "on_to": 0}


def add(sums, more):
    for name in COUNTED:
        sums[name] += more[name]
    for name in HISTOGRAMS:
        sums[name] = [a + b for a, b in zip(sums[name], more[name])]


def total(parts):
    sums = nothing()
    for part in parts:
        add(sums, part)
    return sums


def ratio(num, den):
    return num, den, num / den if den else None


def figures(sums, names=OF_ORGS):
    """{id: (num, den, value)}"""
    found = {name: ratio(sums[num], sums[den]) for name, (num, den) in RATIOS.items()}
    found |= {name: ratio(sums[f"active{days}"], sums["on_to"]) for name, days in ACTIVE.items()}
    found |= {
        name: (None, sum(sums[histogram]), percentile(sums[histogram], per_mille))
        for name, (histogram, per_mille) in PERCENTILES.items()
    }
    return {name: found[name] for name in names}


class Figures:
    """Figures of a ledger's schools and devices over ranges of days."""

    def __init__(self, ledger):
        self.ledger, self.registry = ledger, ledger.registry
        self._rosters, self._school_days, self._parts = {}, {}, {}

    def roster(self, day):
        """{(division, school_no): {device_no: class_no}} of the devices in service."""
        if day not in self._rosters:
            self._rosters[day] = self.registry.in_service(day)
        return self._rosters[day]

    def is_school_day(self, place, day):
        key = *place, day
        if key not in self._school_days:
            self._school_days[key] = self.registry.school_day(*place, day)
        return self._school_days[key]

    # ---- schools ---------------------------------------------------------------------------------------------------

    def school_part(self, place, day):
        """Counts of a school on a school day; None on other days, and where nobody is in service."""
        key = *place, day
        if key not in self._parts:
            devices = self.roster(day).get(place)
            self._parts[key] = self._school_part(place, day, devices) if devices and self.is_school_day(place, day) else None
        return self._parts[key]

    def _school_part(self, place, day, devices):
        part = nothing() | {
            "in_service": len(devices),
            "possible_slots": len(SLOTS_OF_SCHOOL_HOURS) * len(devices),
            "lessons": len(self.registry.bells(place[1], day)) * len(devices),
            "classes": len(set(devices.values()) - {0}),
            "schools": 1,
        }
        if row := self.ledger.school_days().get((*place, day)):
            for name in ("used", "classes_used", "powered", "reporting", "lessons_used", "active_s", "on_s", "online_slots"):
                part[name] = row[name]
            part["schools_used"] = int(row["used"] > 0)
        if row := self.ledger.school_network_days().get((*place, day)):
            add_network(part, row)
            part["pass"], part["known"] = row["pass"], row["pass"] + row["fail"]
        return part

    def sums(self, places, first, last, active=True):
        """Of schools, over the school days of a range; `active`: with the sets of active devices, too."""
        days = range(first, last + 1)
        parts = (self.school_part(place, day) for day in days for place in places)
        sums = total(part for part in parts if part)
        if active:
            devices = [device_no for place in places for device_no in self.roster(last).get(place, ())]
            self._note_active(sums, devices, last)
        return sums

    def _note_active(self, sums, devices, last):
        sums["on_to"] = len(devices)
        for days in ACTIVE.values():
            sums[f"active{days}"] = sum(self.has_session(device_no, last, days) for device_no in devices)

    def has_session(self, device_no, last, days):
        rows = self.ledger.activity
        return any(
            (device_no, day) in rows and rows[device_no, day].spans.get(("on", ""))
            for day in range(last - days + 1, last + 1)
        )

    def places(self, first, last):
        """Every (division, school_no) that is or was anywhere in the range."""
        found = {place for day in range(first, last + 1) for place in self.roster(day)}
        schools = {
            (int(org["division"]), int(org["school_no"]))
            for org in self.registry.orgs.values() if org["level"] == "school"
        }
        return sorted(found | schools)

    # ---- devices ---------------------------------------------------------------------------------------------------

    def device_sums(self, device_no, school_no, first, last):
        """Over the school days on which it was in service in this school."""
        sums = nothing()
        for day in range(first, last + 1):
            if part := self._device_part(device_no, school_no, day):
                add(sums, part)
        at_end, _, _, in_service = self.ledger.place(device_no, last)
        if in_service and at_end == school_no:
            self._note_active(sums, [device_no], last)
        return sums

    def _device_part(self, device_no, school_no, day):
        at, _, division, in_service = self.ledger.place(device_no, day)
        if not in_service or at != school_no or not self.is_school_day((division, school_no), day):
            return None
        part = nothing() | {"in_service": 1, "possible_slots": 63, "lessons": len(self.registry.bells(school_no, day))}
        key = device_no, day
        if key in self.ledger.activity:
            row = self.ledger.device_row(key)
            part |= {name: row[name] for name in ("used", "active_s", "on_s")}
            part["powered"], part["reporting"] = int(row["on_s"] >= 300), int(row["events"] > 0)
            part["lessons_used"] = row["lessons"].bit_count()
            part["online_slots"] = len(row["online"].intersection(SLOTS_OF_SCHOOL_HOURS))
        if key in self.ledger.network:
            row = self.ledger.network_row(key)
            add_network(part, row)
            part["pass"], part["known"] = int(row["verdict"] == "pass"), int(row["verdict"] != "unknown")
        return part


def add_network(part, row):
    for name in ("probes_lost", "probes_sent", "outage", *HISTOGRAMS):
        part[name] = row[name]
    part["idle"] = row["outage"] + row["valid"] + row["partial"]
