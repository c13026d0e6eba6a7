"""Acceptance 3: days posted by a client of our own come back equal to the second, the burst, the verdict."""

import random

import pytest
from classrooms import Boot, boots, night
from client import ENCODINGS, new_boot
from expected import figure_differences
from stack import day_number, day_start_ms, day_text, rfc3339

SEED = 20261120
# Today; Thursday over midnight into Friday; last weekend; the make-up Saturday and the first day after a holiday; late.
DAYS = ["2026-11-20", "2026-11-19", "2026-11-18", "2026-11-15", "2026-10-10", "2026-10-08"]


def chosen_devices(registry, stack, generator):
    """Whole classes of some schools everywhere, and all devices with a history."""
    today = stack.today()
    moved = [no for no, device in registry.devices.items() if len(device["belongings"]) > 1]
    usable = [no for no, device in registry.devices.items() if device["state"] in ("in_service", "enrolled")]
    schools = {}
    for no in usable:
        schools.setdefault(registry.belonging(no, today)["school_no"], []).append(no)
    some = generator.sample(sorted(schools), min(12, len(schools)))
    chosen = {no for school in some for no in schools[school][:4]} | {no for no in moved if no in usable}
    return sorted(chosen)[:70]


@pytest.fixture(scope="module")
def posted(stack, client, registry):
    """Posts everything once, some of it twice, in no order, in every form."""
    generator = random.Random(SEED)
    devices = chosen_devices(registry, stack, generator)
    days = [day_number(text) for text in DAYS]
    posts = [post for no in devices for boot in boots(generator, no, days) for post in boot.posts()]
    generator.shuffle(posts)
    client.post_all(posts)
    return devices


def test_tables_equal_our_own_arithmetic(posted, expected):
    expected.settle()
    rows = expected.device_days()
    assert len(rows) > 300 and sum(row["sessions"] > 2 for row in rows.values()) > 20
    assert {row["verdict"] for row in expected.network_days().values()} == {"pass", "fail", "unknown"}


def test_every_form_of_a_body_is_the_same_event(client, expected, registry, stack):
    """One event six times, as JSON and Avro, plain and packed: counted once."""
    generator = random.Random(SEED + 1)
    device_no = chosen_devices(registry, stack, generator)[0]
    boot = Boot(generator, device_no)
    night(boot, day_number("2026-11-17"))
    for form, packing in ENCODINGS:
        client.post(device_no, boot.boot_id, boot.events, form, packing)
    expected.settle()


def test_of_one_identity_the_first_content_counts(client, expected, registry, stack):
    generator = random.Random(SEED + 2)
    device_no = chosen_devices(registry, stack, generator)[1]
    start = day_start_ms(day_number("2026-11-16")) + 9 * 3_600_000
    boot_id = new_boot(generator)
    for length in (60_000, 900_000):
        event = {"type": "heartbeat", "seq": 0, "at": rfc3339(start), "at_ms": start,
                 "on": [[length, 0]], "active": [], "apps": []}
        client.post(device_no, boot_id, [event])
    expected.settle()


def test_a_wrong_clock_is_told_the_time_and_nothing_is_taken(client, expected, registry, stack):
    generator = random.Random(SEED + 3)
    device_no = chosen_devices(registry, stack, generator)[2]
    boot = Boot(generator, device_no)
    now = stack.now_ms()
    boot.power(now - 3_600_000)
    content, headers = client.body(boot.boot_id, boot.events, sent_at_ms=now - 3_600_000)
    refused = client.send(device_no, content, headers)
    assert refused.status_code == 400 and refused.json()["type"] == "urn:classpulse:clock-skew"
    from stack import parse_rfc3339_ms

    assert abs(parse_rfc3339_ms(refused.json()["server_time"]) - now) < 10_000
    content, headers = client.body(boot.boot_id, boot.events, offset_ms=3_600_000)
    answer = client.send(device_no, content, headers)
    assert answer.status_code == 200 and answer.json()["accepted"] == 1
    client.truth.accept(device_no, boot.boot_id, boot.events[0])
    expected.settle()


