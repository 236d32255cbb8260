import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gonogo's own tests")
    group.addoption("--all-stages", action="store_true", help="try every fault at every stage where it matters")
    group.addoption("--clean-runs", type=int, default=4, help="how many clean runs must all be GO (default 4)")
