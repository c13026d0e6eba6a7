"""`./classpulse chaos`: breaks a stack of its own on purpose, and lets the oracle judge what is left.

Every fault is drawn from the seed. Afterwards every acknowledged event must be in the topic, none counted twice, and
every table row and every figure must be what the events say. Exit 0 only then.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oracle"), str(HERE.parent / "wire")]

import oracle
from faults import INSTANCES, KINDS, Hands, draw
from machine import NotAllowed, Remote, SmallDisk, check_mounts, check_namespaces
from report import Report
from running import REPOSITORY, Running
from sources import JournalSource, KafkaSource
from watch import BOUNDS_MIB, Recovery, Watch

SCHOOLS = 30
DAYS = 1
START = "2026-11-19T08:00"
CALM_S = 3
# About what a fault takes beside its own length, mostly recovery: the clock is set so that the run fits into the hours
# with traffic.
FAULT_S, HOURS_OF_TRAFFIC = 14, 10
OFFSETS = {"ingest-2": 10, "query-api-2": 11, "processors-2": 13}
BREAKS = {"commit-early": ("commit-early", ("kill-processors", "kill-processors"))}


def arguments():
    parser = argparse.ArgumentParser(
        prog="./classpulse chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="kinds of faults: " + " ".join(KINDS) + " (the long ones, away-…, only by --kinds)",
    )
    parser.add_argument("--faults", type=int, default=20, metavar="N", help="how many (20)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="draws the faults and the fleet's events (1)")
    parser.add_argument("--minutes", type=float, default=60, metavar="M", help="begin no fault after this long (60)")
    parser.add_argument("--kinds", metavar="LIST", help="only these kinds, separated by commas")
    parser.add_argument("--without", metavar="LIST", default="", help="not these kinds, e.g. on a machine without namespaces")
    parser.add_argument("--break", dest="broken", choices=BREAKS, help="run a broken twin of the processors; must fail")
    parser.add_argument("--schools", type=int, default=SCHOOLS, metavar="N", help=f"size of the province ({SCHOOLS})")
    parser.add_argument("--port-base", type=int, default=26_000, metavar="P", help="first port of the stack (26000)")
    parser.add_argument("--report", type=pathlib.Path, metavar="DIR", help="where the report goes (var/chaos-report)")
    parser.add_argument("--keep", action="store_true", help="keep the stack's files")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.kinds = chosen(parser, options)
    options.report = (options.report or REPOSITORY / "var/chaos-report").absolute()
    return options


def chosen(parser, options):
    """The kinds of faults of this run."""
    only, without = ({name for name in (text or "").split(",") if name} for text in (options.kinds, options.without))
    if unknown := (only | without) - KINDS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are: {' '.join(KINDS)}")
    kinds = (only or {name for name, kind in KINDS.items() if not kind.is_long}) - without
    if not kinds:
        parser.error("no kind of fault is left")
    return kinds


def check_machine(kinds, var):
    """Ends the run, by name, where the machine does not allow what the chosen kinds need."""
    checks = {"namespace": check_namespaces, "disk": lambda: check_mounts(var / "try")}
    refused = []
    for need, check in checks.items():
        names = sorted(name for name in kinds if KINDS[name].needs == need)
        try:
            if names:
                check()
        except NotAllowed as reason:
            refused.append(f"this machine does not allow {','.join(names)}: {reason}; leave them out by --without {','.join(names)}")
    if refused:
        raise SystemExit("chaos: " + "\nchaos: ".join(refused))


class Scene:
    """A stack of the run's own, with what is needed to break it."""

    def __init__(self, options, var):
        self.options, self.var = options, var
        self.stack = Running(options.port_base, var)
        self.disk, self.remotes, self.is_up = None, [], False
        first = BREAKS[options.broken][1] if options.broken else ()
        self.faults = draw(options.seed, options.faults, options.kinds, first)

    def build(self):
        """Two of every service; the second ones each behind a wire of their own."""
        shutil.rmtree(self.var, ignore_errors=True)
        self.var.mkdir(parents=True)
        if "full-clickhouse" in self.options.kinds:
            self.disk = SmallDisk(self.var / "clickhouse")
        cut = [INSTANCES[KINDS[name].part][-1] for name in sorted(self.options.kinds) if KINDS[name].deed == "cut"]
        base = self.options.port_base
        for index, service in enumerate(cut):
            self.remotes.append(Remote(service, index, base, base + OFFSETS[service], (base + 5, base + 7)))
            self.remotes[-1].build()

    def up(self):
        """Brings the stack up."""
        print(f"bringing up a stack at {self.options.port_base}, in {self.var}", flush=True)
        length_s = 30 + sum(FAULT_S + fault.seconds for fault in self.faults)
        speed = max(20, min(120, int(HOURS_OF_TRAFFIC * 3_600 / length_s)))
        words = ["up", "--detach", "--journal", "--schools", self.options.schools, "--days", DAYS, "--clock", f"{START}@{speed}"]
        for service in ("ingest", "processors", "query-api"):
            words += ["--scale", f"{service}=2"]
        self.is_up = True
        # The near relays open ports that the launcher wants to see free first.
        threading.Thread(target=self.connect, daemon=True).start()
        self.launch([str(word) for word in words])

    def launch(self, words):
        command = [str(REPOSITORY / "classpulse"), *words, "--port-base", str(self.options.port_base)]
        environment = dict(os.environ, CLASSPULSE_VAR=str(self.var), CLASSPULSE_BUILT="1") | self.environment()
        done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"the stack does not come up:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")

    def environment(self):
        """How the stack differs from any other: the fleet's seed, wrapped and broken services."""
        found = {
            "CLASSPULSE_FLEET__FLEET__SEED": str(self.options.seed),
            # A post that hangs in a cut wire must not keep the others waiting for long.
            "CLASSPULSE_FLEET__FLEET__CONCURRENCY": "256", "CLASSPULSE_FLEET__EDGE__TIMEOUT": "5s",
        }
        release = REPOSITORY / "target/release"
        twin = BREAKS[self.options.broken][0] if self.options.broken else None
        if twin:
            found["CLASSPULSE_BIN_PROCESSORS"] = str(release / twin)
        for remote in self.remotes:
            kind = remote.service.removesuffix("-2")
            program = release / (twin if twin and kind == "processors" else kind)
            name = remote.service.upper().replace("-", "_")
            found[f"CLASSPULSE_BIN_{name}"] = str(remote.wrapper(self.var, program))
        return found

    def connect(self):
        while self.is_up and not (self.var / "stack.json").exists():
            time.sleep(0.1)
        for remote in self.remotes:
            remote.connect()

    def down(self, keep):
        """Takes everything down, whatever state it is in."""
        was_up, self.is_up = self.is_up, False
        if self.disk:
            self.disk.free()
        if was_up:
            print(self.stack.command("down", check=False) or "the stack is down", flush=True)
        for remote in self.remotes:
            remote.remove()
        if self.disk:
            self.disk.remove()
        if not keep:
            shutil.rmtree(self.var, ignore_errors=True)


