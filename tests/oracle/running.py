"""A running stack, found through stack.json as docs/contract.md section 8 says; its lag, and quiet."""

import datetime
import json
import os
import pathlib
import re
import subprocess
import time

import clickhouse_connect
from confluent_kafka import Consumer, TopicPartition

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TOPIC = re.compile(r"telemetry\.events\.v([0-9]+)")
GROUPS = ("ledgers", "archive")
DEFAULT_BASE = 8700


def milliseconds(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


class Running:
    """Addresses and commands of one stack."""

    def __init__(self, port_base=None, var=None):
        self.port_base = port_base
        shared = REPOSITORY / "var"
        own = shared if port_base in (None, DEFAULT_BASE) else shared / str(port_base)
        self.var = pathlib.Path(var or os.environ.get("CLASSPULSE_VAR") or own)

    @property
    def manifest(self):
        try:
            return json.loads((self.var / "stack.json").read_text())
        except FileNotFoundError:
            raise SystemExit(f"no stack is up in {self.var}") from None

    def address(self, name):
        return self.manifest[name]

    def service(self, name):
        return next(service for service in self.manifest["services"] if service["name"] == name)

    def has(self, name):
        return any(service["name"] == name and service["pid"] for service in self.manifest["services"])

    def now_ms(self):
        clock = self.manifest["clock"]
        elapsed = time.time() * 1000 - milliseconds(clock["real"])
        return int(milliseconds(clock["virtual"]) + elapsed * clock["speed"])

    def today(self):
        return (self.now_ms() + 8 * 3_600_000) // 86_400_000

    def command(self, *words, timeout=180, check=True):
        """A command of the front door."""
        environment = dict(os.environ, CLASSPULSE_VAR=str(self.var), CLASSPULSE_BUILT="1")
        base = ["--port-base", str(self.port_base)] if self.port_base else []
        done = subprocess.run(
            [str(REPOSITORY / "classpulse"), *words, *base], env=environment, cwd=REPOSITORY, capture_output=True,
            text=True, timeout=timeout,
        )
        if check and done.returncode:
            raise RuntimeError(f"./classpulse {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def token(self):
        return self.command("token", "user", "--role", "province_admin", "--scope", "440000")

    def clickhouse(self):
        host, port = self.address("clickhouse_http").removeprefix("http://").split(":")
        return clickhouse_connect.get_client(
            host=host, port=int(port), database=self.address("database"), autogenerate_session_id=False
        )

    def rows(self, sql):
        """Rows of a query as dictionaries."""
        return self.clickhouse().query(sql).named_results()

    def wait_for_quiet(self, seconds=120):
        """Waits until everything in the topic is folded and archived; returns the topic's end."""
        groups = [Group(self.address("kafka"), name) for name in GROUPS]
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                progress = [group.progress() for group in groups]
                if all(committed == ends for committed, ends in progress):
                    return progress[0][1]
                time.sleep(0.3)
            raise RuntimeError(f"not quiet within {seconds} s: {progress}")
        finally:
            for group in groups:
                group.close()


def event_topics(consumer, timeout=10):
    """{topic: its partitions}, in the order of the log: topics follow each other as partitions are added."""
    topics = consumer.list_topics(timeout=timeout).topics
    found = sorted((int(match[1]), name) for name in topics if (match := TOPIC.fullmatch(name)))
    return {name: sorted(topics[name].partitions) for _, name in found}


class Group:
    """How far a consumer group is, over all topics of events."""

    def __init__(self, kafka, name, timeout=3):
        self.timeout = timeout
        self.consumer = Consumer({"bootstrap.servers": kafka, "group.id": name, "enable.auto.commit": False,
                                  "log_level": 0, "reconnect.backoff.max.ms": 500})

    def progress(self):
        """({place: committed}, {place: end}), a place being a topic and a partition; raises KafkaException where the
        broker does not answer."""
        topics = event_topics(self.consumer, self.timeout)
        wanted = [TopicPartition(topic, partition) for topic, partitions in topics.items() for partition in partitions]
        ends = {
            (at.topic, at.partition): self.consumer.get_watermark_offsets(at, timeout=self.timeout)[1] for at in wanted
        }
        committed = self.consumer.committed(wanted, timeout=self.timeout)
        return {(at.topic, at.partition): max(at.offset, 0) for at in committed}, ends

    def close(self):
        self.consumer.close()
