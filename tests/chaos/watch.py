"""Watches a stack while it is broken: lag, memory, and when it is well again."""

import pathlib
import threading
import time

import requests
from confluent_kafka import KafkaException
from faults import KINDS
from running import Group

EVERY_S = 0.5
# What a process may take, MiB; a small province with two of everything.
BOUNDS_MIB = {
    "kafka": 900, "clickhouse": 1_500, "registry": 64, "ingest": 150, "processors": 300, "query-api": 150, "fleet": 150,
}
# A fault that is not over within this, or twice its bar, has failed the run.
GIVE_UP_S = 90


def kind_of(service):
    base, _, number = service.rpartition("-")
    return base if number.isdigit() else service


def resident_mib(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmRSS")), None)
    return int(line.split()[1]) / 1024 if line else None


class Watch(threading.Thread):
    """Samples lag and memory until it is stopped. A sample's lag is None while Kafka does not answer."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.began = stack, time.monotonic()
        self.samples, self.done = [], threading.Event()

    def now(self):
        return time.monotonic() - self.began

    def run(self):
        group = Group(self.stack.address("kafka"), "ledgers", timeout=1)
        while not self.done.wait(EVERY_S):
            at = self.now()
            try:
                committed, ends = group.progress()
                lag = sum(ends[p] - committed[p] for p in ends)
            except KafkaException:
                lag = None
            self.samples.append({"at": at, "lag": lag, "mib": self.memory()})
        group.close()

    def memory(self):
        services = {service["name"]: service["pid"] for service in self.stack.manifest["services"]}
        found = {name: resident_mib(pid) for name, pid in services.items() if pid}
        return {name: mib for name, mib in found.items() if mib}

    def stop(self):
        self.done.set()
        if self.is_alive():
            self.join(10)

    def peaks(self):
        """The most that each service took, MiB."""
        found = {}
        for sample in self.samples:
            for name, mib in sample["mib"].items():
                found[name] = max(found.get(name, 0), mib)
        return found

    def excesses(self):
        return [
            f"{name} took {mib:.0f} MiB, bound {BOUNDS_MIB[kind_of(name)]}"
            for name, mib in self.peaks().items() if mib > BOUNDS_MIB[kind_of(name)]
        ]


class Recovery:
    """When everything is well again after a fault: every service answers that it is ready, the victim works, and all
    that was in the topic at that moment is folded, written and committed."""

    def __init__(self, stack, token):
        self.stack, self.headers = stack, {"Authorization": f"Bearer {token}"}
        self.session = requests.Session()

    def before(self, fault):
        """What must have changed afterwards."""
        return self.stack.service(fault.victim)["pid"]

    def wait(self, fault, old_pid, killed, since):
        """Seconds from `since` until everything is well; None if that never comes."""
        kind = KINDS[fault.kind]
        until = time.monotonic() + max(GIVE_UP_S, 2 * (kind.bar_s or 0))
        steps = [lambda: self.is_another(fault.victim, old_pid)] if killed else []
        steps += [self.all_ready, lambda: self.works(fault.victim)]
        # What waited in the spools of the devices comes first, then what is in the topic by then.
        steps += [self.spools_are_empty] if kind.is_long else []
        steps += [self.caught_up()]
        for step in steps:
            while not step():
                if time.monotonic() > until:
                    return None
                time.sleep(0.05)
        return time.monotonic() - since

    def is_another(self, victim, old_pid):
        return self.stack.service(victim)["pid"] not in (None, old_pid)

    def all_ready(self):
        return all(self.is_ready(service) for service in self.stack.manifest["services"])

    def is_ready(self, service):
        if not service["pid"]:
            return False
        return service["health"] is None or self.get(service["health"]) is not None

    def get(self, url, **more):
        """The answer's text, or None."""
        try:
            answer = self.session.get(url, timeout=2, **more)
        except requests.RequestException:
            return None
        return answer.text if answer.ok else None

    def works(self, victim):
        """An edge has taken a post; an API answers a question."""
        service = self.stack.service(victim)
        if kind_of(victim) == "ingest":
            return taken(self.get(service["metrics"]) or "") > 0
        if kind_of(victim) == "query-api":
            url = service["health"].removesuffix("/readyz") + "/v1/orgs/440000/overview?figures=usage_rate"
            return self.get(url, headers=self.headers) is not None
        return True

    def spools_are_empty(self):
        metrics = self.get(self.stack.service("fleet")["metrics"])
        return bool(metrics) and "fleet_devices_holding 0" in metrics

    def caught_up(self):
        """A step: true once the ends of the first call are committed."""
        target, group = {}, None

        def step():
            nonlocal target, group
            try:
                group = group or Group(self.stack.address("kafka"), "ledgers", timeout=1)
                committed, ends = group.progress()
            except KafkaException:
                return False
            target = target or ends
            done = all(committed[p] >= end for p, end in target.items())
            if done:
                group.close()
            return done

        return step


def taken(metrics):
    """Posts that an edge has taken, from its Prometheus text."""
    lines = (line.split(" ") for line in metrics.splitlines() if line.startswith('edge_posts_total{outcome="ok"}'))
    return sum(float(words[1]) for words in lines)
