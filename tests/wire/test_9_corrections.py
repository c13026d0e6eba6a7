"""Issue 5, corrections that reach back: a device in the wrong school for three days, a school suspended since Monday, a
closure announced late. Those schools' days change, by figures that were worked out by hand, and no others."""

import io
import json
import os
import random
import struct
import time

import fastavro
import pytest
import requests
from classrooms import HOUR, Boot
from client import Client, Truth
from confluent_kafka import Producer
from registry_topics import Registry, read_topic
from registry_topics import days as day_of_date
from stack import Stack, day_number, day_start_ms, day_text, wait_for
from test_3_api import ask

PORT_BASE = int(os.environ.get("CLASSPULSE_WIRE_PORT_BASE", "25000")) + 180
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (day_number(f"2026-11-{day}") for day in (16, 17, 18, 19))
WEEK = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY)
PROVINCE, CITY_ROLE = ("province_admin", "440000"), "city_admin"
TABLES = {
    "device_day": "SELECT * EXCEPT (last_received, last_heartbeat) FROM device_day_final",
    "network_day": "SELECT * EXCEPT (last_received) FROM network_day_final",
    "school_day": "SELECT * FROM school_day_final",
    "school_network_day": "SELECT * FROM school_network_day_final",
    "roster_day": "SELECT * EXCEPT (ver) FROM roster_day_final",
}


class Scene:
    """Three schools of one city of which nobody has posted anything yet: `a` with two devices, `b` and `c` with one."""

    def __init__(self, registry, truth, stack):
        self.stack, self.registry = stack, registry
        quiet = self.quiet_schools(truth)
        by_city = {}
        for (division, school_no), devices in quiet.items():
            by_city.setdefault(division // 100, []).append((school_no, division, devices))
        self.city, schools = next((city, found) for city, found in by_city.items() if city % 100 and len(found) >= 3)
        (self.a, self.a_division, [self.mover, self.stays, *_]), (self.b, self.b_division, [self.host, *_]), (
            self.c, self.c_division, [self.bystander, *_]) = schools[:3]
        self.b_class = registry.belonging(self.host, MONDAY)["class_no"]
        self.a_class = registry.belonging(self.mover, MONDAY)["class_no"]

    def quiet_schools(self, truth):
        """Schools whose devices stood still, and in service, for weeks, and of which nothing was posted."""
        schools, disturbed = {}, set()
        for no, device in self.registry.devices.items():
            place = self.registry.belonging(no, MONDAY)
            key = place["division"], place["school_no"]
            if no in truth.events:
                disturbed.add(key)
            since = [day_of_date(entry["from_day"]) for entry in device["belongings"]]
            if place["in_service"] and device["state"] == "in_service" and max(since) < MONDAY - 7:
                schools.setdefault(key, []).append(no)
        calm = {key: nos for key, nos in schools.items() if key not in disturbed and len(nos) >= 2}
        return {key: nos for key, nos in calm.items() if self.registry.school_day(*key, WEDNESDAY)}

    def rows(self, table, school_no):
        order = "day, device_no" if table in ("device_day", "network_day") else "day"
        sql = f"{TABLES[table]} WHERE school_no = {school_no} AND day BETWEEN toDate({MONDAY}) AND toDate({THURSDAY})"
        return self.stack.rows(f"{sql} ORDER BY {order}")

    def all_of(self, school_no):
        return {table: self.rows(table, school_no) for table in TABLES}

    def everything(self):
        return {school_no: self.all_of(school_no) for school_no in (self.a, self.b, self.c)}

    def devices_on(self, school_no, day):
        sql = f"SELECT device_no FROM device_day_final WHERE school_no = {school_no} AND day = toDate({day}) ORDER BY device_no"
        return [row["device_no"] for row in self.stack.rows(sql)]


@pytest.fixture(scope="module")
def stack():
    """A stack of its own: the topic of the others holds what is no record, on purpose."""
    running = Stack(PORT_BASE, 40, "2026-11-20T18:30", own=True)
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="module")
def registry(stack):
    return Registry(stack)


@pytest.fixture(scope="module")
def truth():
    return Truth()


@pytest.fixture(scope="module")
def client(stack, truth):
    return Client(stack, truth)


