"""The faults: what is done to whom, and for how long. Drawn from a seed; done by `Hands`."""

import os
import random
import signal
import time
from typing import NamedTuple

import requests

INSTANCES = {
    "edge": ("ingest", "ingest-2"), "processors": ("processors", "processors-2"), "api": ("query-api", "query-api-2"),
    "kafka": ("kafka",), "clickhouse": ("clickhouse",), "registry": ("registry",), "fleet": ("fleet",),
}
# Longer than the consumers' session (10 s): the group goes on without its member.
PAST_THE_SESSION_S = (11.0, 14.0)
SHORT_S = (4.0, 8.0)


class Kind(NamedTuple):
    """`part`: a key of INSTANCES; `bar_s`: how soon the lag must be normal again, where the issue sets a bar;
    `is_long`: drawn only where it is asked for by name."""

    part: str
    deed: str
    seconds: tuple = (0.0, 0.0)
    bar_s: float = None
    needs: str = ""
    is_long: bool = False


KINDS = {
    "kill-edge": Kind("edge", "kill", bar_s=3),
    "kill-processors": Kind("processors", "kill", bar_s=3),
    "kill-api": Kind("api", "kill", bar_s=3),
    "kill-registry": Kind("registry", "kill"),
    "kill-fleet": Kind("fleet", "kill"),
    "kill-kafka": Kind("kafka", "kill", bar_s=30),
    "kill-clickhouse": Kind("clickhouse", "kill", bar_s=15),
    "pause-edge": Kind("edge", "pause", PAST_THE_SESSION_S),
    "pause-processors": Kind("processors", "pause", PAST_THE_SESSION_S),
    "pause-api": Kind("api", "pause", SHORT_S),
    "mute-kafka": Kind("kafka", "pause", PAST_THE_SESSION_S),
    "mute-clickhouse": Kind("clickhouse", "pause", SHORT_S),
    "roll-edge": Kind("edge", "roll"),
    "roll-processors": Kind("processors", "roll"),
    "roll-api": Kind("api", "roll"),
    "readonly-clickhouse": Kind("clickhouse", "readonly", SHORT_S),
    "full-clickhouse": Kind("clickhouse", "fill", SHORT_S, needs="disk"),
    "cut-edge": Kind("edge", "cut", PAST_THE_SESSION_S, needs="namespace"),
    "cut-processors": Kind("processors", "cut", PAST_THE_SESSION_S, needs="namespace"),
    "cut-api": Kind("api", "cut", SHORT_S, needs="namespace"),
    "away-kafka": Kind("kafka", "away", (300.0, 300.0), bar_s=120, is_long=True),
    "away-clickhouse": Kind("clickhouse", "away", (600.0, 600.0), bar_s=120, is_long=True),
}
TABLES = ("device_day", "network_day", "school_day", "school_network_day", "events_raw")


class Fault(NamedTuple):
    """One fault of a run."""

    kind: str
    victim: str
    seconds: float


def draw(seed, count, kinds, first=()):
    """Faults of a seed: every kind comes up before one comes up again."""
    dice, deck, faults = random.Random(seed), list(first), []
    while len(faults) < count:
        if not deck:
            deck = sorted(kinds)
            dice.shuffle(deck)
        name = deck.pop(0)
        kind = KINDS[name]
        # Only the second instance of a service is behind a wire of its own.
        victims = INSTANCES[kind.part][-1:] if kind.deed == "cut" else INSTANCES[kind.part]
        faults.append(Fault(name, dice.choice(victims), round(dice.uniform(*kind.seconds), 1)))
    return faults


class Hands:
    """Does the deeds to a running stack; each returns when what was broken is whole again, but for kills: the launcher
    starts what died again by itself."""

    def __init__(self, stack, disk, remotes):
        self.stack, self.disk, self.remotes = stack, disk, {remote.service: remote for remote in remotes}

    def do(self, fault):
        getattr(self, KINDS[fault.kind].deed)(fault)

    def kill(self, fault):
        os.kill(self.stack.service(fault.victim)["pid"], signal.SIGKILL)

    def pause(self, fault):
        pid = self.stack.service(fault.victim)["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(fault.seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def roll(self, fault):
        """One after the other, as an upgrade does."""
        for service in INSTANCES[KINDS[fault.kind].part]:
            self.stack.command("stop", service)
            self.stack.command("start", service)

    def away(self, fault):
        self.stack.command("stop", fault.victim)
        try:
            time.sleep(fault.seconds)
        finally:
            self.stack.command("start", fault.victim)

    def readonly(self, fault):
        """Every table refuses inserts, as on a replica that lost its quorum."""
        try:
            self.alter("MODIFY SETTING table_readonly = 1")
            time.sleep(fault.seconds)
        finally:
            self.alter("RESET SETTING table_readonly")

    def alter(self, what):
        address, database = self.stack.address("clickhouse_http"), self.stack.address("database")
        for table in TABLES:
            answer = requests.post(address, data=f"ALTER TABLE {database}.{table} {what}", timeout=10)
            if not answer.ok:
                raise RuntimeError(f"ALTER TABLE {table} {what}: {answer.text[:300]}")

    def fill(self, fault):
        try:
            self.disk.fill()
            address = self.stack.address("clickhouse_http")
            space = requests.post(address, data="SELECT sum(unreserved_space) FROM system.disks", timeout=10).text
            if int(space):
                raise RuntimeError(f"the disk is full, yet ClickHouse still has {space.strip()} bytes to give")
            time.sleep(fault.seconds)
        finally:
            self.disk.free()

    def cut(self, fault):
        remote = self.remotes[fault.victim]
        try:
            remote.cut()
            time.sleep(fault.seconds)
        finally:
            remote.mend()
