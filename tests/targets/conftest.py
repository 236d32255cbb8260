"""Real servers on free ports, and targets that speak to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from target_setup import OPENED  # noqa: E402


@pytest.fixture(autouse=True)
def close_targets() -> Iterator[None]:
    """Close what a test opened."""
    yield
    while OPENED:
        OPENED.pop().target.close()