@pytest.fixture(scope="module")
def scene(registry, truth, stack):
    return Scene(registry, truth, stack)


def post_week(client, device_no, minutes, seed):
    """Each day on from 9 to 11, in use for some minutes from 9 on, and twelve good bursts; gives the boot."""
    boot = Boot(random.Random(seed), device_no)
    for day in WEEK:
        nine = day_start_ms(day) + 9 * HOUR * 1000
        boot.heartbeat(nine + 2 * HOUR * 1000, [(nine, nine + 2 * HOUR * 1000)], [(nine, nine + minutes * 60_000)])
        for tenth in range(12):
            boot.burst(nine + tenth * 600_000, [20_000 + 10 * probe for probe in range(20)])
    client.post(device_no, boot.boot_id, boot.events)
    return boot


@pytest.fixture(scope="module")
def posted(scene, client):
    boots = {
        no: post_week(client, no, minutes, 900 + no)
        for no, minutes in ((scene.mover, 40), (scene.stays, 25), (scene.host, 5), (scene.bystander, 50))
    }
    wanted = {scene.a: 8, scene.b: 4, scene.c: 4}

    def folded():
        return all(
            len(scene.rows(table, school_no)) == rows
            for school_no, rows in wanted.items() for table in ("device_day", "network_day")
        )

    wait_for(folded, 60, "the week is folded")
    return boots


class Admin:
    """The admin API as one person."""

    def __init__(self, stack, role, scope):
        self.base, self.headers = stack.address("admin"), {"Authorization": f"Bearer {stack.user_token(role, scope)}"}

    def get(self, path):
        return requests.get(f"{self.base}/v1/admin/{path}", headers=self.headers, timeout=20)

    def post(self, path, body=None, tag=None):
        headers = self.headers | ({"If-Match": tag} if tag else {})
        return requests.post(f"{self.base}/v1/admin/{path}", json=body, headers=headers, timeout=60)

    def decide(self, no, verb):
        tag = self.get(f"corrections/{no}").headers["ETag"]
        return self.post(f"corrections/{no}/{verb}", tag=tag)


@pytest.fixture(scope="module")
def people(stack, scene):
    """Whoever proposes, and somebody else."""
    return Admin(stack, *PROVINCE), Admin(stack, CITY_ROLE, str(scene.city * 100))


def slug(answer):
    return answer.json()["type"].removeprefix("urn:classpulse:")


def correct(stack, people, path, body):
    """Proposed by one, approved by the other, carried out; gives the number."""
    proposed = people[0].post(path, body)
    assert proposed.status_code == 201, proposed.text
    no = proposed.json()["correction_no"]
    approved = people[1].decide(no, "approve")
    assert approved.status_code == 200 and approved.json()["state"] == "approved", approved.text
    began = time.monotonic()
    told = json.loads(stack.command("corrections", "--wait", str(no), "--json", timeout=320))
    assert told[0]["applied_at"] and told[0]["correction_no"] == no, told
    assert time.monotonic() - began < 90, "within a minute or so"
    return no


def restated(stack, no):
    sql = (
        "SELECT school_no, toString(day) AS day, changed_by, reason FROM restatements_final "
        "WHERE set_name = 'live' AND correction_no = {no:UInt32} ORDER BY school_no, day"
    )
    return stack.rows(sql, no=no)


def figure(stack, school_no, day, name):
    date = day_text(day)
    told = ask(stack, f"/v1/orgs/s{school_no}/overview", figures=name, **{"from": date, "to": date})
    assert told.status_code == 200, told.text
    found = told.json()["self"]["figures"][name]
    return found["num"], found["den"]


def test_before(scene, posted):
    """What the correction starts from: 40 and 25 minutes in one school, 5 in the other."""
    for day, row in zip(WEEK, scene.rows("school_day", scene.a)):
        assert (row["reporting"], row["used"], row["active_s"], row["ver"]) == (2, 2, 65 * 60, 2), day
    assert {row["used"] for row in scene.rows("school_day", scene.b)} == {0}
    assert {row["pass"] for row in scene.rows("school_network_day", scene.a)} == {2}


