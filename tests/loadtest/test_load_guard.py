"""What a load may send where: the mix of a stage, and the guard of production."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.errors import RefusedError, UsageError
from gonogo.loadtest.messages import build_order, event_of, message_of, render_call, ticket_of
from gonogo.loadtest.order import TOKEN_MARK
from gonogo.loadtest.request import LoadRequest, guard_load, load_load
from gonogo.model.case import Mode
from gonogo.sources.project import Project
from gonogo.targets.http import HttpTarget, Secrets

ROOT = Path(__file__).parents[2]
RUN = "20261121T080000Z-abc123"
PROFILES = """
profiles:
  calm: {title: calm, arrivals: {segments: [{count: 40, over: 30m}], spacing: even}, recovery: 1m}
  quick: {title: quick, arrivals: {segments: [{count: 40, over: 10s}], spacing: even}, recovery: 1m}
  many: {title: many, arrivals: {segments: [{count: 4000, over: 1h}], spacing: even}, recovery: 1m}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """Return the project with three profiles, two of which production's first stage names."""
    root = tmp_path_factory.mktemp("guard")
    for name in ("smoke_cases", "features", "pyproject.toml"):
        source = ROOT / name
        shutil.copytree(source, root / name) if source.is_dir() else shutil.copy(source, root / name)
    sources = root / "smoke_cases" / "richpanel"
    load = sources / "load.yaml"
    load.write_text(load.read_text("utf-8").partition("\nprofiles:")[0] + PROFILES, "utf-8")
    plan = sources / "plan.yaml"
    text = re.sub(r"load: \[.*\]", "load: [calm]", plan.read_text("utf-8"))
    stage = "  - id: 1\n"
    assert stage in text
    plan.write_text(text.replace(stage, f"{stage}    load: [calm, quick, many]\n", 1), "utf-8")
    return Project.from_path(root)


def request(project: Project, **changes) -> LoadRequest:
    base = LoadRequest("richpanel", "calm", "sandbox", RUN, project.root / "out")
    return replace(base, **changes)


def on_production(project: Project, profile: str, stage: str = "1", **changes) -> LoadRequest:
    given = {"release": "r1", "confirm": "production/r1", **changes}
    return request(project, environment="production", profile=profile, stage=stage, **given)


def test_production_is_loaded_where_its_stage_names_the_profile_and_with_no_escalation(project: Project) -> None:
    setup = load_load(on_production(project, "calm"), project)
    guard_load(setup, signed=True)
    assert not any(item.tier0 for item in setup.mix.cases)
    assert ("tier0-replies", "no message of this load is an escalation") in setup.not_tested
    assert setup.counts


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"profile": "calm", "stage": "2"}, "load-not-named"),
        ({"profile": "quick"}, "load-too-fast"),
        ({"profile": "many"}, "too-many"),
        ({"profile": "calm", "confirm": None}, "confirm-missing"),
        ({"profile": "calm", "release": None, "confirm": None}, "release-missing"),
        ({"profile": "calm", "time_scale": 2.0}, "time-compressed"),
        ({"profile": "calm", "duration": 600.0}, "forced-options"),
        ({"profile": "calm", "faults": ("--fault", "slow_ack")}, "forced-options"),
        ({"profile": "calm", "stage": "0"}, "stage-elsewhere"),
    ],
)
def test_production_refuses_and_names_the_rule(project: Project, asked, rule) -> None:
    with pytest.raises(RefusedError) as refused:
        load_load(on_production(project, **asked), project)
    assert f"[{rule}" in refused.value.message, refused.value.message


