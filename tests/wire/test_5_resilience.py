"""Acceptance 5 and 6, in short: parts go away, services are killed; what was accepted is there, once."""

import os
import random
import threading
import time

import pytest
from classrooms import Boot, good_network, lesson_day
from stack import day_number, wait_for

# Longer than the consumers' session: they come back as members that the broker has forgotten.
AWAY_S = float(os.environ.get("CLASSPULSE_WIRE_AWAY_S", "16"))


class Load:
    """Agents that post on, each event until it is taken, for as long as the block lasts."""

    def __init__(self, client, stack, devices, seed, threads=4):
        self.client, self.stack = client, stack
        self.stop = threading.Event()
        self.failures, self.taken = [], 0
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(seed + index), devices[index::threads]))
            for index in range(threads)
        ]

    def run(self, generator, devices):
        days = [day_number(text) for text in ("2026-11-11", "2026-11-12", "2026-11-10")]
        try:
            while not self.stop.is_set():
                boot = Boot(generator, generator.choice(devices))
                day = generator.choice(days)
                lesson_day(boot, day)
                good_network(boot, day)
                for post in boot.posts()[:6]:
                    self.client.post(*post, patience_s=AWAY_S + 60)
                    self.taken += 1
        except Exception as error:
            self.failures.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == []
        assert self.taken > 0


@pytest.fixture(scope="module")
def devices(registry):
    return [no for no, device in registry.devices.items() if device["state"] == "in_service"][:40]


def power_post(client, stack, generator, device_no):
    boot = Boot(generator, device_no)
    boot.power(stack.now_ms() - 60_000)
    return client.body(boot.boot_id, boot.events)


def archive_is_complete(stack, truth, patience_s):
    wanted = sum(len(events) for events in truth.events.values())

    def archived():
        sql = "SELECT uniqExact(device_no, boot_id, stream, seq) AS n FROM events_raw_final"
        return stack.rows(sql)[0]["n"] == wanted

    wait_for(archived, patience_s, f"the archive holds {wanted} events", every=1)


def test_kafka_away_is_told_within_a_second(client, stack, devices, expected, truth):
    generator = random.Random(51)
    with Load(client, stack, devices, 510) as load:
        time.sleep(2)
        stack.command("stop", "kafka")
        slowest, until = 0, time.monotonic() + AWAY_S
        while time.monotonic() < until:
            content, headers = power_post(client, stack, generator, devices[0])
            began = time.monotonic()
            answer = client.send(devices[0], content, headers)
            slowest = max(slowest, time.monotonic() - began)
            assert answer.status_code == 503, answer.text
            time.sleep(0.3)
        assert slowest < 1.0, f"503 after {slowest:.2f} s"
        stack.command("start", "kafka")
        before = load.taken
        wait_for(lambda: load.taken > before + 4, 60, "posts are taken again")
    expected.settle(60)
    # Neither may the archive make the outage longer.
    archive_is_complete(stack, truth, 15)


def test_clickhouse_away_stops_no_post(client, stack, devices, expected):
    with Load(client, stack, devices, 520) as load:
        time.sleep(1)
        stack.command("stop", "clickhouse")
        before = load.taken
        time.sleep(AWAY_S / 4)
        assert load.taken > before, "posts go on"
        stack.command("start", "clickhouse")
    expected.settle(60)


@pytest.mark.parametrize("service", ["ingest", "processors", "query-api"])
def test_a_killed_service_loses_nothing(client, stack, devices, expected, service):
    with Load(client, stack, devices, 530):
        time.sleep(2)
        killed = stack.kill(service)
        stack.wait_ready(service, unlike=killed)
        time.sleep(1)
    expected.settle(60)


def test_the_archive_and_the_audit_agree_at_the_end(stack, truth):
    """No row twice, no event missing, and school totals equal the sums of their devices."""
    archive_is_complete(stack, truth, 60)
    audit = stack.rows(
        "SELECT s.school_no, s.day FROM school_day_final s LEFT JOIN (SELECT division, school_no, day, "
        "sumIf(on_s, in_service = 1) AS on_s, sum(ver) AS ver FROM device_day_final GROUP BY ALL) d "
        "USING (division, school_no, day) WHERE s.on_s != d.on_s OR s.ver != d.ver"
    )
    assert audit == []
