"""Edge, processors and API are killed in the middle of a fleet day; the tables end equal to an undisturbed run's.

Two stacks of one seed play the same hours side by side: the fleet's scenario `steady`, whose events do not depend on
timing. In one of them every service is killed with -9, one after the other. Then every column of every table must be
equal but those that come from the time of receipt and from the place in the log.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "oracle"), str(HERE.parent / "wire")]

import requests
from running import REPOSITORY, Running, milliseconds

# The clock runs while the stacks come up: they begin before school does, and the script ends late enough.
START, BEGIN, UNTIL, SPEED = "2026-11-19T05:00", "2026-11-19T08:05:00+08:00", "2026-11-19T12:40:00+08:00", 300
KILL_EVERY_S = 4
SCHOOLS, DAYS = 16, 1
VICTIMS = ("ingest", "processors", "query-api")
# From the time of receipt, or from the place in the log, which depend on when a post arrived.
OF_RECEIPT = {"last_received", "last_heartbeat", "received_at", "kafka_partition", "kafka_offset"}
TABLES = {
    "device_day": ("division", "school_no", "day", "device_no"),
    "network_day": ("division", "school_no", "day", "device_no"),
    "school_day": ("division", "school_no", "day"),
    "school_network_day": ("division", "school_no", "day"),
    "roster_day": ("division", "school_no", "day"),
    "events_raw": ("device_no", "boot_id", "stream", "seq", "from_day"),
}
# The version of the archive is its offset, that of the roster the registry's.
VERSIONS_OF_THE_LOG = {"events_raw", "roster_day"}


class Day:
    """One run of the day."""

    def __init__(self, port_base, name):
        self.var, self.name = REPOSITORY / f"var/{name}-{port_base}", name
        self.port_base, self.stack = port_base, Running(port_base, REPOSITORY / f"var/{name}-{port_base}")

    def up(self):
        shutil.rmtree(self.var, ignore_errors=True)
        self.var.mkdir(parents=True)
        fleet = {"SCENARIO": "steady", "UNTIL": UNTIL, "SEED": "36", "RETRY_CAP": "1s"}
        environment = dict(os.environ, CLASSPULSE_VAR=str(self.var), CLASSPULSE_BUILT="1")
        environment |= {f"CLASSPULSE_FLEET__FLEET__{key}": value for key, value in fleet.items()}
        words = ["up", "--detach", "--schools", SCHOOLS, "--days", DAYS, "--clock", f"{START}@{SPEED}", "--port-base", self.port_base]
        command = [str(REPOSITORY / "classpulse"), *map(str, words)]
        done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def play(self, victims):
        """Waits for the end of the script; kills meanwhile. Returns what was killed while the fleet was posting."""
        killed, left, posts = [], list(victims), 0
        while (status := self.status())["phase"] != "done":
            at_school = self.stack.now_ms() > milliseconds(BEGIN) and status["posts"] > posts
            posts = status["posts"]
            if left and at_school and status["phase"] == "live":
                killed.append(left.pop(0))
                os.kill(self.stack.service(killed[-1])["pid"], signal.SIGKILL)
                time.sleep(KILL_EVERY_S)
            time.sleep(0.5)
        self.stack.wait_for_quiet()
        return killed

    def status(self):
        return requests.get(self.stack.service("fleet")["metrics"].replace("/metrics", "/status"), timeout=5).json()

    def table(self, name):
        """Rows by key, without the columns of receipt."""
        columns = self.stack.rows(
            f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{name}_final' ORDER BY position"
        )
        left_out = OF_RECEIPT | ({"ver"} if name in VERSIONS_OF_THE_LOG else set())
        wanted = [row["name"] for row in columns if row["name"] not in left_out]
        keys = TABLES[name]
        result = self.stack.clickhouse().query(f"SELECT {', '.join(wanted)} FROM {name}_final")
        rows = [dict(zip(wanted, row)) for row in result.result_rows]
        return {tuple(row[key] for key in keys): row for row in rows}

    def down(self):
        self.stack.command("down", check=False)
        shutil.rmtree(self.var, ignore_errors=True)


def differences(calm, killed):
    """In words, between two tables by key."""
    found = [f"only in the undisturbed run: {key}" for key in calm.keys() - killed.keys()]
    found += [f"only in the killed run: {key}" for key in killed.keys() - calm.keys()]
    for key in calm.keys() & killed.keys():
        found += [
            f"{key}: {name} is {killed[key][name]}, undisturbed {calm[key][name]}"
            for name in calm[key] if calm[key][name] != killed[key][name]
        ]
    return found


def compare(calm, killed):
    """Prints, and counts (passed, failed)."""
    passed = failed = 0
    for name in TABLES:
        rows = calm.table(name)
        found = differences(rows, killed.table(name))
        good = rows and not found
        passed, failed = passed + bool(good), failed + (not good)
        print(f"{'equal' if good else 'DIFFERENT':<10}{name}: {len(rows)} rows, every column but those of receipt")
        for line in sorted(found)[:10]:
            print(f"    {line[:300]}")
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port-base", type=int, default=26_200, metavar="P", help="first port of the first of two stacks")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    calm, killed = Day(options.port_base, "undisturbed"), Day(options.port_base + 100, "killed")
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(Day.up, (calm, killed)))
            plays = pool.submit(calm.play, ()), pool.submit(killed.play, VICTIMS)
            _, hit = (play.result() for play in plays)
        print(f"killed while the fleet was posting: {', '.join(hit)}")
        passed, failed = compare(calm, killed)
        if hit != list(VICTIMS):
            failed += 1
            print("FAILED: not everything was killed before the day was over")
    finally:
        for day in (calm, killed):
            day.down()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
