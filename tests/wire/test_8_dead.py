"""Issue 4, dead letters: what is no Avro is named truly and never comes back by itself; what was not folded is folded
once, however often it is put back."""

import io
import json
import random
import uuid

import confluent_kafka
import fastavro
import pytest
import requests
from classrooms import HOUR, Boot
from stack import day_number, day_start_ms, wait_for

TOPIC = "telemetry.events.v1"
DAY = day_number("2026-11-06")


@pytest.fixture(scope="module")
def producer(stack):
    return confluent_kafka.Producer({"bootstrap.servers": stack.address("kafka")})


def produce(producer, topic, value, key=None, partition=None):
    """Returns the partition and offset."""
    told = []
    where = {} if partition is None else {"partition": partition}
    producer.produce(topic, value, key=key, on_delivery=lambda error, message: told.append((error, message)), **where)
    producer.flush(20)
    error, message = told[0]
    assert error is None, error
    return message.partition(), message.offset()


def letters(stack, *words):
    return json.loads(stack.command("dead", "list", "--json", *words))


def framed(stack, subject, record):
    published = requests.get(f"{stack.address('schema_registry')}/subjects/{subject}/versions/latest", timeout=10).json()
    buffer = io.BytesIO(b"\0" + published["id"].to_bytes(4, "big"))
    buffer.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(json.loads(published["schema"])), record)
    return buffer.getvalue()


def written_by(stack):
    """The schema whose id a value begins with."""
    known = {}

    def schema(value):
        schema_id = int.from_bytes(value[1:5], "big")
        if schema_id not in known:
            published = requests.get(f"{stack.address('schema_registry')}/schemas/ids/{schema_id}", timeout=10).json()
            known[schema_id] = fastavro.parse_schema(json.loads(published["schema"]))
        return known[schema_id]

    return schema


def records(stack):
    """What can be decoded of the topic, as (message, value): by now it holds what cannot."""
    schema, found = written_by(stack), []
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": stack.address("kafka"), "group.id": str(uuid.uuid4()), "enable.partition.eof": True,
    })
    unfinished = set(consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions)
    consumer.assign([confluent_kafka.TopicPartition(TOPIC, p, confluent_kafka.OFFSET_BEGINNING) for p in unfinished])
    while unfinished:
        message = consumer.poll(20)
        assert message is not None, "no end within 20 s"
        if message.error():
            unfinished.discard(message.partition())
            continue
        try:
            body = io.BytesIO(message.value()[5:])
            found.append((message, fastavro.schemaless_reader(body, schema(message.value()))))
        except (EOFError, IndexError, KeyError, UnicodeDecodeError, ValueError, TypeError):
            continue
    consumer.close()
    return found


@pytest.fixture(scope="module")
def posted(stack, client, registry):
    """The record of one post, with its message."""
    device_no = [no for no, device in registry.devices.items() if device["state"] == "in_service"][100]
    boot, begin = Boot(random.Random(70), device_no), day_start_ms(DAY) + 8 * HOUR * 1000
    boot.heartbeat(begin + 600_000, [(begin, begin + 600_000)], [(begin, begin + 300_000)])
    client.post(device_no, boot.boot_id, boot.events)
    return next((message, value) for message, value in records(stack) if str(value["boot_id"]) == boot.boot_id)


def test_a_poison_record_is_named_and_shown(stack, producer):
    partition, offset = produce(producer, TOPIC, b"poison, no Avro", key=b"1", partition=2)

    def buried():
        return [row for row in letters(stack, "--dead") if (row["partition"], row["offset"]) == (partition, offset)]

    row = wait_for(buried, 30, "the poison record is in the dead letters", every=1)[0]
    assert (row["topic"], row["reason"], row["group"]) == (TOPIC, "undecodable", "ledgers")
    shown = json.loads(stack.command("dead", "show", row["id"], "--json"))
    assert bytes.fromhex(shown["hex"]) == b"poison, no Avro" and shown["key"] == "1"
    assert shown["decoded"]["stopped"]["because"] == "no Confluent framing"
    refused = stack.attempt("dead", "redrive", row["id"])
    assert refused.returncode == 1 and "cannot decode" in refused.stdout


