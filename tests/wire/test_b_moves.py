"""Issue 5, acceptance 3: a move that is entered at noon. The whole day stays with the old class and school, the next is the
new one's, in every table and answer; a heartbeat after midnight lands each part in its own day and school, by whichever
edge and however often it comes. Bells that are entered at noon count tomorrow as well."""

import os
import random

import pytest
import requests
from classrooms import HOUR, Boot
from client import Client, Truth
from registry_topics import Registry
from stack import Stack, day_number, day_start_ms, day_text, wait_for

PORT_BASE = int(os.environ.get("CLASSPULSE_WIRE_PORT_BASE", "25000")) + 120
# A Thursday and a Friday, both school days.
THURSDAY = day_number("2026-11-19")
FRIDAY = THURSDAY + 1
MIDNIGHT = day_start_ms(FRIDAY)
NOON, AFTER_MIDNIGHT = "2026-11-19T12:00", "2026-11-20T00:20"
# What only tells when something was received.
RECEIPT = {"last_received", "last_heartbeat", "updated_at"}


class Move:
    """A device in service in a class of one school, and a class of a school in another county."""

    def __init__(self, registry):
        places = {no: registry.belonging(no, FRIDAY) for no in registry.devices}
        self.device_no, self.old = next(
            (no, place) for no, place in sorted(places.items()) if place["in_service"] and place["class_no"]
        )
        classes = [org for org in registry.orgs.values() if org["level"] == "class"]
        new = next(org for org in classes if org["division"] // 100 != self.old["division"] // 100)
        self.new = {name: new[name] for name in ("division", "school_no", "class_no")}

    def place(self, day):
        return self.old if day < FRIDAY else self.new

    def other(self, day):
        return self.new if day < FRIDAY else self.old


@pytest.fixture(scope="module")
def stack():
    running = Stack(PORT_BASE, 40, NOON, own=True)
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="module")
def move(stack):
    """Entered at noon, with bells of the old school for the day after."""
    move = Move(Registry(stack))
    administer(stack, "PATCH", f"devices/{move.device_no}", {key: move.new[key] for key in ("school_no", "class_no")})
    lessons = [{"from": "08:00", "until": "08:40"}, {"from": "09:00", "until": "09:40"}]
    bells = {"timetables": [{"lessons": lessons}]}
    administer(stack, "PUT", f"schools/{move.old['school_no']}/bells", bells)
    return move


def headers(stack):
    return {"Authorization": f"Bearer {stack.user_token('province_admin', '440000')}"}


