"""Each trigger has a fault that fires it within two polls; a healthy half hour fires none; silence is never health."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from watch_scene import ON, ORDER, RULES, TIER0, TRIGGERS, Sandbox, Scene, set_scene

from gonogo.release.soak_sample import Health
from gonogo.release.watching.judge import Level
from gonogo.release.watching.loop import WatchState

EVERY = 30.0
# By rule: the faults, and a customer's message that makes them show.
SHOWN_BY: dict[str, tuple[tuple[str, ...], str]] = {
    "W-ROUTING-ERRORS": (("signal_routing_errors",), ""),
    "W-VENDOR-429": (("signal_throttling",), ""),
    "W-COST": (("signal_cost",), ""),
    "W-COMPLAINTS": (("signal_complaints",), ""),
    "W-QUEUE-AGE": (("signal_queue_stuck",), ""),
    "W-DLQ": (("signal_dead_letters",), ""),
    "W-ERROR-RATE": (("signal_job_errors",), ""),
    "W-HEALTH": (("health_failing",), ""),
    "W-MAPPING-DRIFT": (("signal_mapping_drift",), ""),
    "W-POLICY-OVERRIDE": (("signal_overrides",), ""),
    "W-TIER0-VOLUME": (("signal_tier0_volume",), ""),
    "W-SEND-COUNT": (("signal_send_count",), ""),
    # What the system itself did stays on its page, so these come last.
    "W-DISCLOSURE": (("tracking_link_in_reply",), ORDER),
    "W-LOOP": (("answers_itself",), ORDER),
    "W-TIER0": (("tier0_reply",), TIER0),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    one = Sandbox()
    one.set_flags(ON)
    yield one
    one.stop()


@pytest.fixture
def healthy(sandbox: Sandbox) -> Iterator[Sandbox]:
    sandbox.faults()
    yield sandbox
    sandbox.faults()


@pytest.fixture(scope="module")
def watched(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Scene, float]]:
    """Return for every rule a session in which its fault begins after two polls, and when it began."""
    found = {}
    for rule, (faults, text) in SHOWN_BY.items():
        began: list[float] = []

        def after(at: float, rule: str = rule, faults: tuple = faults, text: str = text, began: list = began) -> None:
            if at >= 2 * EVERY and not began:
                began.append(at)
                sandbox.faults(*faults)
                if text:
                    sandbox.customer(f"ticket-{rule}", text)

        lasting = next(one.lasting for one in RULES.rules if one.id == rule) or 0.0
        scene = set_scene(tmp_path_factory.mktemp(rule), sandbox, length=4 * EVERY + lasting, after=after)
        scene.run()
        sandbox.faults()
        found[rule] = scene, began[0] + lasting
    return found


def test_every_rule_and_every_automatic_trigger_is_tried() -> None:
    assert {rule.id for rule in RULES.rules} == set(SHOWN_BY)
    assert {one.rule for one in TRIGGERS if one.rule is not None} <= set(SHOWN_BY)


@pytest.mark.parametrize("rule", SHOWN_BY)
def test_a_fault_is_seen_within_two_polls_and_fires_its_trigger(watched: dict, rule: str) -> None:
    scene, due = watched[rule]
    since = {state.round.at - scene.states[0].round.at for state in scene.states if rule in _red(state)}
    assert since, f"{rule} was never breached"
    assert min(since) - due <= 2 * EVERY
    assert min(since) >= due, "it was breached before its fault began"
    for trigger in (one for one in TRIGGERS if one.rule == rule):
        assert scene.fired[trigger.id] - due <= 2 * EVERY
        command = next(one.commands[0] for one in scene.loop.reactor.actions if one.trigger == trigger.id)
        assert f"--option {trigger.option}" in command
        assert "gonogo rollback richpanel --env deployed" in command


def _red(state: WatchState) -> set[str]:
    return {view.rule.id for view in state.round.views if view.level is Level.RED}


def test_a_healthy_half_hour_fires_nothing_and_is_observed_as_a_whole(healthy: Sandbox, tmp_path: Path) -> None:
    fresh = Sandbox()
    try:
        fresh.set_flags(ON)
        scene = set_scene(
            tmp_path,
            fresh,
            length=1800,
            after=lambda at: fresh.customer(f"ticket-{at}", ORDER) if at % 120 == 0 else None,
        ).run()
    finally:
        fresh.stop()
    assert scene.fired == {}
    assert {state.round.health for state in scene.states[1:]} == {Health.OK}
    assert scene.loop.meter.result().seconds >= 1800 - EVERY
    assert not any(view.level.value == "warn" for state in scene.states for view in state.round.views)


@pytest.mark.parametrize("fault", ["metrics_down", "metrics_nan", "metrics_frozen", "metrics_old"])
def test_a_page_that_says_nothing_new_is_never_healthy(healthy: Sandbox, tmp_path: Path, fault: str) -> None:
    # What the system did in the tests before is no matter here.
    kept = tuple(one for one in RULES.rules if one.id not in ("W-LOOP", "W-TIER0", "W-DISCLOSURE"))
    rules = RULES.model_copy(update={"rules": kept})
    began, patience = 60, max(rule.patience for rule in rules.rules)
    scene = set_scene(
        tmp_path,
        healthy,
        length=began + patience + 4 * EVERY,
        rules=rules,
        after=lambda at: healthy.faults(fault) if at == began else None,
    ).run()
    blind = [state for state in scene.states if state.elapsed > began + patience / 2 + EVERY]
    assert len(blind) >= 4
    assert {state.round.health for state in blind} == {Health.NO_DATA}
    # Every rule that reads the page holds the release, as soon as its patience is over and no later.
    pages = [rule.id for rule in rules.rules if rule.metric != "target.health"]
    holds = {name: at for name, at in scene.fired.items() if name.endswith(".no-data")}
    assert set(holds) == {f"{rule}.no-data" for rule in pages}
    assert all(began < at <= began + patience + 2 * EVERY for at in holds.values())
    assert all(one.kind.value == "evaluation" for one in scene.loop.book.firings.values())
    assert scene.loop.meter.result().seconds <= began + patience


def test_a_page_that_was_never_there_is_not_healthy_either(healthy: Sandbox, tmp_path: Path) -> None:
    healthy.faults("metrics_down")
    scene = set_scene(tmp_path, healthy, length=150).run()
    assert all(state.round.health is Health.NO_DATA for state in scene.states)
    assert scene.loop.meter.result().seconds == 0


def test_a_flapping_page_loses_no_window(tmp_path: Path) -> None:
    fresh = Sandbox()
    try:
        scene = set_scene(
            tmp_path, fresh, length=480, after=lambda at: fresh.faults("metrics_flapping") if at == 60 else None
        ).run()
    finally:
        fresh.stop()
    assert scene.fired == {}
    assert {state.round.health for state in scene.states} == {Health.OK, Health.NO_DATA}
    # Every second look finds nothing, and a look covers two intervals.
    assert scene.loop.meter.result().seconds >= 480 - 2 * EVERY


def test_a_warning_is_no_trigger(healthy: Sandbox, tmp_path: Path) -> None:
    fresh = Sandbox("--fault", "signal_queue_slow")
    try:
        scene = set_scene(tmp_path, fresh, length=120).run()
    finally:
        fresh.stop()
    assert scene.level("W-QUEUE-AGE") == "warn"
    assert scene.fired == {}
    assert scene.states[-1].round.health is Health.OK
