from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gonogo's own tests")
    group.addoption("--all-stages", action="store_true", help="try every fault at every stage where it matters")
    group.addoption("--clean-runs", type=int, default=4, help="how many clean runs must all be GO (default 4)")


@pytest.fixture(scope="session", autouse=True)
def _no_keys_of_a_developer() -> Iterator[None]:
    """Keep the tests from the keys, the ledger and the trust file of whoever runs them."""
    for name in [name for name in os.environ if name.startswith("GONOGO_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GONOGO_KEY_FOLDER"] = folder
        yield
