"""CONTRACT section 8: the launcher, on a second stack beside the session's own."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
from stack import REPOSITORY, Stack, wait_for
from test_5_resilience import Load

PORT_BASE = int(os.environ.get("CLASSPULSE_WIRE_PORT_BASE", "25000")) + 100


@pytest.fixture(scope="module")
def beside():
    """Kafka, ClickHouse and services of its own; stopped by the tests themselves."""
    second = Stack(PORT_BASE, 4, "2026-11-20T18:30", own=True)
    try:
        yield second
    finally:
        second.down()


def is_alive(pid):
    """A zombie is gone: it waits only for its parent to notice."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_a_second_stack_works_beside_the_first(stack, beside):
    assert stack.manifest["edge"] != beside.manifest["edge"]
    for each in (stack, beside):
        for service in each.manifest["services"]:
            assert is_alive(service["pid"]), service


@pytest.mark.parametrize("service", ["ingest", "query-api", "processors", "registry"])
def test_a_dead_service_is_started_again_within_a_second(beside, service):
    killed = beside.kill(service)
    died = time.monotonic()
    wait_for(lambda: beside.pid(service) not in (None, killed), 5, f"stack.json names a new {service}", every=0.02)
    # The launcher promises one second; the other is for a busy machine that runs this test.
    assert time.monotonic() - died < 2.0
    assert is_alive(beside.pid(service))
    beside.wait_ready(service)


def test_what_was_stopped_stays_stopped(beside):
    beside.command("stop", "query-api")
    assert beside.service("query-api")["pid"] is None
    time.sleep(1.5)
    assert beside.service("query-api")["pid"] is None
    beside.command("start", "query-api")
    beside.wait_ready("query-api")


@pytest.mark.parametrize("service", ["ingest", "processors"])
def test_sigterm_under_load_drains(client, stack, registry, expected, service):
    """Every post under way gets its answer, what was accepted is in the tables, and the exit is clean and soon."""
    devices = [no for no, device in registry.devices.items() if device["state"] == "in_service"][:40]
    with Load(client, stack, devices, 610):
        time.sleep(1)
        pid = stack.pid(service)
        asked = time.monotonic()
        stack.command("stop", service)
        assert time.monotonic() - asked < 10
        assert not is_alive(pid)
        stack.command("start", service)
        stack.wait_ready(service)
        time.sleep(1)
    expected.settle(60)
    log = stack.command("logs", service)
    assert "panicked" not in log


def test_without_restart_a_dead_service_stays_dead_and_status_says_so(beside):
    beside.command("down")
    beside.command("up", "--detach", "--no-fleet", "--schools", "4", "--clock", "2026-11-20T18:30", "--no-restart", timeout=600)
    killed = beside.kill("query-api")
    wait_for(lambda: not is_alive(killed), 5, "it is dead")
    time.sleep(1.5)
    assert beside.service("query-api")["pid"] is None


def test_kill_9_of_the_launcher_leaves_no_orphan(beside):
    pids = [service["pid"] for service in beside.manifest["services"] if service["pid"]]
    launcher = parent_of(beside.pid("registry"))
    os.kill(launcher, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 10, "every process is gone")
    wait_for(lambda: all(is_free(PORT_BASE + offset) for offset in range(9)), 10, "every port is free")
    # What it wrote is enough to go on from.
    beside.command("up", "--detach", "--no-fleet", "--clock", "2026-11-20T18:30", timeout=600)
    beside.wait_ready("ingest")
    beside.command("down")
    assert all(is_free(PORT_BASE + offset) for offset in range(9))


def test_in_the_foreground_ctrl_c_stops_everything(beside):
    environment = dict(os.environ, CLASSPULSE_VAR=str(beside.var))
    words = ["up", "--no-fleet", "--clock", "2026-11-20T18:30", "--port-base", str(PORT_BASE)]
    running = subprocess.Popen(
        [str(REPOSITORY / "classpulse"), *words], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )
    try:
        printed = []
        for line in running.stdout:
            printed.append(line)
            if "curl " in line:
                break
        assert any("token" in line.lower() for line in printed), "".join(printed)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        assert running.returncode in (0, 130)
    finally:
        running.kill()
        running.wait()
    assert all(is_free(PORT_BASE + offset) for offset in range(9))