def test_the_roster_has_every_school_and_day(expected, registry, stack):
    """`roster_day` against the belongings of the topic: 45 days back, a week ahead."""
    today = stack.today()
    rows = stack.rows(
        "SELECT division, school_no, day, in_service, classes, school_day, lessons, "
        "in_service_devices AS devices FROM roster_day_final WHERE day >= toDate({from:UInt16})"
        .replace("{from:UInt16}", str(today - 45))
    )
    told = {(row["division"], row["school_no"], day_number(row["day"].isoformat())): row for row in rows}
    schools = {org["school_no"]: org["division"] for org in registry.orgs.values() if org["level"] == "school"}
    for day in range(today - 45, today + 8):
        roster = expected.roster(day)
        for school_no, division in schools.items():
            assert (division, school_no, day) in told, f"school {school_no} has no row on {day_text(day)}"
        for (division, school_no, of), row in ((key, row) for key, row in told.items() if key[2] == day):
            devices = roster.get((division, school_no), {})
            key = f"school {school_no} on {day_text(day)}"
            assert sorted(row["devices"]) == sorted(devices) and row["in_service"] == len(devices), key
            assert row["classes"] == len(set(devices.values()) - {0}), key
            assert row["school_day"] == int(registry.school_day(division, school_no, day)), key
            assert row["lessons"] == len(registry.bells(school_no, day)), key


def test_devices_are_as_they_are_today(registry, stack):
    told = {row["device_no"]: row for row in stack.rows("SELECT * FROM devices_final")}
    assert told.keys() == registry.devices.keys()
    for no, device in registry.devices.items():
        place, row = registry.belonging(no, stack.today()), told[no]
        assert (row["school_no"], row["class_no"], row["division"]) == (
            place["school_no"], place["class_no"], place["division"]
        )
        assert str(row["device_id"]) == device["device_id"] and row["state"] == device["state"]


def test_the_archive_has_every_event_once(client, truth, stack):
    from stack import wait_for

    wanted = {(no, *identity) for no, events in truth.events.items() for identity in events}

    def archived():
        rows = stack.clickhouse().query("SELECT DISTINCT device_no, toString(boot_id), stream, seq FROM events_raw_final")
        return {tuple(row) for row in rows.result_rows} == wanted

    wait_for(archived, 40, "the archive holds what was accepted", every=1)


# ---- the API -------------------------------------------------------------------------------------------------------

RANGE = (day_number("2026-10-08"), day_number("2026-11-20"))


def get(stack, path, token=("province_admin", "440000"), **parameters):
    import requests

    headers = {"Authorization": f"Bearer {stack.user_token(*token)}"}
    answer = requests.get(stack.address("api") + path, params=parameters, headers=headers, timeout=20)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def dates(first=RANGE[0], last=RANGE[1]):
    return {"from": day_text(first), "to": day_text(last)}


def inside(org):
    """Whether a school is inside an organisation."""
    if org.startswith("s"):
        return lambda _, school_no: school_no == int(org[1:])
    code = int(org)
    width = 10_000 if code % 10_000 == 0 else 100 if code % 100 == 0 else 1
    return lambda division, _: code <= division < code + width


