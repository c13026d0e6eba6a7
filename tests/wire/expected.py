"""What tables and API must say of everything that was accepted: sums over the independent device days."""

import math

from definitions import NETWORK_COUNTS, POWER_S, RATIOS, percentile, slots
from stack import day_number, day_text, wait_for

DEVICE_COLUMNS = [
    "division", "school_no", "class_no", "in_service", "ver", "events", "on_s", "active_s", "sessions", "lessons",
    "used", "first_s", "last_s", "session_spans",
]
ONLINE_SLOTS = range(45, 108)


class Expected:
    """Expected rows, from the truth and the registry."""

    def __init__(self, registry, truth, stack):
        self.registry, self.truth, self.stack = registry, truth, stack
        self._rosters = {}
        self._made = {}

    def roster(self, day):
        if day not in self._rosters:
            self._rosters[day] = self.registry.in_service(day)
        return self._rosters[day]

    def place(self, device_no, day):
        entry = self.registry.belonging(device_no, day)
        return {key: int(entry[key]) for key in ("division", "school_no", "class_no", "in_service")}

    def once(self, name, make):
        """What `make` makes, again only when more was accepted."""
        size = self.truth.size()
        if self._made.get(name, (None,))[0] != size:
            self._made[name] = size, make()
        return self._made[name][1]

    def device_days(self):
        return self.once("device", self.make_device_days)

    def network_days(self):
        return self.once("network", self.make_network_days)

    def school_days(self):
        return self.once("school", self.make_school_days)

    def school_network_days(self):
        return self.once("school_network", self.make_school_network_days)

    def make_device_days(self):
        """{(device_no, day): row of `device_day`}"""
        rows = {}
        for device_no, days in self.truth.activity().items():
            for day, state in days.items():
                place = self.place(device_no, day)
                rows[device_no, day] = place | state.row(self.registry.bells(place["school_no"], day)) | {"state": state}
        return rows

    def make_network_days(self):
        rows = {}
        for device_no, days in self.truth.network().items():
            for day, row in days.items():
                rows[device_no, day] = self.place(device_no, day) | row
        return rows

    def make_school_days(self):
        """{(division, school_no, day): row of `school_day`}"""
        schools = {}
        for (device_no, day), row in self.device_days().items():
            schools.setdefault((row["division"], row["school_no"], day), []).append((device_no, row))
        return {key: self.school_row(rows) for key, rows in schools.items()}

    @staticmethod
    def school_row(rows):
        own = [row for _, row in rows if row["in_service"]]

        def curve(bits):
            return [sum(column) for column in zip([0] * 144, *[slots(bits(row["state"])) for row in own])]

        return {
            "ver": sum(row["ver"] for _, row in rows),
            "reporting": sum(row["events"] > 0 for row in own),
            "powered": sum(row["on_s"] >= POWER_S for row in own),
            "used": sum(row["used"] for row in own),
            "classes_used": len({row["class_no"] for row in own if row["used"] and row["class_no"]}),
            "on_s": sum(row["on_s"] for row in own),
            "active_s": sum(row["active_s"] for row in own),
            "lessons_used": sum(row["lessons"].bit_count() for row in own),
            "online": curve(lambda state: state.on),
            "active": curve(lambda state: state.active),
            "reporting_unlisted": sum(row["events"] > 0 for _, row in rows if not row["in_service"]),
        }

    def make_school_network_days(self):
        schools = {}
        for (_, day), row in self.network_days().items():
            schools.setdefault((row["division"], row["school_no"], day), []).append(row)
        return {key: self.network_row(rows) for key, rows in schools.items()}

    @staticmethod
    def network_row(rows):
        own = [row for row in rows if row["in_service"]]
        found = {verdict: sum(row["verdict"] == verdict for row in own) for verdict in ("pass", "fail", "unknown")}
        found |= {key: sum(row[key] for row in own) for key in NETWORK_COUNTS[:8]}
        for figure in ("latency_hist", "jitter_hist"):
            found[figure] = [sum(column) for column in zip([0] * 22, *[row[figure] for row in own])]
        return found

    # ---- figures of the API ----------------------------------------------------------------------------------------

    def figures(self, inside, first, last):
        """Figures of the units for which `inside(division, school_no)` holds, as {id: (num, den, value)}."""
        sums, hists = self.sums(inside, first, min(last, self.stack.today()))
        found = {name: ratio(sums[num], sums[den]) for name, (num, den) in RATIOS.items()}
        for days in (7, 30):
            found[f"active{days}_rate"] = ratio(*self.active(inside, last, days))
        for figure in ("latency", "jitter"):
            histogram = hists[f"{figure}_hist"]
            for share, per_mille in (("p50", 500), ("p90", 900), ("p99", 990)):
                found[f"{figure}_{share}"] = (None, sum(histogram), percentile(histogram, per_mille))
        return found, hists

    def sums(self, inside, first, last):
        names = (
            "used in_service classes_used classes schools_used schools powered online_slots possible_slots reporting "
            "lessons_used lessons active_s on_s pass known probes_lost probes_sent outage idle"
        )
        sums = dict.fromkeys(names.split(), 0)
        hists = {"latency_hist": [0] * 22, "jitter_hist": [0] * 22}
        school_days, network = self.school_days(), self.school_network_days()
        for day in range(first, last + 1):
            for (division, school_no), devices in self.roster(day).items():
                if not inside(division, school_no) or not self.registry.school_day(division, school_no, day):
                    continue
                lessons = len(self.registry.bells(school_no, day))
                sums["in_service"] += len(devices)
                sums["possible_slots"] += 63 * len(devices)
                sums["lessons"] += lessons * len(devices)
                sums["classes"] += len(set(devices.values()) - {0})
                sums["schools"] += 1
                key = division, school_no, day
                if row := school_days.get(key):
                    for name in ("used", "classes_used", "powered", "reporting", "lessons_used", "active_s", "on_s"):
                        sums[name] += row[name]
                    sums["schools_used"] += int(row["used"] > 0)
                    sums["online_slots"] += sum(row["online"][slot] for slot in ONLINE_SLOTS)
                if row := network.get(key):
                    for name in ("pass", "probes_lost", "probes_sent", "outage"):
                        sums[name] += row[name]
                    sums["known"] += row["pass"] + row["fail"]
                    sums["idle"] += row["outage"] + row["valid"] + row["partial"]
                    for name, histogram in hists.items():
                        hists[name] = [a + b for a, b in zip(histogram, row[name])]
        return sums, hists

    def active(self, inside, last, days):
        """Devices in service on the last day with a session in the days before it, of all in service on it."""
        rows = self.device_days()
        devices = [no for (division, school), own in self.roster(last).items() if inside(division, school) for no in own]
        recent = range(last - days + 1, last + 1)
        lively = sum(any((no, day) in rows and rows[no, day]["sessions"] for day in recent) for no in devices)
        return lively, len(devices)

    # ---- comparison ------------------------------------------------------------------------------------------------

    def differences(self):
        """Every difference between the four tables and the truth, in words."""
        found = []
        found += self.compare("device_day", ("device_no", "day"), self.device_days(), DEVICE_COLUMNS, self.with_apps)
        columns = ["division", "school_no", "class_no", "in_service", *NETWORK_COUNTS, "verdict", "latency_hist", "jitter_hist"]
        found += self.compare("network_day", ("device_no", "day"), self.network_days(), columns)
        school = ("division", "school_no", "day")
        columns = [name for name in self.school_row([]) if name != "state"]
        found += self.compare("school_day", school, self.school_days(), columns)
        found += self.compare("school_network_day", school, self.school_network_days(), list(self.network_row([])))
        return found

    @staticmethod
    def with_apps(row, wanted):
        """App times are two arrays in the table."""
        told = dict(zip(row["app_ids"], row["app_s"]))
        return [] if told == wanted["apps"] else [f"apps {told}, expected {wanted['apps']}"]

    def compare(self, table, keys, expected, columns, further=None):
        extra = ", app_ids, app_s" if further else ""
        told = {}
        for row in self.stack.rows(f"SELECT {', '.join([*dict.fromkeys([*keys, *columns])])}{extra} FROM {table}_final"):
            row["day"] = day_number(row["day"].isoformat())
            told[tuple(row[key] for key in keys)] = row
        found = [f"{table} {named(keys, key)}: missing" for key in expected.keys() - told.keys()]
        found += [f"{table} {named(keys, key)}: nobody posted this" for key in told.keys() - expected.keys()]
        for key in expected.keys() & told.keys():
            row, wanted = told[key], expected[key]
            wrong = [f"{name} {row[name]}, expected {wanted[name]}" for name in columns if plain(row[name]) != wanted[name]]
            wrong += further(row, wanted) if further else []
            found += [f"{table} {named(keys, key)}: {what}" for what in wrong]
        return found

    def settle(self, seconds=40):
        """Waits until the tables say what they must."""
        last = []

        def settled():
            last[:] = self.differences()
            return not last

        try:
            wait_for(settled, seconds, "the tables settle", every=1)
        except AssertionError:
            raise AssertionError(f"{len(last)} differences:\n" + "\n".join(sorted(last)[:30])) from None


def plain(value):
    return list(value) if isinstance(value, (list, tuple)) else value


def named(keys, key):
    return ", ".join(f"{name} {day_text(part) if name == 'day' else part}" for name, part in zip(keys, key))


def ratio(num, den):
    return num, den, num / den if den else None


def figure_differences(told, expected):
    """Differences between an answer's figures and the expected ones."""
    found = []
    for name, (num, den, value) in expected.items():
        figure = told.get(name)
        if figure is None:
            found.append(f"{name}: absent")
            continue
        same = figure["value"] is value is None or (
            figure["value"] is not None and value is not None and math.isclose(figure["value"], value, rel_tol=1e-12)
        )
        if not same or figure["den"] != den or (num is not None and figure.get("num") != num):
            found.append(f"{name}: {figure}, expected value {value} = {num} / {den}")
    return found
