"""Processors are added and removed under load: only the partitions that move are opened anew, and the tables are right.

Two processors and a fleet are under way; a third joins, takes its share, and is stopped again. What the members count
says which partitions moved. Then a third joins once more, and the member that gives a partition up for it dies before it
has done so: it comes back under its static id, the group returns what was left to it without a rebalance, and the
partition would stay without an owner. Last, the oracle computes everything again from the topic and from the fleet's
journal.
"""

import argparse
import os
import signal
import sys
import threading
import time

import requests
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient
from own_stack import REPOSITORY, OwnStack

import oracle
from running import Group

START, SCHOOLS, DAYS = "2026-11-19T08:00@120", 24, 1
PARTITIONS = 4
FIRST, SECOND, THIRD = "processors", "processors-2", "processors-3"
# A member that stopped keeps its place for its session of 10 s: its partitions wait that long, the others must not.
SESSION_S = 10
# A partition that does not move is committed at least this often; a flush takes up to a second, a load the same.
LONGEST_REST_S = 6
# From the return of the dead member on: the watch's patience of 4 s, its look every second, and a visitor's coming and
# going, each of which the members hear of at their next heartbeat, 2 s later at most.
MENDED_S = 20
# What is broken, by the environment that breaks it.
BREAKS = {
    "keeps-given-up": {"CLASSPULSE_BIN_PROCESSORS": str(REPOSITORY / "target/release/keeps-given-up")},
    "nobody-watches": {"CLASSPULSE_PROCESSORS__WORKER__ORPHAN_AFTER": "1h"},
}


class Scene:
    """The run's stack, and what its members count."""

    def __init__(self, options):
        # Also while there is much to catch up with: the rests are to show what a rebalance does, not what the load does.
        environment = {"CLASSPULSE_PROCESSORS__WORKER__CATCH_UP_INTERVAL": "1s"}
        environment |= BREAKS.get(options.broken, {})
        self.options, self.stack = options, OwnStack("scaling", options.port_base, environment)

    def up(self):
        self.stack.make("--schools", SCHOOLS, "--days", DAYS, "--clock", START, "--scale", "processors=2")

    def member(self, name):
        """What a member counts: partitions that it has, and those that moved by what happened to them."""
        counts = {"has": 0, "opened": 0, "given_back": 0, "lost": 0}
        for line in requests.get(self.stack.service(name)["metrics"], timeout=5).text.splitlines():
            series, _, value = line.partition(" ")
            if series.startswith("processors_partitions{"):
                counts["has"] += int(float(value))
            elif series.startswith("processors_partition_moves_total{"):
                counts[series.split('reason="')[1].split('"')[0]] += int(float(value))
        return counts

    def shares(self, *names):
        return [self.member(name)["has"] for name in names]

    def wait_for_shares(self, wanted, *names):
        """Until the members have as many partitions each; returns how long it took."""
        began = time.monotonic()
        while sorted(self.shares(*names)) != sorted(wanted):
            if time.monotonic() - began > 45:
                raise RuntimeError(f"partitions of {names}: {self.shares(*names)}, expected {wanted}")
            time.sleep(0.1)
        return time.monotonic() - began


