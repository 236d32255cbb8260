"""Every fault shows with the fault switched on and does not show without it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import richpanel_observers_classify  # noqa: F401 - registers its observers
import richpanel_observers_contract  # noqa: F401 - registers its observers
import richpanel_observers_load  # noqa: F401 - registers its observers
import richpanel_observers_watch  # noqa: F401 - registers its observers
from richpanel_observers import OBSERVERS
from richpanel_server import Server, run_command

from gonogo.sandbox.richpanel.faults import FAULTS, FaultSet, UnknownFaultError

NAMES = [fault.name for fault in FAULTS]
ARGUMENTS = ("--latency", "0", "--flag-ttl", "0")
PARALLEL = 3
# What no decision shows.
SHOWN_ELSEWHERE = (
    *("classify_", "ticket_close", "verifier_", "load_", "vendor_"),
    *("metrics_", "signal_", "health_"),
)


def observe_all_clean(names: list[str]) -> dict[str, bool | BaseException]:
    """Run every observer, one after the other, against one server without faults."""
    with Server(*ARGUMENTS) as server:
        return {name: observe(name, server) for name in names}


def observe_with_fault(name: str) -> bool | BaseException:
    """Run one observer against a server of its own with the fault."""
    try:
        server = Server(*ARGUMENTS, "--fault", name)
    except AssertionError as error:
        return error
    with server:
        return observe(name, server)


def observe(name: str, server: Server) -> bool | BaseException:
    """Return what the observer saw, or what stopped it."""
    try:
        return OBSERVERS[name](server)
    except Exception as error:
        return error


@pytest.fixture(scope="module")
def observed() -> tuple[dict[str, bool | BaseException], dict[str, bool | BaseException]]:
    """What the observers saw without and with the fault, by fault."""
    with ThreadPoolExecutor(PARALLEL + 1) as pool:
        clean = pool.submit(observe_all_clean, NAMES)
        faulty = dict(zip(NAMES, pool.map(observe_with_fault, NAMES), strict=True))
        return clean.result(), faulty


def test_every_fault_has_an_observer() -> None:
    listed = json.loads(run_command("--list-faults", "--format", "json").stdout)
    assert [row["name"] for row in listed] == NAMES
    assert set(OBSERVERS) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    for row in listed:
        assert set(row) == {"name", "sentence", "stages"}
        assert row["sentence"].endswith(".")
        assert row["stages"] or row["name"].startswith(SHOWN_ELSEWHERE)
        assert set(row["stages"]) <= {0, 1, 2, 3, 4}


@pytest.mark.parametrize("name", NAMES)
def test_fault_shows(
    name: str, observed: tuple[dict[str, bool | BaseException], dict[str, bool | BaseException]]
) -> None:
    clean, faulty = observed
    assert clean[name] is False
    assert faulty[name] is True


def test_text_list_names_every_fault() -> None:
    lines = run_command("--list-faults").stdout.splitlines()
    assert [line.split()[0] for line in lines] == NAMES


def test_unknown_fault_is_refused_with_a_suggestion() -> None:
    result = run_command("--fault", "tier0_replies")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Did you mean 'tier0_reply'?" in result.stderr
    assert all(name in result.stderr for name in NAMES)


def test_hook_with_a_misspelt_name_is_an_error() -> None:
    with pytest.raises(UnknownFaultError, match="tier0_repl"):
        FaultSet().active("tier0_repl")


def test_a_fault_may_begin_later_and_be_switched_while_it_runs() -> None:
    now = [0.0]
    faults = FaultSet(["slow_ack", "wrong_team@30"], clock=lambda: now[0])
    assert faults.names == ["slow_ack", "wrong_team"]
    assert faults.active("slow_ack")
    assert not faults.active("wrong_team")
    now[0] = 30.0
    assert faults.active("wrong_team")
    faults.switch(["wrong_intent"])
    assert faults.names == ["wrong_intent"]
    assert not faults.active("slow_ack")
    for word in ("slow_ack@", "slow_ack@-1", "slow_ack@soon", "slow_ack@nan"):
        with pytest.raises(UnknownFaultError, match="does not say when it begins"):
            FaultSet([word])


def test_faults_are_switched_over_http_with_the_token_only() -> None:
    with Server(*ARGUMENTS) as server:
        failing = {"active": ["health_failing"]}
        assert server.client.put("/faults", json=failing).json() == failing
        assert server.client.get("/health").status_code == 503
        for body in ({"active": "health_failing"}, {"active": ["helth_failing"]}, [], {"active": [1]}):
            assert server.client.put("/faults", json=body).status_code == 400
        assert server.client.get("/health").status_code == 503
        headers = {"X-Middleware-Token": "wrong"}
        assert server.client.put("/faults", json={"active": []}, headers=headers).status_code == 401
        assert server.client.put("/faults", json={"active": []}).json() == {"active": []}
        assert server.client.get("/health").json() == {"ok": True}
