"""The chaos run's own judgement: what it draws, what it would call a failure, what it reports."""

import argparse
import pathlib
import sys
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "oracle"), str(HERE.parent / "wire")]

import pytest
from chaos import check_machine
from faults import KINDS, draw
from killed_day import differences
from machine import NotAllowed
from oracle import Verdict
from report import Report, picture
from watch import BOUNDS_MIB, Watch, kind_of, taken


def test_a_seed_draws_the_same_faults_again_and_every_kind_before_one_comes_again():
    faults = draw(7, len(KINDS), KINDS)
    assert faults == draw(7, len(KINDS), KINDS) != draw(8, len(KINDS), KINDS)
    assert {fault.kind for fault in faults} == set(KINDS)
    assert [fault.kind for fault in draw(7, 2, KINDS, ["kill-kafka", "kill-edge"])] == ["kill-kafka", "kill-edge"]
    assert all(fault.victim.endswith("-2") for fault in faults if KINDS[fault.kind].deed == "cut")


def test_a_machine_that_does_not_allow_a_fault_is_told_by_name(monkeypatch, tmp_path):
    def refuse():
        raise NotAllowed("`ip netns add`: not permitted")

    monkeypatch.setattr("chaos.check_namespaces", refuse)
    with pytest.raises(SystemExit, match="does not allow cut-api,cut-edge: .*not permitted.*--without cut-api,cut-edge"):
        check_machine({"cut-edge", "cut-api", "kill-edge"}, tmp_path)
    check_machine({"kill-edge"}, tmp_path)


def test_a_missing_event_fails(capsys):
    verdict = Verdict()
    verdict.check("nothing is missing", [])
    verdict.check("all is there", ["missing: 7"])
    assert (verdict.passed, verdict.failed) == (["nothing is missing"], ["all is there"])
    assert "DIFFERENT all is there\n    missing: 7" in capsys.readouterr().out


def test_two_tables_are_compared_both_ways():
    calm = {1: {"a": 1}, 2: {"a": 2}}
    assert differences(calm, calm) == []
    assert differences(calm, {1: {"a": 1}, 3: {"a": 2}}) == ["only in the undisturbed run: 2", "only in the killed run: 3"]
    assert differences(calm, {1: {"a": 1}, 2: {"a": 5}}) == ["2: a is 5, undisturbed 2"]


def watched(mib):
    watch = Watch(stack=None)
    watch.samples = [{"at": 1.0, "lag": 5, "mib": {"ingest-2": mib}}, {"at": 2.0, "lag": None, "mib": {}},
                     {"at": 3.0, "lag": 0, "mib": {"ingest-2": 1.0}}]
    return watch


def test_memory_beyond_its_bound_is_told():
    assert watched(BOUNDS_MIB["ingest"]).excesses() == []
    assert watched(BOUNDS_MIB["ingest"] + 1).excesses() == ["ingest-2 took 151 MiB, bound 150"]
    assert kind_of("query-api-2") == "query-api" == kind_of("query-api")


def test_the_report_has_table_json_and_a_picture(tmp_path):
    report = Report(argparse.Namespace(seed=1, broken=None, report=tmp_path), BOUNDS_MIB)
    report.watch, report.counts = watched(10.0), {"acknowledged": 3, "in_topic": 3}
    for fault, took in zip(draw(1, 4, ["kill-edge"]), (0.5, 2.0, 4.0, None)):
        report.note(fault, 1.0, 1.5, took)
    verdict = Verdict()
    verdict.check("x", [])
    report.write(verdict)
    assert "| kill-edge | 4 | 4.0 | inf | 3 **missed** |" in (tmp_path / "report.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"report.md", "report.svg", "report.json"}
    drawn = xml.etree.ElementTree.fromstring(picture(report.watch.samples, report.faults))
    lines = [element for element in drawn.iter() if element.tag.endswith("polyline")]
    assert len(lines) == 4, "each line is broken where nothing was measured"


def test_posts_taken_are_read_from_the_metrics():
    text = 'edge_posts_total{outcome="ok"} 12\nedge_posts_total{outcome="limited"} 4\n'
    assert taken(text) == 12 and taken("") == 0
