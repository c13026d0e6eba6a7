"""Topics, tables and schemas as programs see them that others wrote."""

import random
import uuid

import clickhouse_driver
import pytest
import requests
from classrooms import Boot, night, odd_probes
from registry_topics import read_topic
from stack import day_number, wait_for

SUBJECTS = {
    "telemetry.events.v1-value", "telemetry.rejected.v1-value", "telemetry.dead.v1-value",
    "registry.orgs.v1-value", "registry.devices.v1-value", "device-post-value",
    "registry.corrections.v1-value",
}


@pytest.fixture(scope="module")
def boot(client, registry):
    """A night of one device, accepted."""
    device_no = next(no for no, device in registry.devices.items() if device["state"] == "in_service")
    boot = Boot(random.Random(1), device_no)
    night(boot, day_number("2026-11-13"))
    odd_probes(boot, day_number("2026-11-13"))
    client.post(device_no, boot.boot_id, boot.events, "avro", "zstd")
    return boot


def test_the_schema_registry_serves_every_subject(stack):
    base = stack.address("schema_registry")
    assert set(requests.get(f"{base}/subjects", timeout=10).json()) >= SUBJECTS
    for subject in SUBJECTS:
        latest = requests.get(f"{base}/subjects/{subject}/versions/latest", timeout=10).json()
        assert latest["subject"] == subject
        by_id = requests.get(f"{base}/schemas/ids/{latest['id']}", timeout=10).json()
        assert by_id["schema"] == latest["schema"]
        versions = requests.get(f"{base}/subjects/{subject}/versions", timeout=10).json()
        assert latest["version"] == max(versions)
    missing = requests.get(f"{base}/schemas/ids/999999", timeout=10)
    assert missing.status_code == 404 and missing.json()["error_code"] == 40403


def test_confluent_kafka_reads_what_was_posted(stack, boot, registry):
    values = [value for _, value in read_topic(stack, "telemetry.events.v1") if value and value["boot_id"] == boot.boot_id]
    assert values
    device_no = boot.device_no
    school_no = registry.belonging(device_no, stack.today())["school_no"]
    for message, value in read_topic(stack, "telemetry.events.v1"):
        if value["boot_id"] == boot.boot_id:
            assert value["device_no"] == device_no and message.key().decode() == str(school_no)
    bursts = sorted((event for value in values for event in value["bursts"]), key=lambda event: event["seq"])
    posted = [event for event in boot.events if event["type"] == "burst"]
    assert [event["rtt_us"] for event in bursts] == [event["rtt_us"] for event in posted]
    heartbeats = sorted((event for value in values for event in value["heartbeats"]), key=lambda event: event["seq"])
    assert len(heartbeats) == len([event for event in boot.events if event["type"] == "heartbeat"])


def test_an_invalid_event_goes_to_the_rejected_topic(stack, client, boot):
    boot_id = str(uuid.uuid4())
    content, headers = client.body(boot_id, [{"type": "power", "seq": 7, "at": "yesterday", "kind": "boot"}])
    answer = client.send(boot.device_no, content, headers)
    assert answer.status_code == 200 and answer.json()["accepted"] == 0
    assert [result["code"] for result in answer.json()["results"]] == ["bad_time"]

    def told():
        records = read_topic(stack, "telemetry.rejected.v1")
        return [value for _, value in records if value["boot_id"] == boot_id]

    (record,) = wait_for(told, 15, "the rejected event is in its topic")
    assert (record["device_no"], record["index"], record["code"]) == (boot.device_no, 0, "bad_time")
    assert b"yesterday" in record["raw"]


def test_the_registry_topics_make_a_province(registry):
    levels = [org["level"] for org in registry.orgs.values()]
    assert (levels.count("province"), levels.count("city"), levels.count("county")) == (1, 21, 122)
    for org in registry.orgs.values():
        assert org["parent"] in registry.orgs or org["level"] == "province"
    for device in registry.devices.values():
        assert [entry["from_day"] for entry in device["belongings"]] == sorted(
            entry["from_day"] for entry in device["belongings"]
        )


def test_clickhouse_native_protocol(stack, boot):
    host, port = stack.address("clickhouse_native").split(":")
    native = clickhouse_driver.Client(host=host, port=int(port), database=stack.address("database"))
    sql = "SELECT on_s, session_spans, seen_boots FROM device_day_final WHERE device_no = %(no)s ORDER BY day"

    def rows():
        return native.execute(sql, {"no": boot.device_no})

    found = wait_for(rows, 20, "rows of the device")
    assert all(uuid.UUID(boot.boot_id) in boots for _, _, boots in found)
    for on_s, spans, _ in found:
        assert on_s <= sum(end - begin for begin, end in zip(spans[::2], spans[1::2]))
    tables = {name for (name,) in native.execute("SHOW TABLES")}
    documented = {
        "device_day", "network_day", "school_day", "school_network_day", "orgs", "devices", "roster_day", "calendar_day",
        "events_raw",
    }
    for table in documented:
        assert {table, f"{table}_final"} <= tables
        # The driver knows no aggregate states: the views give sets of devices as arrays.
        native.execute(f"SELECT * FROM {table}_final LIMIT 10")
    sets = native.execute("SELECT in_service, in_service_devices FROM roster_day_final LIMIT 1000")
    assert all(count == len(devices) for count, devices in sets)


def test_every_column_is_documented(stack):
    rows = stack.rows(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' "
        "AND table NOT LIKE '%_final'"
    )
    assert rows == []


def test_clickhouse_connect_gives_arrow_tables(stack, boot):
    table = stack.clickhouse().query_arrow("SELECT device_no, day, on_s, latency FROM (SELECT d.device_no AS device_no, "
        "d.day AS day, d.on_s AS on_s, n.latency_hist AS latency FROM device_day_final d LEFT JOIN network_day_final n "
        "USING (division, school_no, day, device_no))")
    assert boot.device_no in table.column("device_no").to_pylist()