def administer(stack, method, path, body):
    url = f"{stack.address('admin')}/v1/admin/{path}"
    answer = requests.request(method, url, json=body, headers={**headers(stack), "If-Match": "*"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(stack, path, day, **more):
    parameters = {"from": day_text(day), "to": day_text(day), **more}
    answer = requests.get(stack.address("api") + path, params=parameters, headers=headers(stack), timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def rows_of(stack, device_no):
    """Every row of both ledgers that the device has, without what tells of receipt."""
    tables = {}
    for table in ("device_day", "network_day"):
        found = stack.rows(f"SELECT * FROM {table}_final WHERE device_no = {device_no} ORDER BY day, school_no")
        tables[table] = [{key: value for key, value in row.items() if key not in RECEIPT} for row in found]
    return tables


def belongings_of(rows):
    names = ("division", "school_no", "class_no", "in_service")
    return [(day_number(row["day"].isoformat()), *(row[name] for name in names)) for row in rows]


def school_rows(stack, table, school_no):
    sql = f"SELECT * FROM {table}_final WHERE school_no = {school_no} AND day >= '{day_text(THURSDAY)}' ORDER BY day"
    return {day_number(row["day"].isoformat()): row for row in stack.rows(sql)}


def send(stack, client, edge, move, boot, events):
    """Posts through one of the edges."""
    health = stack.service(edge)["health"]
    content, kind = client.body(boot.boot_id, events)
    head = {"Authorization": f"Bearer {stack.device_token(move.device_no)}", **kind}
    url = health.rsplit("/", 1)[0] + "/v1/events"
    answer = requests.post(url, data=content, headers=head, timeout=20)
    assert answer.status_code == 200 and answer.json()["accepted"] == len(events), answer.text


@pytest.fixture(scope="module")
def played(stack, move):
    """The day before midnight, the stack stopped and started after it, the heartbeat that re-asserts the evening."""
    client, boot = Client(stack, Truth()), Boot(random.Random(20261119), move.device_no)
    day = day_start_ms(THURSDAY)
    morning = (day + 8 * HOUR * 1000, day + 8 * HOUR * 1000 + 1_800_000)
    boot.heartbeat(day + 11 * HOUR * 1000, on=[(day + 8 * HOUR * 1000, day + 11 * HOUR * 1000)], active=[morning])
    boot.burst(day + 10 * HOUR * 1000, [20_000] * 60)
    send(stack, client, "ingest", move, boot, boot.events)
    wait_for(lambda: len(rows_of(stack, move.device_no)["device_day"]) == 1, 30, "the morning is folded")
    stack.command("down")
    stack.command("up", "--detach", "--no-fleet", "--clock", AFTER_MIDNIGHT, timeout=300)
    stack.command("start", "ingest-2")
    stack.wait_ready("ingest-2")
    evening = (MIDNIGHT - 2 * HOUR * 1000, MIDNIGHT + 600_000)
    boot.heartbeat(MIDNIGHT + 600_000, on=[evening], active=[(MIDNIGHT - 600_000, MIDNIGHT + 300_000)])
    boot.burst(MIDNIGHT + 300_000, [40_000] * 60)
    send(stack, client, "ingest-2", move, boot, boot.events[2:])
    wait_for(lambda: len(rows_of(stack, move.device_no)["device_day"]) == 2, 30, "the evening is folded")
    wait_for(lambda: len(rows_of(stack, move.device_no)["network_day"]) == 2, 30, "the bursts are folded")
    return client, boot


def test_each_day_is_in_one_place(stack, move, played):
    rows = rows_of(stack, move.device_no)
    whole = [(day, *(move.place(day)[name] for name in ("division", "school_no", "class_no")), 1)
             for day in (THURSDAY, FRIDAY)]
    assert belongings_of(rows["device_day"]) == whole
    assert belongings_of(rows["network_day"]) == whole
    thursday, friday = rows["device_day"]
    # 08:00-11:00 and 22:00-24:00 on; 08:00-08:30 and 23:50-24:00 active, of which the first half hour is lesson 1.
    names = ("events", "on_s", "active_s", "sessions", "lessons", "used", "first_s", "last_s")
    assert [thursday[name] for name in names] == [1, 18_000, 2_400, 2, 1, 1, 28_800, 86_399]
    # 00:00-00:10 on, 00:00-00:05 active.
    assert [friday[name] for name in names] == [1, 600, 300, 1, 0, 0, 0, 599]
    assert [row["bursts"] for row in rows["network_day"]] == [1, 1]


def test_schools_count_it_on_their_day_only(stack, move, played):
    for table, name in (("school_day", "reporting"), ("school_network_day", "bursts")):
        for day in (THURSDAY, FRIDAY):
            here = school_rows(stack, table, move.place(day)["school_no"]).get(day, {name: 0})
            there = school_rows(stack, table, move.other(day)["school_no"]).get(day, {name: 0})
            assert (here[name], there[name]) == (1, 0), f"{table} on {day_text(day)}"
    old, new = (school_rows(stack, "roster_day", place["school_no"]) for place in (move.old, move.new))
    for day in (THURSDAY, FRIDAY, FRIDAY + 3):
        inside = [move.device_no in rows[day]["in_service_devices"] for rows in (old, new)]
        assert inside == [day < FRIDAY, day >= FRIDAY], day_text(day)
    # Bells that were entered at noon: 8 lessons on the day itself, 2 from the next on.
    assert [old[day]["lessons"] for day in (THURSDAY, FRIDAY, FRIDAY + 3)] == [8, 2, 2]


def test_every_answer_says_the_same(stack, move, played):
    told = ask(stack, f"/v1/devices/{move.device_no}/days", THURSDAY, to=day_text(FRIDAY))["rows"]
    assert [(row["day"], row["on_s"], row["active_s"]) for row in told] == [
        (day_text(THURSDAY), 18_000, 2_400), (day_text(FRIDAY), 600, 300),
    ]
    for day in (THURSDAY, FRIDAY):
        for place, here in ((move.place(day), 1), (move.other(day), 0)):
            school = ask(stack, f"/v1/orgs/s{place['school_no']}/overview", day, figures="reporting_rate")
            assert school["self"]["figures"]["reporting_rate"]["num"] == here, f"{place} on {day_text(day)}"
            area = ask(stack, f"/v1/orgs/{place['division']}/overview", day, figures="reporting_rate")
            assert area["self"]["figures"]["reporting_rate"]["num"] == here, f"{place} on {day_text(day)}"
            devices = ask(stack, f"/v1/schools/{place['school_no']}/devices", day, figures="reporting_rate", page_size=1000)["rows"]
            found = {row["device"]["device_no"]: row["figures"]["reporting_rate"]["num"] for row in devices}
            # Where it is now it is in the list of any day; whether it counts there is the day's affair.
            assert found.get(move.device_no, 0) == here, f"{place} on {day_text(day)}"
            assert (move.device_no in found) == (here == 1 or place is move.new)


def test_sent_again_by_either_edge_it_changes_nothing(stack, move, played):
    client, boot = played
    before = rows_of(stack, move.device_no)
    for edge in ("ingest", "ingest-2"):
        for event in boot.events:
            send(stack, client, edge, move, boot, [event])
    # Something new comes after all of them, in each partition of the device's two schools.
    boot.heartbeat(MIDNIGHT + 660_000, on=[(MIDNIGHT - 1_000, MIDNIGHT + 660_000)])
    send(stack, client, "ingest", move, boot, boot.events[-1:])
    wait_for(lambda: rows_of(stack, move.device_no)["device_day"][1]["events"] == 2, 30, "the last one is folded")
    after = rows_of(stack, move.device_no)
    assert after["network_day"] == before["network_day"]
    assert [row["events"] for row in after["device_day"]] == [1, 2]
    assert (after["device_day"][0]["on_s"], after["device_day"][1]["on_s"]) == (18_000, 660)
