"""Online now: the last heartbeat received, whatever moment it speaks of; nothing else that a device sends tells it."""

import random

import pytest
import requests
from classrooms import Boot
from stack import DAY_MS, day_text, wait_for

SEED = 20261121


@pytest.fixture(scope="module")
def silent(registry, truth, stack):
    """Four devices of one school of which nothing was heard in this run, in service today."""
    today, schools = stack.today(), {}
    for no, device in registry.devices.items():
        stamp = registry.belonging(no, today)
        if device["state"] == "in_service" and stamp["in_service"] and no not in truth.events:
            schools.setdefault(stamp["school_no"], []).append(no)
    school_no, devices = next((school, found) for school, found in sorted(schools.items()) if len(found) >= 4)
    return school_no, devices[:4]


def ask(stack, path, day):
    headers = {"Authorization": f"Bearer {stack.user_token('province_admin', '440000')}"}
    parameters = {"from": day_text(day), "to": day_text(day), "figures": "online_now", "page_size": 1000}
    answer = requests.get(stack.address("api") + path, params=parameters, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def online(stack, school_no, day):
    """The devices of a school that are online, and the school's own figure."""
    told = ask(stack, f"/v1/schools/{school_no}/devices", day)
    found = {row["device"]["device_no"] for row in told["rows"] if row["figures"]["online_now"]["num"] == 1}
    return found, ask(stack, f"/v1/orgs/s{school_no}/overview", day)["self"]["figures"]["online_now"]


def test_a_heartbeat_counts_when_it_is_received_and_nothing_else_does(silent, client, expected, stack):
    school_no, (late, prompt, switched, probed) = silent
    today, now = stack.today(), stack.now_ms()
    generator = random.Random(SEED)
    before, _ = online(stack, school_no, today)
    assert not before & {late, prompt, switched, probed}
    posts = {no: Boot(generator, no) for no in (late, prompt, switched, probed)}
    posts[late].heartbeat(now - 10 * DAY_MS, on=[(now - 10 * DAY_MS - 60_000, now - 10 * DAY_MS)])
    posts[prompt].heartbeat(now)
    posts[switched].power(now)
    posts[probed].burst(now, [20_000] * 60)
    for no, boot in posts.items():
        client.post(no, boot.boot_id, boot.events)
    expected.settle()
    wait_for(lambda: online(stack, school_no, today)[0] == before | {late, prompt}, 5, "who is online")
    found, figure = online(stack, school_no, today)
    assert figure["num"] == len(found) and figure["value"] == figure["num"] / figure["den"]


def test_who_is_online_is_known_of_today_only(silent, stack):
    _, figure = online(stack, silent[0], stack.today() - 1)
    assert figure["value"] is None and figure["reason"] == "no_data"
