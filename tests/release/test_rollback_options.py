"""Options B and C, the trigger that picks an option, and what the command prints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import RunningSandbox, SmallProject
from rollback_scene import ON, TEMPLATE, TOKEN, Deployed, make_deployed

from gonogo.cli.rollback import choose_option
from gonogo.errors import SourceError, UsageError
from gonogo.release.rollback import roll_back
from gonogo.release.rollback_request import RollbackReport, RollbackRequest
from gonogo.sources.lone_rollback import read_lone_rollback

LATENCY = ("--flag-ttl", "0.1", "--latency", "0.02-0.1")
RELEASE = "richpanel-sandbox-1"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    project = SmallProject(tmp_path_factory.mktemp("project") / "p", ["ST-001"])
    project.edit("smoke_cases/richpanel/plan.yaml", (r"(?m)^  verify: .*\n", ""), pattern=True)
    sandbox = RunningSandbox(*LATENCY)
    yield make_deployed(project, sandbox)
    sandbox.stop()


@pytest.fixture
def perform(deployed: Deployed) -> Callable[..., RollbackReport]:
    def perform(option: str, **more: Any) -> RollbackReport:
        root = deployed.project.root
        fields: dict[str, Any] = {"environments": root / deployed.environments, **more}
        request = RollbackRequest(root, "richpanel", "deployed", option, who="Rolf Back", why="a test", **fields)
        return roll_back(request)

    return perform


def test_one_template_goes_off_and_the_rest_stays_on(
    deployed: Deployed, perform: Callable[..., RollbackReport]
) -> None:
    deployed.set_flags(ON)
    before = deployed.flags
    report = perform("B", template=TEMPLATE)
    assert (report.effect, report.exit_code) == ("proven", 0)
    assert report.time_to_safe is not None
    assert deployed.flags == {**before, f"template_enabled.{TEMPLATE}": False}


def test_an_intent_stands_for_its_templates(deployed: Deployed, perform: Callable[..., RollbackReport]) -> None:
    names = [f"template_enabled.{name}" for name in (TEMPLATE, "t_order_status_verified", "t_shipping_delay_verified")]
    deployed.set_flags({**ON, **dict.fromkeys(names, True)})
    report = perform("B", intent="order_status_tracking")
    assert report.effect == "proven"
    assert set(report.record["to"]) >= set(names)
    flags = deployed.flags
    assert [flags[name] for name in names] == [False, False, False]
    assert flags["template_enabled.t_missing_items_intake"] is True
    assert flags["automation_enabled"] is True


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "--template ID or --intent ID"),
        ({"template": TEMPLATE, "intent": "billing_issue"}, "--template ID or --intent ID"),
        ({"template": "t_missing_item_intake"}, "t_missing_items_intake"),
        ({"intent": "billing_isue"}, "billing_issue"),
        ({"intent": "legal_threat"}, "nothing is ever sent"),
    ],
)
def test_what_is_to_go_off_must_be_known(
    deployed: Deployed, perform: Callable[..., RollbackReport], more: dict[str, str], words: str
) -> None:
    before = deployed.flags
    with pytest.raises(UsageError) as caught:
        perform("B", **more)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert deployed.flags == before


def test_a_template_can_go_off_without_a_vocabulary(deployed: Deployed, perform: Callable[..., RollbackReport]) -> None:
    deployed.set_flags(ON)
    path = deployed.project.sources / "vocabulary.yaml"
    text = path.read_text("utf-8")
    path.write_text("[", "utf-8")
    try:
        with pytest.raises(SourceError):
            perform("B", intent="order_status_tracking")
        report = perform("B", template=TEMPLATE)
    finally:
        path.write_text(text, "utf-8")
    assert report.effect == "proven"
    assert any("nobody checked" in note for note in report.record["notes"])


def test_the_commands_of_option_c_are_given_and_never_run(
    deployed: Deployed, perform: Callable[..., RollbackReport]
) -> None:
    marker = deployed.project.root / "was-run"
    deployed.project.edit(
        "smoke_cases/richpanel/plan.yaml",
        ("- make deploy ENV=production", f"- touch {marker} && make deploy ENV=production"),
    )
    flags = deployed.flags
    report = perform("C", previous_release="2026.11.1; rm -rf x")
    record = report.record
    assert (report.exit_code, record["missing"]) == (3, [])
    assert record["commands"][0] == f"touch {marker} && make deploy ENV=production RELEASE='2026.11.1; rm -rf x'"
    assert "the version that runs" in record["destroys"]
    assert "--verify" in record["next"][0]
    assert not marker.exists()
    assert deployed.flags == flags
    printed = deployed.project.gonogo("rollback", "richpanel", "--env", "deployed", "--option", "C")
    assert printed.code == 2
    assert "MISSING: previous_release" in printed.stdout
    assert "DESTROYS: the version that runs" in printed.stdout
    assert "make deploy ENV=production RELEASE={previous_release}" in printed.stdout


@pytest.mark.parametrize(("release", "effect", "code"), [(RELEASE, "proven", 0), ("2026.11.1", "no_effect", 1)])
def test_option_c_is_verified_by_what_is_deployed(
    perform: Callable[..., RollbackReport], release: str, effect: str, code: int
) -> None:
    report = perform("C", verify=True, release=release)
    assert (report.effect, report.exit_code) == (effect, code)
    assert RELEASE in report.record["reason"]
    assert report.record["writes"] == []
    assert report.sealed.startswith("sealed")


def test_option_c_needs_to_know_what_to_verify(perform: Callable[..., RollbackReport]) -> None:
    with pytest.raises(UsageError, match="which release"):
        perform("C", verify=True)


def test_the_table_of_triggers_is_shown(deployed: Deployed) -> None:
    done = deployed.project.gonogo("rollback", "richpanel", "--why-table")
    assert done.code == 0, done.stderr
    lines = {line.split()[0]: line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("TRG-")}
    assert lines["TRG-LOOP"] == ["immediate", "A"]
    assert lines["TRG-ROUTING"] == ["evaluation", "B"]
    assert "A: Kill switch" in done.stdout


def test_a_trigger_picks_its_option(deployed: Deployed) -> None:
    deployed.set_flags(ON)
    done = deployed.rollback("--trigger", "TRG-TIER0")
    record = json.loads(done.stdout)
    assert (record["option"], record["trigger"], record["effect"]) == ("A", "TRG-TIER0", "proven")


@pytest.mark.parametrize(("trigger", "words"), [("TRG-TEIR0", "'TRG-TIER0'"), (None, "--option A")])
def test_an_option_is_never_guessed(deployed: Deployed, trigger: str | None, words: str) -> None:
    plan = read_lone_rollback(deployed.project.sources / "plan.yaml", "plan.yaml")
    with pytest.raises(UsageError) as caught:
        choose_option(plan, trigger)
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.fixture(scope="module")
def ignoring(deployed: Deployed) -> Iterator[Deployed]:
    """A deployed system whose worker heeds no switch and no whitelist."""
    faults = ("kill_switch_ignored", "safe_mode_ignored", "whitelist_ignored")
    sandbox = RunningSandbox(*LATENCY, *(word for fault in faults for word in ("--fault", fault)))
    ignoring = make_deployed(deployed.project, sandbox, name="ignoring.yaml")
    ignoring.set_flags(ON)
    yield ignoring
    sandbox.stop()


@pytest.mark.parametrize(
    ("arguments", "words", "other"),
    [
        (("--option", "A"), f"answered with {TEMPLATE}", f"--option B --template {TEMPLATE}"),
        (("--option", "B", "--template", TEMPLATE), f"a probe got {TEMPLATE}", "--option A"),
    ],
)
def test_a_switch_that_the_worker_ignores_has_no_effect_and_the_next_options_are_offered(
    ignoring: Deployed, arguments: tuple[str, ...], words: str, other: str
) -> None:
    done = ignoring.project.gonogo(
        *("rollback", "richpanel", "--env", "deployed", "--environments", ignoring.environments, *arguments),
        env={TOKEN: ignoring.sandbox.token},
    )
    assert done.code == 1
    assert done.stdout.startswith("NO EFFECT")
    assert words in done.stdout
    offered = done.stdout.split("Next:")[1]
    assert f"gonogo rollback richpanel --env deployed --environments {ignoring.project.root}" in offered
    assert other in offered
    assert "--option C --previous-release PREVIOUS" in offered
    within = re.search(r"NO EFFECT within ([0-9.]+) s", done.stderr)
    assert within is not None
    assert float(within[1]) < 1.5 + 1


def test_a_reply_that_goes_out_after_its_decision_takes_the_proof_back(deployed: Deployed) -> None:
    sandbox = RunningSandbox(*LATENCY, "--fault", "late_reply")
    try:
        late = make_deployed(deployed.project, sandbox, name="late.yaml")
        path = late.project.root / late.environments
        path.write_text(path.read_text("utf-8").replace("quiet_period: 0.25", "quiet_period: 0.7"), "utf-8")
        late.set_flags(ON)
        request = RollbackRequest(late.project.root, "richpanel", "deployed", "A", "Rolf Back", "", environments=path)
        report = roll_back(request)
    finally:
        sandbox.stop()
    assert report.effect == "no_effect"
    assert "an automatic reply went out" in report.record["reason"]
