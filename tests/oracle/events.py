"""An event, whatever it was read from."""

import datetime
from typing import NamedTuple

STREAMS = {
    "heartbeat": "activity", "power": "activity", "burst": "network", "bandwidth": "network",
    "inventory": "device", "fault": "device", "resource": "resource",
}
# Only these reach the tables that the oracle computes.
FOLDED = ("heartbeat", "power", "burst")
ALWAYS = (-(1 << 31), 1 << 31)


class Event(NamedTuple):
    """`days`: the half-open range of days into which it is folded; `stamp`: (school, class, division, in service)."""

    device_no: int
    boot_id: str
    type: str
    seq: int
    at_ms: int
    body: dict
    days: tuple = ALWAYS
    stamp: tuple = None
    received_ms: int = None
    where: str = ""

    @property
    def identity(self):
        return self.device_no, self.boot_id, STREAMS[self.type], self.seq

    def told(self):
        """In words, for whoever looks for the reason of a difference."""
        spans = {key: self.body[key] for key in ("on", "active", "apps", "kind", "busy") if key in self.body}
        return f"{self.type} boot {self.boot_id} seq {self.seq} at {moment(self.at_ms)} {self.where} {spans}"


def moment(ms):
    seconds, part = divmod(ms + 8 * 3_600_000, 1000)
    day, second = divmod(seconds, 86_400)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
    return f"{date}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{part:03d}+08:00"
