"""The events: of the topic, of the archive, of the fleet's journal. Each a generator that can be asked for some devices."""

import datetime
import io
import json
import struct
import time

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from events import FOLDED, STREAMS, Event
from running import event_topics

SILENCE_S = 20
EPOCH = datetime.date(1970, 1, 1)
INSTANT = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MS = datetime.timedelta(milliseconds=1)
# In the order in which a record's events are folded.
ARRAYS = {
    "heartbeats": "heartbeat", "power": "power", "bursts": "burst", "bandwidth": "bandwidth", "inventory": "inventory",
    "faults": "fault", "resources": "resource",
}


class Decoder:
    """confluent-kafka's Avro deserializer with the edge as schema registry.

    It looks through its schema's tags anew for every record, which takes longer than to decode it. So only the first
    record of each schema goes through all of it; for the others the same schema of the same registry is given straight
    to the reader below it (fastavro), which must have said the same of the first.
    """

    def __init__(self, stack):
        self.registry = SchemaRegistryClient({"url": stack.address("schema_registry")})
        self.whole, self.schemas = AvroDeserializer(self.registry), {}

    def __call__(self, value):
        magic, number = struct.unpack(">bI", value[:5])
        if magic != 0:
            raise RuntimeError(f"a record that is not framed: {value[:5]!r}")
        if number not in self.schemas:
            self.schemas[number] = fastavro.parse_schema(json.loads(self.registry.get_schema(number).schema_str))
            context = SerializationContext("telemetry.events.v1", MessageField.VALUE)
            if self.whole(value, context) != self.read(number, value):
                raise RuntimeError(f"schema {number}: two readers do not agree")
        return self.read(number, value)

    def read(self, number, value):
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), self.schemas[number])


class KafkaSource:
    """Every record of the topics of events, one topic after the other: the first copy of an event is the one that counts."""

    name = "kafka"

    def __init__(self, stack):
        self.stack = stack

    def events(self, devices=None):
        for message, record in self._records():
            # Markers have no events, and copies repeat what is in the log already, as it was stamped first.
            if record.get("correction") or (devices is not None and record["device_no"] not in devices):
                continue
            yield from events_of(record, f"{message.partition()}@{message.offset()}")

    def _records(self):
        decode = Decoder(self.stack)
        consumer = Consumer({
            "bootstrap.servers": self.stack.address("kafka"), "group.id": "oracle", "enable.auto.commit": False,
            "enable.partition.eof": True,
        })
        try:
            for topic, partitions in event_topics(consumer).items():
                for message in messages_of(consumer, topic, partitions):
                    yield message, decode(message.value())
        finally:
            consumer.close()