def break_things(scene, options, watch, report):
    """Does every fault, and waits after each until everything is well again."""
    stack, hands = scene.stack, Hands(scene.stack, scene.disk, scene.remotes)
    recovery = Recovery(stack, stack.token())
    for number, fault in enumerate(scene.faults, 1):
        if watch.now() > options.minutes * 60:
            print(f"{options.minutes:g} minutes are over", flush=True)
            break
        old_pid, began = recovery.before(fault), watch.now()
        hands.do(fault)
        healed, since = watch.now(), time.monotonic()
        took = recovery.wait(fault, old_pid, KINDS[fault.kind].deed == "kill", since)
        report.note(fault, began, healed, took)
        words = "not well again" if took is None else f"well again after {took:.1f} s"
        print(f"{number:>4}  {fault.kind:<20}{fault.victim:<14}{fault.seconds:>5.1f} s  {words}", flush=True)
        time.sleep(CALM_S)


def judge(scene, verdict, report, watch):
    """The fleet ends; when it is quiet, the oracle compares, and the journal is looked for in the topic."""
    stack = scene.stack
    stack.command("stop", "fleet")
    try:
        stack.wait_for_quiet()
        verdict.check("everything in the topic is folded and archived", [])
    except RuntimeError as reason:
        verdict.check("everything in the topic is folded and archived", [reason])
    watch.stop()
    journal = JournalSource(stack)
    in_topic = {event.identity for event in KafkaSource(stack).events()}
    verdict.check(
        f"{len(journal.accepted)} acknowledged events are in the topic",
        (f"missing: {identity}" for identity in journal.accepted - in_topic),
    )
    # Broken rows make broken figures: the tables are enough to see that.
    oracle.compare(stack, "kafka", verdict, with_api=not scene.options.broken)
    oracle.compare(stack, "journal", verdict, with_api=False)
    verdict.check("memory of every process", watch.excesses())
    late = [f"{done.kind} of {done.victim}: not in time" for done in report.faults if done.took is None]
    verdict.check(f"recovery from {len(report.faults)} faults", late)
    report.counts = {"acknowledged": len(journal.accepted), "in_topic": len(in_topic)}


def play(scene, options, verdict, report):
    """The whole run."""
    scene.build()
    scene.up()
    report.watch = watch = Watch(scene.stack)
    watch.start()
    time.sleep(CALM_S)
    break_things(scene, options, watch, report)
    judge(scene, verdict, report, watch)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    options = arguments()
    var = REPOSITORY / f"var/chaos-{options.port_base}"
    if options.check:
        check_machine(options.kinds, var)
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    scene, verdict, report = Scene(options, var), oracle.Verdict(), Report(options, BOUNDS_MIB)
    try:
        play(scene, options, verdict, report)
    except KeyboardInterrupt:
        verdict.check("the run was not interrupted", ["interrupted"])
    except Exception as reason:
        # Whatever it was: the stack is taken down, and the run has failed.
        traceback.print_exc()
        verdict.check("the run came to its end", [reason])
    finally:
        # A second Ctrl-C must not leave anything behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        scene.down(keep=options.keep or bool(verdict.failed))
    if report.watch:
        report.watch.stop()
        report.write(verdict)
        print(f"report: {options.report}/report.md")
    print(f"{len(verdict.passed)} passed, {len(verdict.failed)} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