def places(registry, devices):
    """Some schools, and every area above them."""
    found = ["440000"]
    for no in devices[:: max(1, len(devices) // 6)]:
        entry = registry.belonging(no, RANGE[1])
        found += [str(entry["division"] // 100 * 100), str(entry["division"]), f"s{entry['school_no']}"]
    return [org for org in dict.fromkeys(found) if org in registry.orgs]


ALL_FIGURES = (
    "usage_rate,class_usage_rate,school_usage_rate,power_on_rate,online_rate,reporting_rate,lesson_usage_rate,"
    "active7_rate,active30_rate,avg_active_s,avg_active_s_reporting,avg_on_s,network_pass_rate,network_known_share,"
    "latency_p50,latency_p90,latency_p99,jitter_p50,jitter_p90,jitter_p99,loss_rate,outage_rate"
)


def test_overview_at_every_level(posted, expected, registry, stack):
    for org in places(registry, posted):
        for first, last in (RANGE, (RANGE[1], RANGE[1])):
            told = get(stack, f"/v1/orgs/{org}/overview", figures=ALL_FIGURES, **dates(first, last))
            wanted, _ = expected.figures(inside(org), first, last)
            assert told["self"]["org"]["id"] == org and told["self"]["org"]["name"] == registry.orgs[org]["name"]
            assert figure_differences(told["self"]["figures"], wanted) == [], f"{org} {day_text(first)}"


def test_children_and_direct_schools_sum_up(posted, expected, registry, stack):
    for org in places(registry, posted)[:6]:
        if org.startswith("s"):
            continue
        told = get(stack, f"/v1/orgs/{org}/children", figures=ALL_FIGURES, page_size=1000, **dates())
        units = {unit["org"]["id"]: unit for unit in told["direct"] + told["children"]}
        below = {key for key, value in registry.orgs.items() if value["parent"] == org and value["level"] != "class"}
        assert units.keys() == below and told["next"] is None
        for child, unit in units.items():
            wanted, _ = expected.figures(inside(child), *RANGE)
            assert figure_differences(unit["figures"], wanted) == [], f"{child} of {org}"


def test_trend_has_every_day(posted, expected, registry, stack):
    for org in places(registry, posted)[:5]:
        told = get(stack, f"/v1/orgs/{org}/trend", figures="usage_rate,avg_on_s,reporting_rate", **dates())
        assert [point["day"] for point in told["points"]] == [day_text(day) for day in range(RANGE[0], RANGE[1] + 1)]
        for point in told["points"]:
            day = day_number(point["day"])
            wanted, _ = expected.figures(inside(org), day, day)
            if not point["school_day"]:
                assert point["figures"]["usage_rate"]["reason"] == "not_school_day"
                continue
            wanted = {name: wanted[name] for name in ("usage_rate", "avg_on_s", "reporting_rate")}
            assert figure_differences(point["figures"], wanted) == [], f"{org} on {point['day']}"


def test_network_histograms(posted, expected, registry, stack):
    for org in places(registry, posted)[:6]:
        told = get(stack, f"/v1/orgs/{org}/network", **dates())
        _, hists = expected.figures(inside(org), *RANGE)
        assert {name: told[name] for name in hists} == hists, org


def test_days_and_sessions_of_a_device(posted, expected, stack):
    rows, network = expected.device_days(), expected.network_days()
    for device_no in posted[::7]:
        told = {row["day"]: row for row in get(stack, f"/v1/devices/{device_no}/days", **dates())["rows"]}
        sessions = get(stack, f"/v1/devices/{device_no}/sessions", **dates())["rows"]
        for day in range(RANGE[0], RANGE[1] + 1):
            row, text = rows.get((device_no, day)), day_text(day)
            if row is None:
                continue
            for name in ("on_s", "active_s", "sessions", "first_s", "last_s"):
                assert told[text][name] == row[name], f"device {device_no}, {text}, {name}"
            assert bool(told[text]["used"]) == bool(row["used"])
            if (device_no, day) in network:
                assert told[text]["verdict"] == network[device_no, day]["verdict"]
            lengths = [session["seconds"] for session in sessions if session["day"] == text]
            spans = row["session_spans"]
            assert sorted(lengths) == sorted(end - begin for begin, end in zip(spans[::2], spans[1::2]))


def test_devices_of_a_school(posted, expected, registry, stack):
    school_no = registry.belonging(posted[0], RANGE[1])["school_no"]
    told = get(stack, f"/v1/schools/{school_no}/devices", figures="avg_on_s,usage_rate", page_size=1000, **dates())
    here = {no for no in registry.devices if registry.belonging(no, RANGE[1])["school_no"] == school_no}
    assert {row["device"]["device_no"] for row in told["rows"]} == here


def test_a_ranking_is_in_order_and_names_who_is_left_out(posted, stack):
    told = get(stack, "/v1/orgs/440000/ranking", order="-usage_rate", figures="usage_rate", **dates())
    values = [row["figures"]["usage_rate"]["value"] for row in told["rows"]]
    assert values == sorted(values, reverse=True)
    assert [row["rank"] for row in told["rows"]] == sorted(row["rank"] for row in told["rows"])
    assert all(row["reason"] in ("few_units", "low_reporting") for row in told["unranked"])