def test_production_wants_signed_evidence(project: Project) -> None:
    setup = load_load(on_production(project, "calm"), project)
    with pytest.raises(RefusedError, match="unsigned"):
        guard_load(setup, signed=False)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"profile": "cal"}, "Did you mean 'calm'"),
        ({"environment": "sandbx"}, "Did you mean 'sandbox'"),
        ({"stage": "9"}, "stage '9' is not in the plan"),
        ({"duration": 0.0001, "profile": "quick"}, ""),
    ],
)
def test_words_that_are_wrong_are_told(project: Project, changes, wanted) -> None:
    if not wanted:
        # The first arrival is due at once: that much is always sent.
        assert len(load_load(request(project, **changes), project).schedule) == 1
        return
    with pytest.raises(UsageError, match=re.escape(wanted)):
        load_load(request(project, **changes), project)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--profile", "calm", "--env", "sandbox", "--duration", "soon"], "not a duration"),
        (["--profile", "calm", "--env", "sandbox", "--workers", "0"], "--workers is 0"),
        (["--profile", "calm", "--env", "sandbox", "--time-scale", "0.5"], "--time-scale is 0.5"),
        (["--profile", "calm", "--env", "sandbox", "--master", "nowhere"], "HOST:PORT"),
        (["--profile", "calm"], "--profile and --env"),
    ],
)
def test_options_that_are_wrong_are_refused(project: Project, monkeypatch, arguments, wanted) -> None:
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("GONOGO_ENV", raising=False)
    result = CliRunner().invoke(app, ["load", "richpanel", *arguments])
    assert isinstance(result.exception, UsageError)
    assert wanted in result.exception.message + result.exception.hint


def test_what_was_shortened_or_compressed_counts_in_kind_sandbox_only(project: Project) -> None:
    for changes in ({"duration": 600.0}, {"time_scale": 60.0}):
        assert load_load(request(project, **changes), project).counts
        assert not load_load(request(project, environment="staging", **changes), project).counts
    assert load_load(request(project, environment="staging"), project).counts


def test_the_mix_borrows_no_flags_and_throws_no_switch(project: Project) -> None:
    setup = load_load(request(project), project)
    assert not any(item.case.mode.is_kill_switch for item in setup.mix.cases)
    routed = [item for item in setup.mix.cases if item.case.mode is Mode.ROUTE_ONLY]
    assert routed
    # What is routed only in the pack may be answered where the stage answers its intent, and nothing else.
    assert {item.reply.at_most_one for item in routed} == {True, False}
    first_stage = load_load(request(project, stage="1"), project)
    assert {item.reply.template for item in first_stage.mix.cases} == {None}


def test_a_load_sends_the_very_request_that_a_run_sends(project: Project) -> None:
    setup = load_load(request(project), project)
    url = "http://127.0.0.1:8080/base"
    order = build_order(
        setup.mix,
        RUN,
        url,
        setup.interface,
        setup.environment,
        setup.profile.arrivals,
        duration=None,
        time_scale=1.0,
        workers=1,
    )
    target = HttpTarget(
        setup.interface, setup.environment, url, Secrets({"RICHPANEL_WEBHOOK_TOKEN": "s3cret"}), lambda _: None
    )
    try:
        for index, item in enumerate(setup.mix.cases):
            number = f"{index:08d}".encode()
            made = number.join(order.with_token({"RICHPANEL_WEBHOOK_TOKEN": "s3cret"})[index])
            call = target.prepare_send(message_of(item, RUN, index, setup.environment), event_of(RUN, index))
            assert made == render_call(call, "127.0.0.1:8080", "/base")
            assert made.startswith(b"POST /base/webhook HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
            assert item.case.message.encode() in made or "\\" in call.content.decode()
            assert ticket_of(RUN, index).encode() in made
            assert RUN.encode() in made
            assert item.case.id.encode() in made
    finally:
        target.close()
    assert "s3cret" not in order.to_json()
    assert any(TOKEN_MARK.encode() in part for parts in order.requests for part in parts)


def test_a_request_without_the_events_id_is_refused(project: Project) -> None:
    setup = load_load(request(project), project)
    body = {"message": {"text": "{message}"}}
    send = setup.interface.send.model_copy(update={"body": body, "headers": {}})
    interface = setup.interface.model_copy(update={"send": send})
    with pytest.raises(UsageError, match="does not carry"):
        build_order(
            setup.mix,
            RUN,
            "http://127.0.0.1:1",
            interface,
            setup.environment,
            setup.profile.arrivals,
            duration=None,
            time_scale=1.0,
            workers=1,
        )
