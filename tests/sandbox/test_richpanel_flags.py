"""The flag store and the worker's cache, on a clock of their own, and the HTTP endpoints of the store."""

from __future__ import annotations

import pytest
from richpanel_server import TIER1_STAGE2, TOKEN, Server

from gonogo.sandbox.richpanel.catalog import TEMPLATES
from gonogo.sandbox.richpanel.faults import FaultSet
from gonogo.sandbox.richpanel.flags import FlagCache, FlagStore

STATUS = "Where is my order?"


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("fault", "seconds_until_effect"), [(None, 18.0), ("flag_slow", 600.0), ("flag_no_effect", None)]
)
def test_change_takes_effect_after_its_time(fault: str | None, seconds_until_effect: float | None) -> None:
    clock = Clock()
    store = FlagStore(clock)
    cache = FlagCache(store, 30.0, FaultSet([fault] if fault else []))
    clock.now += 12.0
    store.put("automation_enabled", True)
    changed = clock.now
    effective = [second for second in range(1000) if _at(cache, clock, changed + second)]
    assert store.current["automation_enabled"] is True
    assert (effective[0] if effective else None) == seconds_until_effect


def _at(cache: FlagCache, clock: Clock, now: float) -> bool:
    clock.now = now
    return cache.snapshot().automation_enabled


def test_snapshot_is_of_one_moment() -> None:
    clock = Clock()
    store = FlagStore(clock)
    cache = FlagCache(store, 10.0, FaultSet())
    clock.now += 9.0
    store.put("safe_mode", False)
    clock.now += 2.0
    store.put("automation_enabled", True)
    snapshot = cache.snapshot()
    assert (snapshot.safe_mode, snapshot.automation_enabled) == (False, False)


def test_idle_worker_is_not_more_up_to_date() -> None:
    clock = Clock()
    store = FlagStore(clock)
    cache = FlagCache(store, 10.0, FaultSet())
    clock.now += 25.0
    store.put("safe_mode", False)
    assert cache.snapshot().safe_mode is True
    clock.now += 5.0
    assert cache.snapshot().safe_mode is False


def test_missing_flags_take_their_safe_value() -> None:
    store = FlagStore()
    for name in list(store.current):
        store.put(name, ["x"] if name in {"automation_enabled_channels", "tier2_channels", "tier2_tags"} else True)
        store.delete(name)
    snapshot = FlagCache(store, 0.0, FaultSet()).snapshot()
    assert snapshot.as_dict() == {
        "safe_mode": True,
        "automation_enabled": False,
        "automation_enabled_channels": [],
        "templates_enabled": [],
        "tier2_channels": [],
        "tier2_tags": [],
    }


def test_fresh_flags_are_route_only(routing: Server) -> None:
    flags = routing.get("/flags")["flags"]
    assert flags == {
        "safe_mode": True,
        "automation_enabled": False,
        "automation_enabled_channels": ["livechat", "email"],
        **{f"template_enabled.{template}": False for template in TEMPLATES},
        "tier2_channels": None,
        "tier2_tags": None,
    }


def test_write_read_swap_and_delete(automated: Server) -> None:
    client = automated.client
    written = client.put("/flags/tier2_tags", json={"value": ["a"], "expected": None})
    assert written.json() == {"name": "tier2_tags", "value": ["a"], "previous": None}
    conflict = client.put("/flags/tier2_tags", json={"value": ["b"], "expected": ["z"]})
    assert (conflict.status_code, conflict.json()["current"]) == (409, ["a"])
    assert automated.get("/flags")["flags"]["tier2_tags"] == ["a"]
    deleted = client.delete("/flags/tier2_tags")
    assert (deleted.status_code, deleted.json()["previous"]) == (200, ["a"])
    assert "tier2_tags" not in automated.get("/flags")["flags"]
    assert client.delete("/flags/tier2_tags").status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "detail"),
    [
        ("safe_mod", {"value": True}, "Did you mean 'safe_mode'?"),
        ("template_enabled.t_unknown", {"value": True}, "unknown flag"),
        ("safe_mode", {"value": 1}, "true or false"),
        ("safe_mode", {"value": None}, "true or false"),
        ("automation_enabled_channels", {"value": None}, "a list of strings"),
        ("automation_enabled_channels", {"value": "email"}, "a list of strings"),
        ("tier2_tags", {"value": [1]}, "or null"),
        ("safe_mode", {}, "'value'"),
        ("safe_mode", [], "object"),
    ],
)
def test_unusable_writes_are_refused(routing: Server, name: str, body: object, detail: str) -> None:
    response = routing.client.put(f"/flags/{name}", json=body)
    assert response.status_code == 400
    assert detail in response.json()["detail"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_writes_need_the_token(routing: Server, method: str) -> None:
    request = routing.client.build_request(method, "/flags/safe_mode", json={"value": False})
    request.headers["X-Middleware-Token"] = TOKEN + "x"
    assert routing.client.send(request).status_code == 401
    assert routing.get("/flags")["flags"]["safe_mode"] is True


def test_flip_waits_for_the_cache_of_a_real_process() -> None:
    with Server("--latency", "0", "--flag-ttl", "600") as server:
        server.set_flags(stage2=True)
        decision = server.decide(STATUS)
        assert decision["flags"]["automation_enabled"] is False
        assert decision["reply"]["status"] == "skipped"
    with Server("--latency", "0", "--flag-ttl", "0.2") as server:
        server.set_flags(stage2=True)
        decision = server.decide(STATUS)
        while decision["flags"]["templates_enabled"] != sorted(TIER1_STAGE2):
            assert decision["reply"]["status"] == "skipped"
            decision = server.decide(STATUS)
        assert decision["reply"]["status"] == "sent"
        assert decision["flags"]["automation_enabled"] is True
