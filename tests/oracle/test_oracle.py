"""The oracle's own arithmetic, by hand; and that it notices what differs."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).resolve().parents[1] / "wire")]

import pytest
from activity import ActivityDay, assertions, day_of, placed
from events import Event
from figures import Figures, figures, nothing
from ledger import Ledger
from network import NetworkDay, differences, latency_doubled
from sources import parse_ms
from tables import Difference, Tables, explain

FRIDAY = parse_ms("2026-11-20T00:00:00.000+08:00")
DAY = day_of(FRIDAY)
HOUR = 3_600_000
BELLS = [(28_800, 31_200), (31_800, 34_200)]


class School:
    """A registry of one school with two devices in service and one that is not."""

    orgs, devices, corrected = {}, {1: None, 2: None, 3: None}, set()

    def belonging(self, device_no, _day):
        return {"school_no": 7, "class_no": device_no, "division": 440106, "in_service": device_no < 3}

    def bells(self, _school_no, _day):
        return BELLS

    def in_service(self, _day):
        return {(440106, 7): {1: 1, 2: 2}}

    def school_day(self, _division, _school_no, day):
        return (day + 3) % 7 < 5


def beat(device_no, seq, at_ms, on, active=(), apps=(), **more):
    body = {"on": list(on), "active": list(active), "apps": [{"app": "ppt", "spans": list(apps)}] if apps else []}
    return Event(device_no, "b", "heartbeat", seq, at_ms, body, **more)


def burst(device_no, seq, at_ms, rtt_us, busy=False):
    return Event(device_no, "b", "burst", seq, at_ms, {"busy": busy, "rtt_us": rtt_us})


def row_of(*events):
    ledger = Ledger(School())
    for event in events:
        ledger.add(event)
    return ledger.device_row((1, DAY))


def test_a_span_is_floored_at_both_ends_and_cut_at_midnight():
    at = FRIDAY + 60_400
    assert list(placed(at, (120_000, 30_400))) == [(DAY - 1, 86_340, 86_400), (DAY, 0, 30)]
    assert list(placed(at, (399, 0))) == []
    assert list(placed(at, (401, 400))) == [(DAY, 59, 60)]


def test_a_day_by_hand():
    # On 08:00-09:00 and 09:04-09:30 (a gap of 4 min joins), used 08:00-08:12 and, beyond on-time, 09:00-09:06.
    nine = FRIDAY + 9 * HOUR
    row = row_of(
        beat(1, 0, nine, [(HOUR, 0)], [(HOUR, HOUR - 720_000)], [(HOUR, HOUR - 300_000)]),
        beat(1, 1, nine + HOUR // 2, [(1_560_000, 0)], [(1_800_000, 1_440_000)]),
    )
    assert (row["on_s"], row["active_s"], row["sessions"]) == (3_600 + 1_560, 720 + 120, 1)
    assert (row["first_s"], row["last_s"], row["used"]) == (28_800, 34_199, 1)
    assert (row["lessons"], row["app_ids"], row["app_s"]) == (0b01, ["ppt"], [300])
    assert row["session_spans"] == [28_800, 34_200] and row["active_spans"] == [28_800, 29_520, 32_400, 32_760]
    assert row["seen_ranges"] == [[0, 1]] and row["online"] == set(range(48, 57))


def test_what_comes_twice_or_late_or_reordered_changes_nothing():
    first = beat(1, 0, FRIDAY + 9 * HOUR, [(HOUR, 0)])
    second = beat(1, 2, FRIDAY + 10 * HOUR, [(2 * HOUR, 0)])
    assert row_of(first, second, first) == row_of(second, first)
    assert row_of(first, second)["seen_ranges"] == [[0, 0, 2, 2]]


def test_an_event_counts_in_each_day_that_it_touches_and_in_its_range_only():
    at = FRIDAY + 60_000
    ledger = Ledger(School())
    ledger.add(beat(1, 0, at, [(120_000, 0)]))
    assert [ledger.activity[1, day].row(BELLS)["events"] for day in (DAY - 1, DAY)] == [0, 1]
    assert [ledger.activity[1, day].ver for day in (DAY - 1, DAY)] == [1, 1]
    ledger = Ledger(School())
    ledger.add(beat(1, 0, at, [(120_000, 0)], days=(DAY, DAY + 1)))
    assert list(ledger.activity) == [(1, DAY)]


def test_bursts_by_hand():
    assert latency_doubled([1] * 9) is None and latency_doubled([1, 2] * 5) == 3
    assert differences([21_000, 22_000, 21_500, None, 24_000, 23_000, 60_000, 22_000]) is None
    probes = [10_000, 12_000] * 6
    day = NetworkDay()
    for seq, rtt in enumerate([probes, [None] * 12, [*probes, 0, 3_000_001], [1] * 5]):
        day.fold(burst(1, seq, FRIDAY + 9 * HOUR, rtt))
    day.fold(burst(1, 9, FRIDAY + 9 * HOUR, probes, busy=True))
    row = day.row()
    assert [row[name] for name in ("bursts", "busy", "outage", "partial", "valid")] == [5, 1, 1, 1, 2]
    assert [row[name] for name in ("probes_sent", "probes_lost", "probes_invalid")] == [12 + 12 + 12 + 5, 12, 2]
    assert [row[name] for name in ("judged", "latency_ok", "jitter_ok", "verdict")] == [3, 2, 2, "unknown"]
    assert row["latency_hist"][7] == 2 and row["jitter_hist"][2] == 2


@pytest.mark.parametrize("bad, verdict", [(1, "pass"), (2, "fail")])
def test_nine_of_ten_pass(bad, verdict):
    day = NetworkDay()
    for seq in range(10):
        day.fold(burst(1, seq, FRIDAY + 9 * HOUR, [31_000 if seq < bad else 1_000] * 12))
    assert day.verdict() == verdict


def test_figures_of_a_school_and_its_silent_device():
    ledger = Ledger(School())
    ledger.add(beat(1, 0, FRIDAY + 9 * HOUR, [(HOUR, 0)], [(720_000, 0)]))
    ledger.add(beat(3, 0, FRIDAY + 9 * HOUR, [(HOUR, 0)]))
    expected = Figures(ledger)
    found = figures(expected.sums([(440106, 7)], DAY - 1, DAY))
    assert found["usage_rate"] == (1, 4, 0.25) and found["reporting_rate"] == (1, 4, 0.25)
    assert found["online_rate"] == (6, 4 * 63, 6 / 252) and found["lesson_usage_rate"] == (1, 8, 0.125)
    assert found["active7_rate"] == (1, 2, 0.5) and found["latency_p50"] == (None, 0, None)
    assert ledger.school_days()[440106, 7, DAY]["reporting_unlisted"] == 1
    assert figures(nothing())["usage_rate"] == (0, 0, None)


class Told:
    """Tables that say what they are given."""

    def __init__(self, rows):
        self.given = rows

    def rows(self, _sql):
        return [{f"c_{name}": value for name, value in row.items()} for row in self.given]


def compared(told, expected):
    tables = Tables(Told(told), Ledger(School()), received=False)
    found = tables.compare("device_day", ("device_no", "day"), expected, ("on_s",))
    assert all(isinstance(difference, Difference) for difference in found)
    return sorted(str(difference) for difference in found)


def test_every_kind_of_difference_is_found():
    row, expected = {"device_no": 1, "day": DAY, "on_s": 10}, {(1, DAY): {"on_s": 10}}
    assert compared([row], expected) == []
    assert compared([row | {"on_s": 11}], expected) == ["device_day device_no 1, day 2026-11-20: on_s is 11, must be 10"]
    assert compared([], expected) == ["device_day device_no 1, day 2026-11-20: missing"]
    assert compared([row, row | {"device_no": 2}], expected) == ["device_day device_no 2, day 2026-11-20: no event says so"]


def test_a_difference_is_explained_by_the_events_that_the_row_lacks():
    class Source:
        name = "topic"

        def events(self, devices):
            assert devices == {1}
            return [beat(1, seq, FRIDAY + 9 * HOUR + seq, [(1_000, 0)]) for seq in range(3)]

    row = {"c_seen_boots": ["b"], "c_seen_ranges": [[0, 1]]}
    found = [Difference("device_day", ("device_no", "day"), (1, DAY), "ver is 2, must be 3", row)]
    head, line = explain(Source(), found)
    assert head == "device_day of device 1, 2026-11-20: 1 events from topic that the row does not hold"
    assert "heartbeat boot b seq 2" in line


def test_a_record_with_a_strange_stamp_is_told():
    ledger = Ledger(School())
    ledger.add(beat(1, 0, FRIDAY + HOUR, [(1_000, 0)], stamp=(7, 1, 440106, 1)))
    assert ledger.misplaced == []
    ledger.add(beat(1, 1, FRIDAY + HOUR, [(1_000, 0)], stamp=(7, 1, 440106, 0)))
    assert len(ledger.misplaced) == 1


def test_an_empty_heartbeat_still_counts():
    assert assertions(beat(1, 0, FRIDAY, [])) == {}
    day = ActivityDay()
    day.fold(beat(1, 0, FRIDAY, []), {}, True)
    assert (day.events, day.ver, day.row(BELLS)["first_s"]) == (1, 1, None)