def test_one_person_is_not_enough(scene, posted, people, stack):
    before = scene.everything()
    body = {"school_no": scene.b, "class_no": scene.b_class, "from": day_text(TUESDAY), "until": day_text(THURSDAY), "reason": "试"}
    proposed = people[0].post(f"devices/{scene.mover}/corrections", body)
    assert proposed.status_code == 201, proposed.text
    no = proposed.json()["correction_no"]
    alone = people[0].decide(no, "approve")
    assert (alone.status_code, slug(alone)) == (409, "two-people")
    foreign = Admin(stack, "school_admin", f"s{scene.a}")
    assert foreign.post(f"devices/{scene.mover}/corrections", body).status_code == 404, "the other school is not theirs"
    assert people[1].post(f"corrections/{no}/approve").status_code == 428
    assert people[1].decide(no, "refuse").json()["state"] == "refused"
    assert slug(people[1].decide(no, "approve")) == "correction-settled"
    assert scene.everything() == before


@pytest.fixture(scope="module")
def moved(scene, posted, people, stack):
    """Tuesday to Thursday the device was in the other school."""
    before = scene.everything()
    body = {
        "school_no": scene.b, "class_no": scene.b_class, "from": day_text(TUESDAY), "until": day_text(THURSDAY),
        "reason": "设备借到另一所学校",
    }
    no = correct(stack, people, f"devices/{scene.mover}/corrections", body)
    return no, before


def test_three_days_of_two_schools_change(scene, moved, stack):
    _, before = moved
    for day in (TUESDAY, WEDNESDAY, THURSDAY):
        assert scene.devices_on(scene.a, day) == [scene.stays]
        assert scene.devices_on(scene.b, day) == sorted([scene.mover, scene.host])
    assert scene.devices_on(scene.a, MONDAY) == sorted([scene.mover, scene.stays])
    assert scene.devices_on(scene.b, MONDAY) == [scene.host]
    place = {"division", "school_no", "class_no", "corrections"}
    for table in ("device_day", "network_day"):
        was = {row["day"]: row for row in before[scene.a][table] if row["device_no"] == scene.mover}
        now = {row["day"]: row for row in scene.rows(table, scene.b) if row["device_no"] == scene.mover}
        assert len(now) == 3
        for day, row in now.items():
            assert (row["school_no"], row["class_no"], row["in_service"]) == (scene.b, scene.b_class, 1)
            assert {key: row[key] for key in row if key not in place} == {
                key: was[day][key] for key in row if key not in place
            }, "but for the place it is the same day"
    for day, a, b in zip(WEEK, scene.rows("school_day", scene.a), scene.rows("school_day", scene.b)):
        expected = ((2, 2, 3900, 14400), (1, 0, 300, 7200)) if day == MONDAY else ((1, 1, 1500, 7200), (2, 1, 2700, 14400))
        told = tuple((row["reporting"], row["used"], row["active_s"], row["on_s"]) for row in (a, b))
        assert told == expected, day_text(day)
        assert (a["ver"], b["ver"]) == ((2, 1) if day == MONDAY else (1, 2)), "events, and nothing else"
    networks = scene.rows("school_network_day", scene.b)
    assert [(row["pass"], row["bursts"]) for row in networks] == [(1, 12), (2, 24), (2, 24), (2, 24)]


def test_denominators_follow(scene, moved):
    _, before = moved

    def in_service(rows):
        return [row["in_service"] for row in rows["roster_day"]]

    now = scene.everything()
    assert in_service(now[scene.a]) == [n - (day != MONDAY) for day, n in zip(WEEK, in_service(before[scene.a]))]
    assert in_service(now[scene.b]) == [n + (day != MONDAY) for day, n in zip(WEEK, in_service(before[scene.b]))]


def test_nobody_else_changes(scene, moved):
    _, before = moved
    assert scene.all_of(scene.c) == before[scene.c]


def test_answers_follow(scene, moved, stack):
    _, before = moved
    size = before[scene.b]["roster_day"][1]["in_service"]
    wait_for(lambda: figure(stack, scene.b, TUESDAY, "usage_rate") == (1, size + 1), 30, "the API has the new day")
    assert figure(stack, scene.a, TUESDAY, "usage_rate") == (1, before[scene.a]["roster_day"][1]["in_service"] - 1)
    days = ask(stack, f"/v1/devices/{scene.mover}/days", **{"from": day_text(MONDAY), "to": day_text(THURSDAY)}).json()
    assert [(row["day"], row["active_s"]) for row in days["rows"]] == [(day_text(day), 2400) for day in WEEK]


