"""Belongings, calendars and bells, read from the registry topics by confluent-kafka's own Avro deserializer."""

import datetime
import uuid

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from definitions import DEFAULT_BELLS

EPOCH = datetime.date(1970, 1, 1)


def read_topic(stack, topic, from_offsets=None):
    """Every record of a topic that is there now, as (message, decoded value or None)."""
    decode = AvroDeserializer(SchemaRegistryClient({"url": stack.address("schema_registry")}))
    consumer = Consumer({
        "bootstrap.servers": stack.address("kafka"),
        "group.id": f"wire-{uuid.uuid4()}",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    })
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        starts = from_offsets or {}
        consumer.assign([TopicPartition(topic, p, starts.get(p, OFFSET_BEGINNING)) for p in partitions])
        unfinished, records = set(partitions), []
        while unfinished:
            message = consumer.poll(20)
            assert message is not None, f"{topic}: no end within 20 s"
            if message.error():
                unfinished.discard(message.partition())
                continue
            context = SerializationContext(topic, MessageField.VALUE)
            records.append((message, None if message.value() is None else decode(message.value(), context)))
        return records
    finally:
        consumer.close()


def days(date):
    return (date - EPOCH).days if isinstance(date, datetime.date) else date


class Registry:
    """The newest value of every key."""

    def __init__(self, stack):
        self.orgs = {}
        self.devices = {}
        for message, value in read_topic(stack, "registry.orgs.v1"):
            self.orgs[message.key().decode()] = value
        for message, value in read_topic(stack, "registry.devices.v1"):
            self.devices[int(message.key())] = value
        # Device-days whose belonging was corrected after they had begun: records may carry the former stamp.
        self.corrected = set()
        for _, value in read_topic(stack, "registry.corrections.v1"):
            for shift in value["shifts"]:
                days_of = range(days(shift["from_day"]), days(shift["until_day"]))
                self.corrected.update((shift["device_no"], day) for day in days_of)

    def belonging(self, device_no, day):
        """The entry in force on a day."""
        return [entry for entry in self.devices[device_no]["belongings"] if days(entry["from_day"]) <= day][-1]

    def bells(self, school_no, day):
        """The lessons of a school in force on a day."""
        org = self.orgs.get(f"s{school_no}") or {"bells": []}
        own = [entry for entry in org["bells"] if days(entry["from_day"]) <= day]
        lessons = [(lesson["start_s"], lesson["end_s"]) for lesson in own[-1]["lessons"]] if own else []
        return lessons or DEFAULT_BELLS

    def chain(self, division, school_no=None):
        """The calendars above and of a school, the province's first."""
        codes = [division // 10_000 * 10_000, division // 100 * 100, division]
        ids = list(dict.fromkeys(str(code) for code in codes)) + ([f"s{school_no}"] if school_no else [])
        return [self.orgs[org]["calendar"] for org in ids if org in self.orgs]

    def school_day(self, division, school_no, day):
        """Monday to Friday, opened by the province's make-up days, closed by anybody's closures."""
        chain = self.chain(division, school_no)

        def covered(spans, open_day):
            return any(
                span["school_day"] == open_day and days(span["from_day"]) <= day < days(span["until_day"])
                for span in spans
            )

        if any(covered(spans, False) for spans in chain):
            return False
        return covered(chain[0], True) or (day + 3) % 7 < 5

    def in_service(self, day):
        """{(division, school_no): {device_no: class_no}} of the devices in service on a day."""
        found = {}
        for device_no in self.devices:
            entry = self.belonging(device_no, day)
            if entry["in_service"]:
                place = found.setdefault((entry["division"], entry["school_no"]), {})
                place[device_no] = entry["class_no"]
        return found