class Members:
    """The group as its coordinator knows it, which tells also of what nobody has."""

    def __init__(self, stack):
        self.admin = AdminClient({"bootstrap.servers": stack.address("kafka"), "log_level": 0})

    def look(self):
        """({static id: (member id, number of partitions)}, whether the group is at rest)."""
        group = self.admin.describe_consumer_groups(["ledgers"], request_timeout=5)["ledgers"].result()
        members = {
            one.group_instance_id: (one.member_id, len(one.assignment.topic_partitions))
            for one in group.members if one.group_instance_id
        }
        return members, group.state == ConsumerGroupState.STABLE

    def wait_for(self, what, seconds, is_there):
        """Until the group at rest is as `is_there` says; returns its members, `None` where it does not come to that."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            members, at_rest = self.look()
            if at_rest and is_there(members):
                return members
            time.sleep(0.05)
        print(f"          not within {seconds} s: {what}: {members}", flush=True)
        return None


class Pulse:
    """The longest time in which nothing of a partition was committed, for each."""

    def __init__(self, stack):
        self.group = Group(stack.address("kafka"), "ledgers")
        self.last, self.since, self.rests = {}, {}, {}

    def look(self):
        committed, now = self.group.progress()[0], time.monotonic()
        for partition, offset in committed.items():
            if self.last.get(partition) != offset:
                self.last[partition], self.since[partition] = offset, now
            rest = now - self.since[partition]
            self.rests[partition] = max(rest, self.rests.get(partition, 0))

    def watch(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(0.2)

    def close(self):
        self.group.close()


def moved(before, after):
    return {what: after[what] - before[what] for what in before}


def add_and_remove(scene, verdict):
    """A third member comes and goes."""
    scene.wait_for_shares([2, 2], FIRST, SECOND)
    before = [scene.member(name) for name in (FIRST, SECOND)]
    pulse = Pulse(scene.stack)
    try:
        scene.stack.command("start", THIRD)
        took = scene.wait_for_shares([2, 1, 1], FIRST, SECOND, THIRD)
        pulse.watch(LONGEST_REST_S + 2)
        joined = [moved(*pair) for pair in zip(before, (scene.member(name) for name in (FIRST, SECOND)))]
        newcomer, rests = scene.member(THIRD), sorted(pulse.rests.values())
    finally:
        pulse.close()
    given, opened = sum(one["given_back"] for one in joined), sum(one["opened"] for one in joined)
    print(f"          a third member: {took:.1f} s; given back {given}, opened by it {newcomer['opened']}, "
          f"opened by the others {opened}; rests {' '.join(f'{rest:.1f}' for rest in rests)} s", flush=True)
    verdict.check("a member that joins takes one partition; three stay, and nothing of them is loaded again",
                  [] if (given, opened, newcomer["opened"]) == (1, 0, 1) else [f"{joined}, {newcomer}"])
    verdict.check(f"no partition rests for more than {LONGEST_REST_S} s", [rest for rest in rests if rest > LONGEST_REST_S])
    remove(scene, verdict)


def remove(scene, verdict):
    """The third member stops; its partition waits for the end of its session, the others do not."""
    before = [scene.member(name) for name in (FIRST, SECOND)]
    pulse = Pulse(scene.stack)
    try:
        scene.stack.command("stop", THIRD)
        began = time.monotonic()
        while sum(scene.shares(FIRST, SECOND)) < PARTITIONS:
            if time.monotonic() - began > SESSION_S + 30:
                raise RuntimeError(f"partitions: {scene.shares(FIRST, SECOND)}")
            pulse.look()
            time.sleep(0.1)
        took = time.monotonic() - began
        pulse.watch(2)
        left = [moved(*pair) for pair in zip(before, (scene.member(name) for name in (FIRST, SECOND)))]
    finally:
        pulse.close()
    rests = sorted(pulse.rests.values())
    given, opened = sum(one["given_back"] + one["lost"] for one in left), sum(one["opened"] for one in left)
    print(f"          it stops: {took:.1f} s; opened {opened}, given back {given}; "
          f"rests {' '.join(f'{rest:.1f}' for rest in rests)} s", flush=True)
    verdict.check("when it stops its partition alone moves", [] if (given, opened) == (0, 1) else [f"{left}"])
    verdict.check("the partitions that stay are committed meanwhile",
                  [rest for rest in rests[:-1] if rest > LONGEST_REST_S])


def add_and_remove_unseen(scene):
    """The same, of members that do not know what they have; only the newcomer's count can be believed at first."""
    scene.stack.command("start", THIRD)
    scene.wait_for_shares([1], THIRD)
    time.sleep(LONGEST_REST_S)
    scene.stack.command("stop", THIRD)
    time.sleep(SESSION_S + LONGEST_REST_S)


