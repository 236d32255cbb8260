"""Targets of loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "run")]

from load_target_server import LoadTarget


@pytest.fixture
def target() -> Iterator[Any]:
    """Start targets that live as long as the test."""
    started: list[LoadTarget] = []

    def start(*arguments: Any, **more: Any) -> LoadTarget:
        started.append(LoadTarget(*arguments, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real-periods", action="store_true", help="load faults at the sandbox's own periods (20 min)")