def test_areas_are_summed_again(scene, moved, stack):
    sql = (
        "SELECT c.used AS told, s.used AS is FROM (SELECT day, used FROM county_day_final WHERE division = {d:UInt32}) c "
        "INNER JOIN (SELECT s.day AS day, sum(s.used) AS used FROM school_day_final s "
            "INNER JOIN roster_day_final r USING (division, school_no, day) "
            "WHERE division = {d:UInt32} AND r.school_day = 1 GROUP BY day) s "
        "USING (day) WHERE day BETWEEN toDate({f:UInt32}) AND toDate({t:UInt32})"
    )
    for division in {scene.a_division, scene.b_division}:
        rows = stack.rows(sql, d=division, f=MONDAY, t=THURSDAY)
        assert rows and all(row["told"] == row["is"] for row in rows), rows


def test_it_is_in_the_log_of_restatements(scene, moved, stack):
    no, _ = moved
    found = [(row["school_no"], row["day"]) for row in restated(stack, no)]
    days = [day_text(day) for day in (TUESDAY, WEDNESDAY, THURSDAY)]
    assert found == sorted((school, day) for school in (scene.a, scene.b) for day in days)
    row = restated(stack, no)[0]
    assert row["reason"] == "设备借到另一所学校" and "cli:province_admin:440000, cli:city_admin" in row["changed_by"]


def stale_record(stack, scene, boot, day, seq):
    """A heartbeat with the stamp that the edge gave before the correction: as of an edge that does not know of it yet."""
    magic, schema_id = None, None
    for message, value in read_topic(stack, "telemetry.events.v1"):
        own = value and value["device_no"] == scene.mover and value["school_no"] == scene.a and value["heartbeats"]
        if own and value["boot_id"] == boot.boot_id:
            magic, schema_id = struct.unpack(">bI", message.value()[:5])
            text = requests.get(f"{stack.address('schema_registry')}/schemas/ids/{schema_id}", timeout=10).json()["schema"]
            schema = fastavro.parse_schema(json.loads(text))
            record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema)
            partition, key = message.partition(), message.key()
    assert magic == 0
    at = day_start_ms(day) + 15 * HOUR * 1000
    beat = record["heartbeats"][0] | {
        "seq": seq, "at": at, "on": [{"from_ms_ago": 600_000, "to_ms_ago": 0}], "active": [], "apps": [],
    }
    empty = {name: [] for name in ("power", "bursts", "bandwidth", "inventory", "faults", "resources")}
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, schema, record | empty | {"heartbeats": [beat]})
    return partition, key, out.getvalue()


def test_late_and_repeated_events_count_once_at_the_right_place(scene, moved, posted, client, stack):
    before = scene.everything()
    boot = posted[scene.mover]
    producer = Producer({"bootstrap.servers": stack.address("kafka"), "acks": "all"})
    partition, key, value = stale_record(stack, scene, boot, WEDNESDAY, 4_000)
    for _ in range(2):
        producer.produce("telemetry.events.v1", value, key, partition)
    producer.flush(20)
    late = Boot(random.Random(77), scene.mover)
    three = day_start_ms(WEDNESDAY) + 16 * HOUR * 1000
    late.heartbeat(three, [(three - 300_000, three)], [])
    client.post(scene.mover, late.boot_id, late.events)
    client.post(scene.mover, late.boot_id, late.events)
    client.post(scene.mover, boot.boot_id, boot.events)

    def row():
        rows = scene.rows("device_day", scene.b)
        return next(row for row in rows if row["device_no"] == scene.mover and row["day"].isoformat() == "2026-11-18")

    wait_for(lambda: row()["events"] == 3, 40, "both late events are folded where they belong")
    time.sleep(5)
    assert (row()["events"], row()["ver"], row()["on_s"]) == (3, 3, 7200 + 600 + 300)
    assert scene.all_of(scene.a) == before[scene.a] and scene.all_of(scene.c) == before[scene.c]


