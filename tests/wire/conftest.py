"""One stack for the whole session."""

import os

import pytest
from client import Client, Truth
from expected import Expected
from registry_topics import Registry
from stack import Stack

# A Friday, after school: today and the past are both there to post to.
CLOCK = "2026-11-20T18:30"
SCHOOLS = 40


@pytest.fixture(scope="session")
def stack():
    running = Stack(int(os.environ.get("CLASSPULSE_WIRE_PORT_BASE", "25000")), SCHOOLS, CLOCK)
    try:
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def registry(stack):
    return Registry(stack)


@pytest.fixture(scope="session")
def truth():
    return Truth()


@pytest.fixture(scope="session")
def client(stack, truth):
    return Client(stack, truth)


@pytest.fixture(scope="session")
def expected(registry, truth, stack):
    return Expected(registry, truth, stack)