def die_giving_up(scene, verdict):
    """A member dies after the group took a partition from it, and before it said that it has let go."""
    group = Members(scene.stack)
    back = die_within_a_rebalance(scene, group)
    verdict.check("a member that died giving a partition up is back without a rebalance, and the partition is nobody's",
                  [] if back and owned(back) == PARTITIONS - 1 else [back])
    began = time.monotonic()
    mended = group.wait_for("all have owners", MENDED_S, lambda members: len(members) == 3 and owned(members) == PARTITIONS)
    if mended:
        print(f"          an owner again after {time.monotonic() - began:.1f} s: {shares_of(mended)}", flush=True)
    verdict.check(f"within {MENDED_S} s each partition has an owner again", [] if mended else ["one has none"])


def die_within_a_rebalance(scene, group):
    """The members when the dead one is back; `None` where the scene could not be set."""
    before = group.wait_for("two of two each", 10, lambda members: sorted(shares_of(members).values()) == [2, 2])
    # A member that still loads what it was given cannot be asked for any of it.
    wait_for_commits(scene)
    clickhouse = scene.stack.service("clickhouse")["pid"]
    starting = threading.Thread(target=scene.stack.command, args=("start", THIRD), kwargs={"check": False})
    # Tables that do not answer hold up the flush that a member does before it lets go.
    os.kill(clickhouse, signal.SIGSTOP)
    try:
        starting.start()
        parted = group.wait_for("one taken away", 20, lambda members: len(members) == 3 and owned(members) == PARTITIONS - 1)
        if not (before and parted):
            return None
        dying = next(name for name in before if parted[name][1] < before[name][1])
        os.kill(scene.stack.service(process_of(dying))["pid"], signal.SIGKILL)
        print(f"          {dying} dies giving up: {shares_of(parted)}", flush=True)
        return group.wait_for("it is back", 15, lambda members: members[dying][0] != parted[dying][0])
    finally:
        os.kill(clickhouse, signal.SIGCONT)
        starting.join()


def wait_for_commits(scene):
    """Until something of each partition was written and committed since now."""
    pulse = Pulse(scene.stack)
    try:
        pulse.look()
        first, until = dict(pulse.last), time.monotonic() + 20
        while any(pulse.last[partition] == offset for partition, offset in first.items()):
            if time.monotonic() > until:
                raise RuntimeError(f"nothing is committed: {first}, {pulse.last}")
            pulse.watch(0.2)
    finally:
        pulse.close()


def owned(members):
    return sum(count for _, count in members.values())


def shares_of(members):
    return {name: count for name, (_, count) in sorted(members.items())}


def process_of(member):
    """The service that is the member of this static id, which bears its number."""
    number = member.removeprefix("processors-")
    return FIRST if number == "1" else f"processors-{number}"


def judge(scene, verdict):
    scene.stack.command("stop", "fleet")
    scene.stack.wait_for_quiet()
    oracle.compare(scene.stack, "kafka", verdict, with_api=False)
    if not scene.options.broken:
        oracle.compare(scene.stack, "journal", verdict, with_api=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port-base", type=int, default=26_400, metavar="P", help="first port of the stack")
    parser.add_argument("--break", dest="broken", choices=BREAKS, help="break a mechanism, to see that it is noticed")
    parser.add_argument("--keep", action="store_true", help="leave the stack's files")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scene, verdict = Scene(options), oracle.Verdict()
    try:
        scene.up()
        if options.broken == "keeps-given-up":
            add_and_remove_unseen(scene)
        elif not options.broken:
            add_and_remove(scene, verdict)
        if options.broken != "keeps-given-up":
            die_giving_up(scene, verdict)
        if options.broken != "nobody-watches":
            judge(scene, verdict)
    finally:
        scene.stack.remove(options.keep)
    print(f"{len(verdict.passed)} passed, {len(verdict.failed)} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
