"""Issue 4, rebuild: the same log folded again equals live while agents post; other definitions differ by area; readers
are swapped, and back; a set that is read stays live."""

import json
import random

import pytest
from classrooms import HOUR, Boot
from stack import day_number, day_start_ms, day_text, wait_for
from test_3_api import ask, dates
from test_5_resilience import Load

DAY = day_number("2026-11-12")
COMPARED = {"device_day", "network_day", "school_day", "school_network_day"}
# What a longer time of use can change: nothing else of a row depends on it.
CHANGED = {("device_day", "used"), ("school_day", "used"), ("school_day", "classes_used")}


@pytest.fixture(scope="module")
def devices(registry):
    return [no for no, device in registry.devices.items() if device["state"] == "in_service"]


@pytest.fixture(scope="module", autouse=True)
def twelve_minutes(client, devices):
    """Devices in use for 12 minutes of the day: used by the one definition, not by the other."""
    generator, begin = random.Random(61), day_start_ms(DAY) + 10 * HOUR * 1000
    for device_no in devices[60:80]:
        boot = Boot(generator, device_no)
        boot.heartbeat(begin + 1_800_000, [(begin, begin + 1_800_000)], [(begin, begin + 720_000)])
        client.post(device_no, boot.boot_id, boot.events)


def rebuild(stack, *words, code=0):
    done = stack.attempt("rebuild", *words, "--json", timeout=300)
    assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def readers(stack):
    sets = json.loads(stack.command("rebuild", "list", "--json"))
    return next(found["set"] for found in sets if found["readers"])


def overview(stack):
    told = ask(stack, "/v1/orgs/440000/overview", figures="usage_rate", **dates(stack)).json()
    return told["meta"]["definition_version"], told["self"]["figures"]["usage_rate"]


def test_the_same_log_gives_the_same_rows_while_agents_post(client, stack, devices):
    with Load(client, stack, devices[:40], 610):
        result = rebuild(stack, "--name", "again")
    assert result["differences"] == 0 and result["not_compared"] == 0, result
    assert set(result["rows"]) == COMPARED and min(result["rows"].values()) > 5, result
    assert result["rows"]["device_day"] >= 20
    assert result["events"] > 1000


def test_the_archive_gives_the_same_rows(stack, truth):
    def archived():
        sql = "SELECT uniqExact(device_no, boot_id, stream, seq) AS n FROM events_raw_final"
        return stack.rows(sql)[0]["n"] >= truth.size()

    wait_for(archived, 60, "the archive holds every event", every=1)
    result = rebuild(stack, "--from", "archive", "--days", "2026-11-09..2026-11-13", "--name", "old")
    assert result["differences"] == 0 and result["rows"]["device_day"] > 50, result
    assert result["days"] and all("2026-11-09" <= day <= "2026-11-13" for day in result["days"])


def test_a_row_that_differs_is_found(stack):
    """Negative control: one figure of one row, changed by hand, and one row taken away; a row that its worker still has to
    write would be put right by that."""
    stack.command("rebuild", "compare", "again", "--days", day_text(DAY))
    row = stack.rows("SELECT * FROM device_day__again FINAL WHERE day = {day:Date} LIMIT 1", day=day_text(DAY))[0]
    where = f"day = '{day_text(DAY)}' AND device_no = {row['device_no']}"
    other = stack.rows(f"SELECT device_no FROM network_day__again FINAL WHERE day = '{day_text(DAY)}' LIMIT 1")[0]["device_no"]
    clickhouse = stack.clickhouse()
    clickhouse.command(f"ALTER TABLE device_day__again UPDATE on_s = on_s + 1 WHERE {where} SETTINGS mutations_sync = 2")
    gone = f"day = '{day_text(DAY)}' AND device_no = {other}"
    clickhouse.command(f"ALTER TABLE network_day__again DELETE WHERE {gone} SETTINGS mutations_sync = 2")
    done = stack.attempt("rebuild", "compare", "again", "--days", day_text(DAY), "--json", timeout=120)
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["by_column"] == [{"table": "device_day", "column": "on_s", "rows": 1}], result
    assert result["lacking_events"] == 1 and result["differences"] == 2, result
    stack.command("rebuild", "drop", "again")
    assert stack.rows("EXISTS TABLE device_day__again")[0]["result"] == 0


def test_other_definitions_differ_by_area_and_readers_are_swapped(stack, tmp_path):
    before_version, before = overview(stack)
    (tmp_path / "longer.toml").write_text('version = "2026.1-use15"\nuse_min_s = 900\n')
    result = rebuild(stack, "--definitions", str(tmp_path / "longer.toml"), "--name", "longer", "--swap")
    assert {(row["table"], row["column"]) for row in result["by_column"]} == CHANGED, result["by_column"]
    province = next(area for area in result["areas"] if area["area"] == 440000)
    assert province["used_new"] <= province["used_old"] - 20, province
    counties = [area for area in result["areas"] if area["area"] % 100]
    assert sum(area["used_new"] for area in counties) <= province["used_new"]

    wait_for(lambda: overview(stack)[0] == "2026.1-use15", 10, "answers name the new definitions")
    assert before_version == "2026.1" and overview(stack)[1]["num"] < before["num"]
    assert overview(stack)[1]["den"] == before["den"] and readers(stack) == "longer"
    views = stack.rows("SELECT count() AS n FROM device_day_final WHERE active_s BETWEEN 600 AND 899 AND used = 1")
    assert views[0]["n"] == 0
    summed = stack.rows("SELECT sum(used) AS used FROM county_day_final")[0]["used"]
    assert summed == stack.rows("SELECT sum(used) AS used FROM county_day__longer FINAL")[0]["used"] > 0


def test_a_set_that_is_read_stays_live_over_a_restart(client, stack, devices):
    assert stack.attempt("rebuild", "drop", "longer").returncode == 1, "readers read it"
    killed = stack.kill("processors")
    stack.wait_ready("processors", unlike=killed)
    boot = Boot(random.Random(63), devices[90])
    begin = day_start_ms(DAY) + 14 * HOUR * 1000
    boot.heartbeat(begin + 900_000, [(begin, begin + 900_000)], [(begin, begin + 840_000)])
    client.post(devices[90], boot.boot_id, boot.events)
    sql = "SELECT used FROM {table:Identifier} FINAL WHERE device_no = {no:UInt32} AND has(seen_boots, {boot:UUID})"

    def used(table):
        rows = stack.rows(sql, table=table, no=devices[90], boot=boot.boot_id)
        return [row["used"] for row in rows]

    wait_for(lambda: used("device_day") and used("device_day__longer"), 40, "both sets have the new event")


def test_going_back_is_a_swap(stack):
    stack.command("rebuild", "swap", "live")
    wait_for(lambda: overview(stack)[0] == "2026.1", 10, "answers name the former definitions")
    assert readers(stack) == "live"
    stack.command("rebuild", "drop", "longer")
    stack.command("rebuild", "drop", "old")
    assert [found["set"] for found in json.loads(stack.command("rebuild", "list", "--json"))] == ["live"]
