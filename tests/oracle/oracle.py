"""`./classpulse oracle`: compares tables and API of a running stack with what its events say."""

import argparse
import contextlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "wire"))

from activity import day_of
from api import Api
from figures import Figures
from ledger import Ledger
from registry_topics import Registry
from running import Running
from sources import SOURCES, ArchiveSource
from tables import Tables, date, explain

SHOWN = 20


class Verdict:
    """What was compared, and what differs."""

    def __init__(self):
        self.passed, self.failed = [], []

    def check(self, what, differences, explanation=()):
        differences = [str(difference) for difference in differences]
        (self.failed if differences else self.passed).append(what)
        print(f"{'DIFFERENT' if differences else 'equal':<10}{what}", flush=True)
        for line in sorted(differences)[:SHOWN]:
            print(f"    {line}")
        if len(differences) > SHOWN:
            print(f"    … and {len(differences) - SHOWN} more")
        for line in explanation:
            print(f"    {line}")


def compare(stack, name, verdict, with_api=True):
    """Computes everything from one source and compares it."""
    began = time.monotonic()
    source = SOURCES[name](stack)
    registry = Registry(stack)
    if name == "journal":
        check_journal(stack, source, verdict)
    ledger, count = Ledger(registry), 0
    for event in source.events():
        ledger.add(event)
        count += 1
    print(f"          {count} events from {name}, {time.monotonic() - began:.0f} s", flush=True)
    verdict.check(f"{name}: every record is stamped with the belonging of its days", ledger.misplaced)
    first, last = span_of(stack, ledger)
    expected = Figures(ledger)
    tables = Tables(stack, ledger, received=name != "journal")
    found = tables.differences()
    rows = ", ".join(f"{table} {count}" for table, count in tables.rows.items())
    verdict.check(f"{name}: tables, every column of every row ({rows})", found, explain(source, found))
    found = tables.roster_differences(expected, first, last)
    verdict.check(f"{name}: roster_day, {tables.rows['roster_day']} rows", found)
    if with_api:
        api = Api(stack, expected, first, last)
        found = api.differences()
        verdict.check(
            f"{name}: API, {api.fields} fields of {api.asked} answers over {date(first)}..{date(last)}", found
        )
    print(f"          {time.monotonic() - began:.0f} s", flush=True)
    return ledger


def check_journal(stack, source, verdict):
    """Nothing acknowledged is missing, nothing is there that nobody sent or that was refused."""
    archived = ArchiveSource(stack).identities()
    verdict.check(
        f"journal: {len(source.accepted)} acknowledged events are in the archive",
        (f"missing: {identity}" for identity in source.missing(archived)),
    )
    verdict.check(
        "journal: nothing is in the archive that was never sent",
        (f"never sent: {identity}" for identity in archived - source.accepted - source.sent()),
    )
    verdict.check(
        f"journal: {len(source.refused)} refused events are not in the archive",
        (f"refused: {identity}" for identity in archived & source.refused),
    )
    source.settle(archived)


def span_of(stack, ledger):
    """The days that are compared: those with events, back from today."""
    today = min(stack.today(), day_of(stack.now_ms()))
    days = [day for _, day in (*ledger.activity, *ledger.network) if day <= today]
    return max(min(days, default=today), today - 44), today


@contextlib.contextmanager
def fleet_paused(stack, pause):
    """The fleet stands while the stack is compared; nothing else may post meanwhile."""
    paused = pause and stack.has("fleet")
    if paused:
        print("the fleet is paused while everything is compared", flush=True)
        stack.command("stop", "fleet")
    try:
        yield
    finally:
        if paused:
            stack.command("start", "fleet")


def run(stack, sources, pause=True, with_api=True):
    """Compares with each source; True if everything is equal."""
    verdict = Verdict()
    with fleet_paused(stack, pause):
        before = stack.wait_for_quiet()
        for name in sources:
            compare(stack, name, verdict, with_api)
        moved = before != stack.wait_for_quiet()
        if moved:
            print("the log grew meanwhile: somebody else posts; compare again when it is quiet")
    print(f"{len(verdict.passed)} passed, {len(verdict.failed)} failed")
    return not verdict.failed and not moved


def main():
    parser = argparse.ArgumentParser(prog="./classpulse oracle", description=__doc__)
    parser.add_argument("--from", dest="source", choices=[*SOURCES, "all"], default="kafka",
                        help="where the events come from; journal: of a stack that was brought up with --journal")
    parser.add_argument("--port-base", type=int, metavar="P", help="which stack")
    parser.add_argument("--no-api", action="store_true", help="compare the tables only")
    parser.add_argument("--no-pause", action="store_true", help="leave the fleet alone; something may move then")
    options = parser.parse_args()
    stack = Running(options.port_base)
    sources = list(SOURCES) if options.source == "all" else [options.source]
    sys.exit(0 if run(stack, sources, not options.no_pause, not options.no_api) else 1)


if __name__ == "__main__":
    main()
