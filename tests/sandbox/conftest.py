"""Servers for the tests of the sandbox systems: real processes on free ports, shared where the tests allow it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The test modules here share plain modules, whatever import mode the run uses.
sys.path.insert(0, str(Path(__file__).parent))

from richpanel_server import Server  # noqa: E402


@pytest.fixture(scope="session")
def routing() -> Iterator[Server]:
    """A server whose flags nobody touches: safe mode on, automation off, nothing whitelisted."""
    with Server("--latency", "0", "--flag-ttl", "0", "--seed", "7") as server:
        yield server


@pytest.fixture(scope="session")
def shared_automated() -> Iterator[Server]:
    """The process behind `automated`."""
    with Server("--latency", "0", "--flag-ttl", "0", "--seed", "7") as server:
        yield server


@pytest.fixture
def automated(shared_automated: Server) -> Server:
    """A server with every flag set for automation, reset before each test."""
    shared_automated.set_flags(all_on=True)
    return shared_automated
