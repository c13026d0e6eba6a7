"""Compares the query API with the ledger: every organisation and school, every day, every device."""

import concurrent.futures
import json
import math
import threading
import time

import requests
from events import moment
from figures import OF_DEVICES, OF_ORGS, PERCENTILES, figures
from tables import date, short

LEVELS = ("city", "county")
THREADS = 4
RANKED_BY = ("usage_rate", "network_pass_rate", "avg_active_s")
REASONS = {"no_units", "not_school_day", "no_data"}
PATIENCE_S = 30
MIN_DEN, MIN_REPORTING = 5, 0.5


class Api:
    """The API of a running stack beside a ledger's figures, over one range of days."""

    def __init__(self, stack, expected, first, last):
        self.expected, self.ledger, self.registry = expected, expected.ledger, expected.registry
        self.first, self.last = first, last
        self.base, self.headers = stack.address("api"), {"Authorization": f"Bearer {stack.token()}"}
        self.places = expected.places(first, last)
        self.sums, self.asked, self.fields = {}, 0, 0
        self.local, self.lock = threading.local(), threading.Lock()

    def differences(self):
        """Every difference, in words."""
        self.prepare()
        questions = [(self.org, org) for org in self.areas()]
        questions += [(self.org, org) for org, value in self.registry.orgs.items() if value["level"] == "school"]
        questions += [(self.ranking, org) for org in self.areas()]
        questions += [(self.school_devices, int(value["school_no"])) for value in self.registry.orgs.values()
                      if value["level"] == "school"]
        questions += [(self.device, device_no) for device_no in self.registry.devices]
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            answers = pool.map(lambda question: question[0](question[1]), questions)
            return [difference for found in answers for difference in found]

    def prepare(self):
        """Sums are made before the threads begin, so that they only read."""
        for org, value in self.registry.orgs.items():
            if value["level"] != "class":
                self.sums[org] = self.expected.sums(self.inside(org), self.first, self.last)

    def areas(self):
        return [org for org, value in self.registry.orgs.items() if value["level"] in ("province", *LEVELS)]

    def inside(self, org):
        """The schools of an organisation, as (division, school_no)."""
        value = self.registry.orgs[org]
        if value["level"] == "school":
            return [place for place in self.places if place[1] == value["school_no"]]
        code = int(org)
        step = {"province": 10_000, "city": 100}.get(value["level"], 1)
        return [place for place in self.places if place[0] // step == code // step]

    # ---- organisations ---------------------------------------------------------------------------------------------

    def org(self, org):
        """overview, children, trend and network of one organisation."""
        path, names = f"/v1/orgs/{org}", ",".join(OF_ORGS)
        told = self.ask(f"{path}/overview", figures=names)
        found = self.same(f"{org} overview", told["self"]["figures"], figures(self.sums[org]))
        found += self.same_meta(org, told["meta"])
        told = self.ask(f"{path}/network", figures=names)
        found += self.same(f"{org} network", told["figures"], figures(self.sums[org]))
        found += [
            f"{org} network: {name} {told[name]}, must be {self.sums[org][name]}"
            for name in ("latency_hist", "jitter_hist") if told[name] != self.sums[org][name]
        ]
        return found + self.trend(org) + self.children(org)

    def same_meta(self, org, meta):
        own = self.inside(org)
        days = range(self.first, self.last + 1)
        school_days = sum(any(self.expected.is_school_day(place, day) for place in own) for day in days)
        found = [f"{org}: school_days {meta['school_days']}, must be {school_days}"] if meta["school_days"] != school_days else []
        coverage = self.sums[org]["reporting"], self.sums[org]["in_service"]
        told = meta["coverage"]["num"], meta["coverage"]["den"]
        return found + ([f"{org}: coverage {told}, must be {coverage}"] if told != coverage else [])

    def trend(self, org):
        names = [name for name in OF_ORGS if not name.startswith("active")]
        told = self.ask(f"/v1/orgs/{org}/trend", figures=",".join(names))
        own, found = self.inside(org), []
        if [point["day"] for point in told["points"]] != [date(day) for day in range(self.first, self.last + 1)]:
            return [f"{org} trend: other days"]
        for day, point in zip(range(self.first, self.last + 1), told["points"]):
            school_day = any(self.expected.is_school_day(place, day) for place in own)
            if point["school_day"] != school_day:
                found.append(f"{org} trend {date(day)}: school_day {point['school_day']}, must be {school_day}")
            sums = self.expected.sums(own, day, day, active=False)
            found += self.same(f"{org} trend {date(day)}", point["figures"], figures(sums, names))
            wrong = {figure.get("reason") for figure in point["figures"].values()} != {"not_school_day"}
            if not school_day and wrong:
                found.append(f"{org} trend {date(day)}: a day without school has values")
        return found

    def below(self, org):
        """Ids of the schools that an organisation manages directly, and of the next lower areas."""
        lower = [(key, value) for key, value in self.registry.orgs.items() if value["parent"] == org]
        return (
            {key for key, value in lower if value["level"] == "school"},
            {key for key, value in lower if value["level"] in LEVELS},
        )

    def children(self, org):
        if self.registry.orgs[org]["level"] == "school":
            return []
        told = self.ask(f"/v1/orgs/{org}/children", figures=",".join(OF_ORGS), page_size=1000)
        direct, children = self.below(org)
        found = []
        for part, wanted in (("direct", direct), ("children", children)):
            units = {unit["org"]["id"]: unit["figures"] for unit in told[part]}
            if units.keys() != wanted:
                found.append(f"{org} {part}: {sorted(units.keys() ^ wanted)} are on one side only")
            for unit in units.keys() & wanted:
                found += self.same(f"{org} {part} {unit}", units[unit], figures(self.sums[unit]))
        return found

    def ranking(self, org):
        found = []
        for by in RANKED_BY:
            told = self.ask(f"/v1/orgs/{org}/ranking", order=f"-{by}", figures=by, page_size=1000)
            ranked, apart = self.ranks(org, by)
            rows = [row["org"]["id"] for row in told["rows"]]
            if rows != ranked or [row["rank"] for row in told["rows"]] != list(range(1, len(rows) + 1)):
                found.append(f"{org} ranking by {by}: {short(rows)}, must be {short(ranked)}")
            reasons = {row["org"]["id"]: row["reason"] for row in told["unranked"]}
            if reasons != apart:
                found.append(f"{org} ranking by {by}, unranked: {short(reasons)}, must be {short(apart)}")
        return found

    def ranks(self, org, by):
        """By rate, ties by the larger denominator, then by code; and who is listed apart."""
        ranked, apart = [], {}
        for unit in set().union(*self.below(org)):
            sums = self.sums[unit]
            _, den, value = figures(sums, [by])[by]
            if den < MIN_DEN:
                apart[unit] = "few_units"
            elif sums["reporting"] < MIN_REPORTING * sums["in_service"]:
                apart[unit] = "low_reporting"
            else:
                code = int(self.registry.orgs[unit]["school_no"] or unit)
                ranked.append((-value, -den, code, unit))
        return [unit for *_, unit in sorted(ranked)], apart

    # ---- devices ---------------------------------------------------------------------------------------------------

    def school_devices(self, school_no):
        told = self.ask(f"/v1/schools/{school_no}/devices", figures=",".join(OF_DEVICES), page_size=1000)
        found = []
        for row in told["rows"]:
            device_no = row["device"]["device_no"]
            sums = self.expected.device_sums(device_no, school_no, self.first, self.last)
            found += self.same(f"s{school_no} device {device_no}", row["figures"], figures(sums, OF_DEVICES))
        return found

    def device(self, device_no):
        """days and sessions of one device."""
        told = self.ask(f"/v1/devices/{device_no}/days")["rows"]
        wanted = [self.day(device_no, day) for day in range(self.first, self.last + 1)]
        wanted = [row for row in wanted if row]
        self.count(len(wanted))
        found = [] if told == wanted else [f"device {device_no} days: {first_difference(told, wanted)}"]
        told = self.ask(f"/v1/devices/{device_no}/sessions")["rows"]
        wanted = [row for day in range(self.first, self.last + 1) for row in self.sessions(device_no, day)]
        self.count(len(wanted))
        return found + ([] if told == wanted else [f"device {device_no} sessions: {first_difference(told, wanted)}"])

    def day(self, device_no, day):
        key = device_no, day
        activity, network = key in self.ledger.activity, key in self.ledger.network
        if not activity and not network:
            return None
        row = self.ledger.device_row(key) if activity else {"in_service": self.ledger.place(*key)[3]}
        verdict = self.ledger.network_row(key)["verdict"] if network else "unknown"
        names = ("in_service", "on_s", "active_s", "sessions", "used", "lessons", "first_s", "last_s")
        return {"day": date(day)} | {name: row.get(name) for name in names} | {"verdict": verdict}

    def sessions(self, device_no, day):
        if (device_no, day) not in self.ledger.activity:
            return []
        spans = self.ledger.device_row((device_no, day))["session_spans"]
        before = self.is_on(device_no, day - 1, 86_399) and self.is_on(device_no, day, 0)
        after = self.is_on(device_no, day, 86_399) and self.is_on(device_no, day + 1, 0)

        def instant(second):
            return moment(day * 86_400_000 - 28_800_000 + second * 1000)

        return [
            {"day": date(day), "from": instant(begin), "to": instant(end), "seconds": end - begin,
             "continues_before": before and begin == 0, "continues_after": after and end == 86_400}
            for begin, end in zip(spans[::2], spans[1::2])
        ]

    def is_on(self, device_no, day, second):
        if (device_no, day) not in self.ledger.activity:
            return False
        spans = self.ledger.device_row((device_no, day))["on_spans"]
        return any(begin <= second < end for begin, end in zip(spans[::2], spans[1::2]))

    # ---- asking and comparing --------------------------------------------------------------------------------------

    def ask(self, path, **parameters):
        """An answer; who is told to wait waits."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
        parameters |= {"from": date(self.first), "to": date(self.last)}
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self.local.session.get(self.base + path, params=parameters, headers=self.headers, timeout=30)
            if answer.status_code not in (429, 503) or time.monotonic() > until:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
        self.count(0, asked=1)
        return json.loads(answer.content)

    def count(self, fields, asked=0):
        with self.lock:
            self.fields += fields
            self.asked += asked

    def same(self, where, told, expected):
        """Differences between an answer's figures and the expected ones."""
        self.count(len(expected))
        if told.keys() != expected.keys():
            return [f"{where}: figures {sorted(told.keys() ^ expected.keys())} are on one side only"]
        return [
            f"{where}: {name} is {told[name]}, must be {value} = {num} / {den}"
            for name, (num, den, value) in expected.items()
            if not same_figure(name, told[name], num, den, value)
        ]


def same_figure(name, told, num, den, value):
    if told["den"] != den or told.get("num") != num:
        return False
    if value is None:
        return told["value"] is None and told["reason"] in REASONS
    if name in PERCENTILES:
        # Interpolated, and labelled approximate: the last bit depends on the order of the operations.
        return told["value"] is not None and math.isclose(told["value"], value, rel_tol=1e-12)
    return told["value"] == value


def first_difference(told, wanted):
    if len(told) != len(wanted):
        return f"{len(told)} rows, must be {len(wanted)}"
    return next(f"{a}, must be {b}" for a, b in zip(told, wanted) if a != b)
