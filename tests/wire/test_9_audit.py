"""Issue 4, audit: school rows equal the sums of their device rows, area sums those of their schools; late events are
told, once; a row changed by hand is named."""

import json
import random

from classrooms import HOUR, Boot
from stack import day_number, day_start_ms, day_text, wait_for

DAY = day_number("2026-11-10")


def audit(stack, *words):
    done = stack.attempt("audit", "--json", *words, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)["sets"]
    return done.returncode, next(one for one in found if one["set"] == "live")


def test_every_row_agrees_and_areas_are_summed(stack, expected):
    expected.settle(60)
    code, told = audit(stack, "--days", "2026-10-20..2026-11-20")
    assert code == 0 and told["differences"] == [] and told["days"] >= 3, told
    wrong = stack.rows(
        "SELECT c.division, c.day FROM (SELECT * FROM county_day FINAL) c FULL JOIN (SELECT division, day, "
        "sum(s.used) AS used, sum(s.on_s) AS on_s FROM (SELECT * FROM school_day FINAL) s "
        "INNER JOIN (SELECT * FROM roster_day FINAL WHERE school_day = 1) r USING (division, school_no, day) "
        "GROUP BY division, day) x USING (division, day) WHERE c.used != x.used OR c.on_s != x.on_s"
    )
    assert wrong == []
    assert stack.rows("SELECT sum(used) AS used, sum(valid) AS valid FROM county_day FINAL")[0]["used"] > 0


def test_late_events_are_told_once(stack, client, registry):
    """Three distinct events for a day that has ended, one of them twice."""
    device_no = [no for no, device in registry.devices.items() if device["state"] == "in_service"][110]
    school_no = registry.belonging(device_no, DAY)["school_no"]
    where = f"school_no = {school_no} AND day = '{day_text(DAY)}'"
    ver = f"SELECT sum(ver) AS n FROM school_day FINAL WHERE {where}"
    before = stack.rows(ver)[0]["n"]
    boot, begin = Boot(random.Random(stack.now_ms()), device_no), day_start_ms(DAY) + 9 * HOUR * 1000
    for minutes in (2, 5, 10, 15):
        boot.heartbeat(begin + minutes * 60_000, [(begin, begin + minutes * 60_000)], [(begin, begin + minutes * 60_000)])
    # The school's day has an edition before the late events come.
    client.post(device_no, boot.boot_id, boot.events[:1])
    wait_for(lambda: stack.rows(ver)[0]["n"] == before + 1, 30, "the first event is folded")
    audit(stack, "--days", day_text(DAY))
    client.post(device_no, boot.boot_id, boot.events[1:])
    client.post(device_no, boot.boot_id, boot.events[1:2])
    wait_for(lambda: stack.rows(ver)[0]["n"] == before + 4, 30, "the late events are folded")
    told = f"SELECT sum(late_events) AS n, max(events) AS events, max(edition) AS edition FROM restatements FINAL WHERE {where} AND set_name = 'live'"
    earlier = stack.rows(told)[0]
    day = day_text(DAY)
    code, result = audit(stack, "--days", day)
    assert code == 0 and result["restated_days"] == [day]
    now = stack.rows(told)[0]
    assert (now["n"], now["edition"]) == (earlier["n"] + 3, earlier["edition"] + 1)
    _, again = audit(stack, "--days", day)
    assert again["restated_days"] == [] and stack.rows(told)[0] == now


def test_a_row_changed_by_hand_is_named(stack):
    """Negative control."""
    row = stack.rows(
        "SELECT division, school_no, used FROM school_day FINAL WHERE day = {day:Date} AND used > 0 LIMIT 1", day=day_text(DAY)
    )[0]
    where = f"day = '{day_text(DAY)}' AND school_no = {row['school_no']} AND division = {row['division']}"

    def change(by):
        update = f"ALTER TABLE school_day UPDATE used = used + {by} WHERE {where} SETTINGS mutations_sync = 2"
        stack.clickhouse().command(update)

    change(1)
    try:
        code, told = audit(stack, "--days", day_text(DAY))
        assert code == 1 and len(told["differences"]) == 1, told
        difference = told["differences"][0]
        assert (difference["school_no"], difference["division"]) == (row["school_no"], row["division"])
        wanted = {"column": "used", "stored": str(row["used"] + 1), "computed": str(row["used"])}
        assert difference["figures"] == [wanted]
        recorded = stack.rows("SELECT differences FROM audit_runs FINAL WHERE set_name = 'live' AND day = {day:Date}", day=day_text(DAY))
        assert recorded[0]["differences"] == 1
        wait_for(lambda: stack.metric("processors", "processors_audit_differences") == 1, 60, "the metric tells it", every=1)
    finally:
        change(-1)
    assert audit(stack, "--days", day_text(DAY))[0] == 0


def test_yesterday_was_audited_at_night(stack):
    """The stack's clock stands past 02:00."""
    wait_for(lambda: stack.metric("processors", "processors_audit_differences") == 0, 60, "the metric is back", every=1)
    assert stack.rows("SELECT count() AS n FROM audit_runs WHERE day = {day:Date}", day=day_text(stack.today() - 1))[0]["n"] > 0