def test_a_school_suspended_since_monday(scene, moved, people, stack):
    before = scene.everything()
    body = {"status": "suspended", "from": day_text(MONDAY), "reason": "周一起停办"}
    no = correct(stack, people, f"schools/{scene.a}/corrections", body)
    rows = scene.rows("device_day", scene.a)
    assert {row["in_service"] for row in rows} == {0} and len(rows) == 5
    for day, row in zip(WEEK, scene.rows("school_day", scene.a)):
        here = 2 if day == MONDAY else 1
        assert (row["reporting"], row["used"], row["on_s"], row["reporting_unlisted"]) == (0, 0, 0, here)
    assert {row["in_service"] for row in scene.rows("roster_day", scene.a)} == {0}
    assert scene.all_of(scene.b) == before[scene.b], "the device that was there counts there"
    assert scene.all_of(scene.c) == before[scene.c]
    assert {row["day"] for row in restated(stack, no)} == {day_text(day) for day in WEEK}
    shown = people[0].get(f"schools/{scene.a}").json()
    assert shown["status"] == "suspended", "and it goes on"


def test_a_closure_announced_late(scene, moved, people, stack):
    before = scene.everything()
    size = figure(stack, scene.c, WEDNESDAY, "usage_rate")[1]
    assert size > 0
    body = {"closure": "台风停课", "from": day_text(WEDNESDAY), "reason": "停课通知迟到"}
    no = correct(stack, people, f"schools/{scene.c}/corrections", body)
    rows = scene.rows("roster_day", scene.c)
    assert [row["school_day"] for row in rows] == [1, 1, 0, 1]
    calendar = stack.rows(f"SELECT toString(day) AS day, school_day, name FROM calendar_day_final WHERE org = 's{scene.c}'")
    assert {"day": day_text(WEDNESDAY), "school_day": 0, "name": "台风停课"} in calendar
    now = scene.everything()
    for table in ("device_day", "network_day", "school_day", "school_network_day"):
        assert now[scene.c][table] == before[scene.c][table], "events are events, on a closed day too"
    assert (now[scene.a], now[scene.b]) == (before[scene.a], before[scene.b])
    wait_for(lambda: figure(stack, scene.c, WEDNESDAY, "usage_rate")[1] == 0, 30, "no denominator on a closed day")
    assert [(row["school_no"], row["day"]) for row in restated(stack, no)] == [(scene.c, day_text(WEDNESDAY))]


def test_a_closure_taken_back(scene, moved, people, stack):
    before = scene.everything()
    body = {"reopened": True, "from": day_text(WEDNESDAY), "reason": "照常上课"}
    no = correct(stack, people, f"schools/{scene.c}/corrections", body)
    assert [row["school_day"] for row in scene.rows("roster_day", scene.c)] == [1, 1, 1, 1]
    now = scene.everything()
    for table in ("device_day", "network_day", "school_day", "school_network_day"):
        assert now[scene.c][table] == before[scene.c][table]
    assert (now[scene.a], now[scene.b]) == (before[scene.a], before[scene.b])
    wait_for(lambda: figure(stack, scene.c, WEDNESDAY, "usage_rate")[1] > 0, 30, "the day counts again")
    assert [(row["school_no"], row["day"]) for row in restated(stack, no)] == [(scene.c, day_text(WEDNESDAY))]


def test_everything_stays_over_a_restart_and_a_rebuild(scene, moved, stack):
    before = scene.everything()
    killed = stack.kill("processors")
    stack.wait_ready("processors", unlike=killed)
    for words in ([], ["--from", "archive", "--days", f"{day_text(MONDAY)}..{day_text(THURSDAY)}"]):
        done = stack.attempt("rebuild", *words, "--json", timeout=300)
        result = json.loads(done.stdout)
        assert done.returncode == 0 and result["differences"] == 0, result
        stack.command("rebuild", "drop", result["set"])
    assert scene.everything() == before


def test_the_audit_agrees(scene, moved, stack):
    done = stack.attempt("audit", "--json", "--days", f"{day_text(MONDAY)}..{day_text(THURSDAY)}", timeout=120)
    told = json.loads(done.stdout)["sets"]
    assert done.returncode == 0 and told[0]["differences"] == [], told
