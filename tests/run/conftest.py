import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import RunningSandbox, SmallProject


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """A project that the tests of a module only read."""
    return SmallProject(tmp_path_factory.mktemp("project"))


@pytest.fixture
def sandbox():
    """Start sandboxes that live as long as the test."""
    started: list[RunningSandbox] = []

    def start(*options: str) -> RunningSandbox:
        started.append(RunningSandbox(*options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
