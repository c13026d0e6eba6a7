"""An agent of our own, written from CONTRACT section 1, and the truth that it knows afterwards."""

import concurrent.futures
import gzip
import io
import json
import threading
import time
import uuid

import fastavro
import requests
import zstandard
from definitions import fold_activity, fold_network
from stack import rfc3339

ARRAYS = {
    "heartbeat": "heartbeats", "power": "power", "burst": "bursts", "bandwidth": "bandwidth",
    "inventory": "inventory", "fault": "faults", "resource": "resources",
}
STREAMS = {
    "heartbeat": "activity", "power": "activity", "burst": "network", "bandwidth": "network",
    "inventory": "device", "fault": "device", "resource": "resource",
}
ENCODINGS = [(form, packing) for form in ("json", "avro") for packing in (None, "gzip", "zstd")]


def wire_event(event):
    """An event as posted: without our own key."""
    return {key: value for key, value in event.items() if key != "at_ms"}


class Truth:
    """Every event that was accepted, by device and identity; what the tables must say follows from it."""

    def __init__(self):
        self.events = {}
        self.lock = threading.Lock()

    def accept(self, device_no, boot_id, event):
        """The first content of an identity counts."""
        identity = (boot_id, STREAMS[event["type"]], event["seq"])
        with self.lock:
            self.events.setdefault(device_no, {}).setdefault(identity, event)

    def size(self):
        """Number of distinct events."""
        with self.lock:
            return sum(len(events) for events in self.events.values())

    def of(self, device_no, *types):
        return [event for event in self.events.get(device_no, {}).values() if event["type"] in types]

    def activity(self):
        """{device_no: {day: ActivityDay}}"""
        return {no: days for no in self.events if (days := fold_activity(self.of(no, "heartbeat", "power")))}

    def network(self):
        """{device_no: {day: row}}"""
        return {no: days for no in self.events if (days := fold_network(self.of(no, "burst")))}


class Client:
    """Posts to the edge, in every form that the contract allows."""

    def __init__(self, stack, truth):
        self.stack, self.truth = stack, truth
        self.local = threading.local()
        self.schema_id = self.schema = None

    @property
    def session(self):
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
        return self.local.session

    def url(self):
        return f"{self.stack.address('edge')}/v1/events"

    def body(self, boot_id, events, form="json", packing=None, sent_at_ms=None, offset_ms=0, extra=None):
        """The bytes and headers of a post."""
        sent_at_ms = self.stack.now_ms() if sent_at_ms is None else sent_at_ms
        if form == "json":
            post = {
                "boot_id": boot_id, "sent_at": rfc3339(sent_at_ms), "clock_offset_ms": offset_ms, "agent": "wire-1",
                "events": [wire_event(event) for event in events], **(extra or {}),
            }
            content, kind = json.dumps(post, ensure_ascii=False).encode(), "application/json; charset=utf-8"
        else:
            content, kind = self.avro(boot_id, events, sent_at_ms, offset_ms), "application/avro"
        headers = {"Content-Type": kind}
        if packing == "gzip":
            content, headers["Content-Encoding"] = gzip.compress(content), "gzip"
        elif packing == "zstd":
            content, headers["Content-Encoding"] = zstandard.compress(content), "zstd"
        return content, headers

    def avro(self, boot_id, events, sent_at_ms, offset_ms):
        """Confluent framing and fastavro's encoding, by the published schema."""
        if self.schema is None:
            registry = f"{self.stack.address('schema_registry')}/subjects/device-post-value/versions/latest"
            published = requests.get(registry, timeout=10).json()
            self.schema = fastavro.parse_schema(json.loads(published["schema"]))
            self.schema_id = published["id"]
        record = {"boot_id": boot_id, "sent_at": sent_at_ms, "clock_offset_ms": offset_ms, "agent": "wire-1"}
        record |= {array: [] for array in ARRAYS.values()}
        for event in events:
            fields = {key: value for key, value in wire_event(event).items() if key != "type"}
            record[ARRAYS[event["type"]]].append(fields | {"at": event["at_ms"]})
        buffer = io.BytesIO()
        buffer.write(b"\0" + self.schema_id.to_bytes(4, "big"))
        fastavro.schemaless_writer(buffer, self.schema, record)
        return buffer.getvalue()

    def send(self, device_no, content, headers, timeout=30):
        """One request with the device's token."""
        headers = {"Authorization": f"Bearer {self.stack.device_token(device_no)}", **headers}
        return self.session.post(self.url(), data=content, headers=headers, timeout=timeout)

    def post(self, device_no, boot_id, events, form="json", packing=None, patience_s=0):
        """Posts valid events; with patience, again and again until they are taken, as an agent does."""
        until = time.monotonic() + patience_s
        while True:
            content, headers = self.body(boot_id, events, form, packing)
            try:
                answer = self.send(device_no, content, headers)
                if answer.status_code == 200:
                    break
                assert answer.status_code in (429, 503) and time.monotonic() < until, answer.text
            except requests.ConnectionError:
                assert time.monotonic() < until, "the edge is away"
            time.sleep(0.2)
        told = answer.json()
        # Whoever posts through here posts valid events only.
        assert told["accepted"] == len(events) and told["results"] == [], told
        ordered = sorted(events, key=lambda event: list(ARRAYS).index(event["type"]))
        for event in ordered:
            self.truth.accept(device_no, boot_id, event)
        return told

    def post_all(self, posts, threads=8, patience_s=30):
        """Posts (device_no, boot_id, events, form, packing) from many threads, in no order."""
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(self.post, *post, patience_s=patience_s) for post in posts]:
                done.result()


def new_boot(random):
    """A random uuid v4 out of a seeded generator."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
