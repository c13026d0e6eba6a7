"""What the chaos run needs of the machine: network namespaces, and a small file system."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

RELAY = pathlib.Path(__file__).with_name("relay.py")
# A small province and its archive take a few dozen MB.
DISK_MB = 400
# Left when the disk is filled: below what ClickHouse keeps free (infra/clickhouse/config.xml), and enough for the merges
# that have begun.
LEFT_MB = 32


class NotAllowed(Exception):
    """The machine does not allow something; says what."""


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise NotAllowed(f"`{' '.join(words)}`: {(done.stderr or done.stdout).strip()}")


def attempt(*words):
    subprocess.run(words, capture_output=True)


def check_namespaces():
    """Raises if a network namespace with a wire to this one cannot be made."""
    name = f"cptry{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b")
        run("ip", "link", "set", f"{name}b", "netns", name)
        run("nsenter", f"--net=/run/netns/{name}", "true")
    except FileNotFoundError as missing:
        raise NotAllowed(f"no program {missing.filename}") from None
    finally:
        attempt("ip", "link", "delete", f"{name}a")
        attempt("ip", "netns", "delete", name)


def check_mounts(directory):
    """Raises if a file system cannot be mounted."""
    directory.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory))
    run("umount", str(directory))


class SmallDisk:
    """A file system of a given size, for ClickHouse's data."""

    def __init__(self, directory):
        self.directory, self.ballast = directory, directory / "ballast"
        directory.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(directory))

    def fill(self):
        """Leaves less than ClickHouse needs to take anything."""
        with open(self.ballast, "wb") as ballast:
            while shutil.disk_usage(self.directory).free > LEFT_MB << 20:
                ballast.write(b"\0" * (1 << 20))
                ballast.flush()

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        for _ in range(20):
            if subprocess.run(["umount", str(self.directory)], capture_output=True).returncode == 0:
                return
            time.sleep(0.25)
        attempt("umount", "--lazy", str(self.directory))


class Remote:
    """One service in a network namespace of its own, with a wire to this one that can be cut.

    It believes that Kafka and ClickHouse are on its loopback, and everybody believes that it is on ours: a relay on
    each side of the wire passes the connections on.
    """

    def __init__(self, service, index, port_base, port, served):
        self.service, self.port, self.served = service, port, served
        self.name = f"cp{port_base}x{index}"
        self.wire, self.far = f"{self.name}a", f"{self.name}b"
        subnet = port_base // 10 % 250
        self.here = f"10.213.{subnet}.{4 * index + 1}"
        self.there = f"10.213.{subnet}.{4 * index + 2}"
        self.blackhole = f"10.213.{subnet}.{4 * index}/30"
        self.relays = []

    def build(self):
        """Makes the namespace, the wire, and the far relay."""
        self.remove()
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", self.far)
        run("ip", "link", "set", self.far, "netns", self.name)
        run("ip", "addr", "add", f"{self.here}/30", "dev", self.wire)
        # While the wire is cut its route is gone; nothing may leave this machine by another.
        run("ip", "route", "add", "blackhole", self.blackhole, "metric", "9999")
        inside = ("ip", "netns", "exec", self.name, "ip")
        run(*inside, "addr", "add", f"{self.there}/30", "dev", self.far)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", self.far, "up")
        self.mend()
        pairs = [f"127.0.0.1:{port}={self.here}:{port}" for port in self.served]
        pairs += [f"{self.there}:{self.port}=127.0.0.1:{self.port}"]
        self.relay(["nsenter", f"--net=/run/netns/{self.name}"], pairs)

    def connect(self):
        """Begins to answer for the service on this side; only after the launcher has looked at its ports."""
        pairs = [f"{self.here}:{port}=127.0.0.1:{port}" for port in self.served]
        pairs += [f"127.0.0.1:{self.port}={self.there}:{self.port}"]
        self.relay([], pairs)

    def relay(self, prefix, pairs):
        relay = subprocess.Popen(
            [*prefix, sys.executable, str(RELAY), *pairs], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.relays.append(relay)
        if relay.stdout.readline() != b"listening\n":
            raise NotAllowed(f"a relay for {self.service} does not start")

    def wrapper(self, directory, program):
        """A script that runs the service inside, as the same process."""
        script = directory / f"{self.service}.inside"
        script.write_text(f'#!/bin/sh\nexec nsenter --net=/run/netns/{self.name} {program} "$@"\n')
        script.chmod(0o755)
        return script

    def cut(self):
        run("ip", "link", "set", self.wire, "down")

    def mend(self):
        run("ip", "link", "set", self.wire, "up")

    def remove(self):
        for relay in self.relays:
            relay.stdin.close()
            relay.kill()
            relay.wait()
        self.relays = []
        attempt("ip", "link", "delete", self.wire)
        attempt("ip", "route", "delete", "blackhole", self.blackhole, "metric", "9999")
        attempt("ip", "netns", "delete", self.name)