def messages_of(consumer, topic, partitions):
    """Every message of a topic that is there now."""
    unfinished = set(partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    heard = time.monotonic()
    while unfinished:
        # Waits for as many as it is asked for, so for a short time only.
        messages = consumer.consume(500, timeout=0.2)
        heard = time.monotonic() if messages else heard
        if time.monotonic() - heard > SILENCE_S:
            raise RuntimeError(f"{topic}: no end within {SILENCE_S} s")
        for message in messages:
            if message.topic() != topic:
                continue
            if message.error():
                unfinished.discard(message.partition())
            else:
                yield message


def events_of(record, where):
    """The events of a record as the schema has it."""
    days = (record["from_day"] - EPOCH).days, (record["until_day"] - EPOCH).days
    stamp = record["school_no"], record["class_no"], record["division"], int(record["in_service"])
    received_ms = (record["received_at"] - INSTANT) // MS
    for array, kind in ARRAYS.items():
        for body in record[array]:
            body = plain_spans(body) if kind == "heartbeat" else body
            at_ms = (body["at"] - INSTANT) // MS
            yield Event(
                record["device_no"], record["boot_id"], kind, body["seq"], at_ms, body, days, stamp, received_ms, where
            )


def plain_spans(beat):
    """Spans of the topic are records, those of JSON are pairs."""
    def pairs(spans):
        return [(span["from_ms_ago"], span["to_ms_ago"]) for span in spans]

    apps = [{"app": app["app"], "spans": pairs(app["spans"])} for app in beat["apps"]]
    return beat | {"on": pairs(beat["on"]), "active": pairs(beat["active"]), "apps": apps}


class ArchiveSource:
    """Every row of `events_raw`."""

    name = "archive"

    def __init__(self, stack):
        self.stack = stack

    def events(self, devices=None):
        wanted = "" if devices is None else f" AND device_no IN ({', '.join(map(str, devices))})"
        sql = (
            "SELECT device_no, toString(boot_id), toString(type), seq, toUnixTimestamp64Milli(at), payload, "
            "toInt32(from_day), toInt32(until_day), school_no, class_no, division, in_service, "
            "toUnixTimestamp64Milli(received_at), kafka_partition, kafka_offset FROM events_raw_final "
            f"WHERE type IN ('heartbeat', 'power', 'burst'){wanted}"
        )
        with self.stack.clickhouse().query_row_block_stream(sql, settings={"max_block_size": 20_000}) as blocks:
            for block in blocks:
                for row in block:
                    yield archived(row)

    def identities(self):
        """The identity of every archived event of any type."""
        sql = "SELECT DISTINCT device_no, toString(boot_id), toString(stream), seq FROM events_raw_final"
        with self.stack.clickhouse().query_row_block_stream(sql) as blocks:
            return {tuple(row) for block in blocks for row in block}


def archived(row):
    device_no, boot_id, kind, seq, at_ms, payload, from_day, until_day, *stamp, received_ms, partition, offset = row
    return Event(
        device_no, boot_id, kind, seq, at_ms, json.loads(payload), (from_day, until_day), tuple(stamp), received_ms,
        f"{partition}@{offset}",
    )


class JournalSource:
    """What the fleet sent, as far as it was acknowledged, or was never answered and yet is in the archive."""

    name = "journal"

    def __init__(self, stack):
        self.stack = stack
        self.path = stack.var / "fleet/journal.ndjson"
        if not self.path.exists():
            raise SystemExit(f"oracle: no {self.path}: bring the stack up with --journal")
        self.accepted, self.refused = self._fates()
        self.unanswered_in = set()

    def _fates(self):
        accepted, refused = set(), set()
        for line in self._lines():
            if not is_post(line):
                fate = json.loads(line)
                identity = fate["device_no"], fate["boot_id"], fate["stream"], fate["seq"]
                if fate["outcome"] == "accepted":
                    accepted.add(identity)
                elif fate["outcome"].startswith("invalid"):
                    refused.add(identity)
        return accepted, refused - accepted

    def _lines(self):
        with open(self.path, "rb") as journal:
            for line in journal:
                # The last one may be cut where the fleet was killed.
                if line.endswith(b"}\n"):
                    yield line

    def settle(self, archived_identities):
        """Learns which of the unanswered events were taken."""
        self.unanswered_in = archived_identities - self.accepted

    def missing(self, archived_identities):
        """Acknowledged events that are not there."""
        return self.accepted - archived_identities

    def events(self, devices=None):
        done = set()
        for line in self._lines():
            if not is_post(line):
                continue
            post = json.loads(line)
            if devices is None or post["device_no"] in devices:
                yield from self._of_post(post["device_no"], post["post"], done)

    def _of_post(self, device_no, post, done):
        for body in post["events"]:
            identity = device_no, post["boot_id"], STREAMS[body["type"]], body["seq"]
            wanted = identity in self.accepted or identity in self.unanswered_in
            if wanted and identity not in done:
                done.add(identity)
                if body["type"] in FOLDED:
                    at_ms = parse_ms(body["at"])
                    yield Event(device_no, post["boot_id"], body["type"], body["seq"], at_ms, body)

    def sent(self):
        """Every identity that ever left."""
        found = set()
        for line in self._lines():
            if is_post(line):
                post = json.loads(line)
                number, boot_id = post["device_no"], post["post"]["boot_id"]
                found.update((number, boot_id, STREAMS[body["type"]], body["seq"]) for body in post["post"]["events"])
        return found


def is_post(line):
    return b',"post":' in line[:40]


_DAYS = {}


def parse_ms(text):
    """RFC 3339 to ms; the date's part is remembered, for there are few."""
    date, zone = text[:10], text[23:]
    key = date, zone
    if key not in _DAYS:
        moment = datetime.datetime.fromisoformat(f"{date}T00:00:00.000{zone.replace('Z', '+00:00')}")
        _DAYS[key] = (moment - INSTANT) // MS
    hours, minutes, seconds, part = text[11:13], text[14:16], text[17:19], text[20:23]
    return _DAYS[key] + ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(part)


SOURCES = {"kafka": KafkaSource, "archive": ArchiveSource, "journal": JournalSource}
