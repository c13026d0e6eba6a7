"""A running stack: started through the front door, found through stack.json, as CONTRACT section 8 says."""

import datetime
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import clickhouse_connect
import requests

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ZONE = datetime.timezone(datetime.timedelta(hours=8))
DAY_MS = 86_400_000


def day_number(text):
    """Days since 1970-01-01 of a local date."""
    return (datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days


def day_text(day):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()


def day_start_ms(day):
    """The instant of a local day's 00:00 in Asia/Shanghai."""
    return day * DAY_MS - 8 * 3_600_000


def rfc3339(ms):
    whole = datetime.datetime.fromtimestamp(ms // 1000, ZONE)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}+08:00"


def parse_rfc3339_ms(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds() * 1000)


class Stack:
    """A stack; unless it has to be the caller's `own`, CLASSPULSE_WIRE_STACK names one that runs already."""

    def __init__(self, port_base, schools, clock, own=False):
        self.given = None if own else os.environ.get("CLASSPULSE_WIRE_STACK")
        self.port_base = str(port_base)
        self.var = pathlib.Path(self.given or tempfile.mkdtemp(prefix="classpulse-wire-"))
        self._tokens = {}
        if not self.given:
            self.command(
                "up", "--detach", "--no-fleet", "--schools", str(schools), "--clock", clock, timeout=1500
            )

    def command(self, *words, timeout=120):
        done = self.attempt(*words, timeout=timeout)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def attempt(self, *words, timeout=120):
        """A command that may fail."""
        environment = dict(os.environ, CLASSPULSE_VAR=str(self.var))
        arguments = [str(REPOSITORY / "classpulse"), *words, "--port-base", self.port_base]
        return subprocess.run(
            arguments, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout
        )

    @property
    def manifest(self):
        return json.loads((self.var / "stack.json").read_text())

    def address(self, name):
        return self.manifest[name]

    def now_ms(self):
        clock = self.manifest["clock"]
        elapsed = time.time() * 1000 - parse_rfc3339_ms(clock["real"])
        return int(parse_rfc3339_ms(clock["virtual"]) + elapsed * clock["speed"])

    def today(self):
        return (self.now_ms() + 8 * 3_600_000) // DAY_MS

    def service(self, name):
        return next(service for service in self.manifest["services"] if service["name"] == name)

    def pid(self, name):
        return self.service(name)["pid"]

    def kill(self, name):
        """kill -9; returns the process that is gone."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_ready(self, name, unlike=None, seconds=60):
        """Waits until a service runs (as another process than `unlike`) and says that it is ready."""

        def ready():
            service = self.service(name)
            if not service["pid"] or service["pid"] == unlike:
                return False
            try:
                return service["health"] is None or requests.get(service["health"], timeout=2).ok
            except requests.RequestException:
                return False

        wait_for(ready, seconds, f"{name} is ready")

    def device_token(self, device_no):
        key = ("device", device_no)
        if key not in self._tokens:
            self._tokens[key] = self.command("token", "device", str(device_no))
        return self._tokens[key]

    def user_token(self, role, scope):
        key = (role, scope)
        if key not in self._tokens:
            self._tokens[key] = self.command("token", "user", "--role", role, "--scope", scope)
        return self._tokens[key]

    def clickhouse(self):
        host, port = self.address("clickhouse_http").removeprefix("http://").split(":")
        return clickhouse_connect.get_client(
            host=host, port=int(port), database=self.address("database"), autogenerate_session_id=False
        )

    def rows(self, sql, **parameters):
        """Rows of a query as dictionaries."""
        return list(self.clickhouse().query(sql, parameters=parameters).named_results())

    def metric(self, service, name, **labels):
        """A counter of a service's Prometheus text, summed over the labels that are not given."""
        total = 0
        for line in requests.get(self.service(service)["metrics"], timeout=5).text.splitlines():
            if line.startswith("#") or " " not in line:
                continue
            series, value = line.split(" ")[:2]
            base, _, rest = series.partition("{")
            if base == name and all(f'{key}="{wanted}"' in rest for key, wanted in labels.items()):
                total += float(value)
        return int(total)

    def rss_bytes(self, service):
        status = pathlib.Path(f"/proc/{self.pid(service)}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def down(self):
        if not self.given:
            self.command("down")
            shutil.rmtree(self.var, ignore_errors=True)


def wait_for(condition, seconds, what, every=0.2):
    """Polls until a condition holds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        result = condition()
        if result:
            return result
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")