def test_a_cut_record_is_decoded_as_far_as_it_goes(stack, producer, posted):
    message, value = posted
    where = produce(producer, TOPIC, message.value()[:-1], key=message.key(), partition=message.partition())

    def buried():
        return [row for row in letters(stack, "--dead") if (row["partition"], row["offset"]) == where]

    row = wait_for(buried, 30, "the cut record is in the dead letters", every=1)[0]
    shown = json.loads(stack.command("dead", "show", row["id"], "--json"))["decoded"]
    assert shown["device_no"] == str(value["device_no"]) and shown["stopped"]["because"] == "truncated"
    assert [event["seq"] for event in shown["events"] if event["type"] == "heartbeat"] == [
        event["seq"] for event in value["heartbeats"]
    ]


def test_what_was_never_folded_is_folded_once(stack, producer, posted, truth):
    """A letter made by hand, as a worker would that could not fold it."""
    message, template = posted
    begin = day_start_ms(DAY) + 9 * HOUR * 1000

    def record(at, on):
        """Of the same device and belonging, by another boot."""
        boot_id = str(uuid.uuid4())
        beat = {"seq": 0, "at": at, "on": [{"from_ms_ago": on, "to_ms_ago": 0}], "active": [], "apps": []}
        boot = boot_id if isinstance(template["boot_id"], str) else uuid.UUID(boot_id)
        # It never goes through the edge, so nobody else tells.
        told = {"type": "heartbeat", "seq": 0, "at_ms": at, "on": [[on, 0]], "active": [], "apps": []}
        truth.accept(template["device_no"], boot_id, told)
        return boot_id, framed(stack, f"{TOPIC}-value", dict(template, boot_id=boot, heartbeats=[beat]))

    def folded(boot_id):
        sql = "SELECT ver, events, on_s FROM device_day FINAL WHERE device_no = {no:UInt32} AND has(seen_boots, {boot:UUID})"
        return stack.rows(sql, no=template["device_no"], boot=boot_id)

    boot_id, value = record(begin + 600_000, 600_000)
    letter = {
        "topic": TOPIC, "partition": message.partition(), "offset": 10_000_000, "group": "ledgers",
        "reason": "over_bound", "detail": "by hand", "at": stack.now_ms(), "key": message.key(), "value": value,
    }
    made = produce(producer, "telemetry.dead.v1", framed(stack, "telemetry.dead.v1-value", letter))
    name = f"dead/{made[0]}/{made[1]}"
    first = json.loads(stack.command("dead", "redrive", name, "--json"))[0]
    assert first["redriven_to"].startswith(f"{TOPIC}/{message.partition()}/")
    rows = wait_for(lambda: folded(boot_id), 30, "the record is folded")

    again = stack.attempt("dead", "redrive", name)
    assert again.returncode == 1 and "put back already" in again.stdout
    stack.command("dead", "redrive", name, "--again")
    later_boot, later_value = record(begin + 700_000, 50_000)
    produce(producer, TOPIC, later_value, key=message.key(), partition=message.partition())
    later = wait_for(lambda: folded(later_boot), 30, "what came after it is folded")
    assert (later[0]["ver"], later[0]["events"]) == (rows[0]["ver"] + 1, rows[0]["events"] + 1), "put back twice, counted once"
    marked = next(row for row in letters(stack) if row["id"] == name)
    assert marked["redriven"] and marked["redriven"].split(" as ")[1].startswith(TOPIC)


def test_rejected_events_are_listed_and_cannot_be_put_back(stack, client, posted):
    invalid = {"type": "power", "seq": 7, "at": "yesterday", "kind": "boot"}
    content, headers = client.body(str(uuid.uuid4()), [invalid])
    assert client.send(posted[1]["device_no"], content, headers).json()["accepted"] == 0
    rejected = wait_for(lambda: letters(stack, "--rejected"), 15, "the rejected event is listed")
    assert all(row["id"].startswith("rejected/") for row in rejected)
    shown = json.loads(stack.command("dead", "show", rejected[0]["id"], "--json"))
    assert shown["reason"] == rejected[0]["reason"] and len(shown["hex"]) == 2 * rejected[0]["bytes"]
    refused = stack.attempt("dead", "redrive", rejected[0]["id"])
    assert refused.returncode == 1 and "refused to its agent" in refused.stdout


def test_a_letter_that_is_not_there_is_said_so(stack):
    for words, why in ((("show", "dead/0/999999"), "there is no letter"), (("show", "nonsense"), "expected e.g. dead/0/17")):
        done = stack.attempt("dead", *words)
        assert done.returncode != 0 and why in done.stderr, done.stderr
