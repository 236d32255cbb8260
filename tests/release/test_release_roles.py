"""Who plays which part: before a run on staging or production everybody is named, signed where that is possible."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from release_place import RELEASE, SYSTEM, ReleasePlace, as_person
from typer.testing import CliRunner

from gonogo.cli.main import app
from gonogo.errors import EvidenceError, RefusedError, SourceError, UsageError
from gonogo.release.crew import parse_assignments
from gonogo.release.readiness import require_ready_stage
from gonogo.run.setup import RunSetup


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        return ReleasePlace(tmp_path_factory.mktemp("empty"), patch).root


@pytest.fixture
def place(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleasePlace:
    made = ReleasePlace(tmp_path, monkeypatch, copy_of=empty)
    monkeypatch.setenv("GONOGO_SIGNING_KEY", as_person("Rita Runner")["GONOGO_SIGNING_KEY"])
    return made


def ready(place: ReleasePlace, *given: str, stage: str = "0", env: str = "staging", **more: Any) -> None:
    """Ask whether a run may begin, as `gonogo run` does before anything is sent."""
    system = place.project.load_system(SYSTEM)
    release = more.pop("release", RELEASE)
    setup = SimpleNamespace(
        request=SimpleNamespace(environment=env, release=release),
        project=place.project,
        system=system,
        stage=system.plan.by_id[stage],
        environment=system.environments.environments[env],
    )
    require_ready_stage(cast(RunSetup, setup), None, given=given, **more)


def kinds(place: ReleasePlace) -> list[str]:
    return [entry.kind for entry in place.ledger.entries()]


def test_a_role_that_nobody_has_is_named_and_nothing_is_entered(place: ReleasePlace) -> None:
    with pytest.raises(RefusedError, match=r"^\[roles-missing\] nobody is assigned as observer"):
        ready(place)
    assert kinds(place) == []


def test_an_option_assigns_it_signed_and_once(place: ReleasePlace) -> None:
    ready(place, "observer=Ana  Ferreira")
    ready(place, "observer=Ana Ferreira")
    ready(place)
    [entry] = place.ledger.entries()
    assert (entry.kind, entry.payload["person"], entry.payload["release"]) == ("role", "Ana Ferreira", RELEASE)
    assert place.ladder("staging").roles == {"observer": ("Ana Ferreira",)}


def test_a_file_assigns_it_and_the_option_beats_the_file(place: ReleasePlace) -> None:
    path = place.root / "smoke_cases" / SYSTEM / "roles.yaml"
    path.write_text("system: richpanel\nroles: {observer: Ana Ferreira}\n")
    ready(place, "observer=Bob Okafor")
    assert place.ladder("staging").roles == {"observer": ("Bob Okafor",)}
    ready(place)
    assert place.ladder("staging").roles == {"observer": ("Ana Ferreira",)}


def test_every_problem_of_the_file_is_told_with_its_line(place: ReleasePlace) -> None:
    path = place.root / "smoke_cases" / SYSTEM / "roles.yaml"
    path.write_text("system: q2q\nroles:\n  observr: Ana Ferreira\n  observer: [Bob Okafor, bob okafor]\n")
    with pytest.raises(SourceError) as raised:
        ready(place)
    told = [str(one) for one in raised.value.problems]
    assert len(told) == 3
    assert told[0].endswith("is 'q2q', but the folder is 'richpanel'. Correct one of them.")
    assert "roles.yaml:3: roles.observr: is no role of plan.yaml" in told[1]
    assert "Did you mean 'observer'" in told[1]
    assert "roles.yaml:4: roles.observer.1:" in told[2]


def test_what_is_refused_otherwise_enters_nobody(place: ReleasePlace) -> None:
    with pytest.raises(RefusedError, match=r"^\[previous-stage-missing\]"):
        ready(place, "observer=Ana Ferreira", stage="1", env="production")
    ready(place, "observer=Ana Ferreira", write=False)
    assert kinds(place) == []


def test_sandboxes_and_stages_that_are_only_tried_ask_nobody(place: ReleasePlace) -> None:
    ready(place, env="sandbox")
    ready(place, stage="1", env="staging")
    assert kinds(place) == []
    with pytest.raises(UsageError, match="is no role of the plan"):
        ready(place, "observr=Ana", env="sandbox")


def test_roles_are_of_one_release(place: ReleasePlace) -> None:
    with pytest.raises(RefusedError, match=r"^\[roles-missing\] roles are assigned for one release"):
        ready(place, "observer=Ana Ferreira", release=None)


def test_nobody_assigns_without_a_key_or_to_somebody_unknown(place: ReleasePlace) -> None:
    with pytest.raises(RefusedError, match=r"Nobody Known is not in trust\.yaml"):
        ready(place, "observer=Nobody Known")
    place.patch.setenv("GONOGO_SIGNING_KEY", as_person("ci")["GONOGO_SIGNING_KEY"])
    with pytest.raises(EvidenceError, match="a machine; only people sign"):
        ready(place, "observer=Ana Ferreira")
    place.patch.delenv("GONOGO_SIGNING_KEY")
    with pytest.raises(RefusedError, match=r"^\[roles-missing\] roles are signed here, and no key signs"):
        ready(place, "observer=Ana Ferreira")


def test_before_there_is_a_trust_file_roles_are_entered_unsigned(place: ReleasePlace) -> None:
    (place.root / "trust.yaml").unlink()
    # Without it only roles of the plan approve.
    plan = place.root / "smoke_cases" / SYSTEM / "plan.yaml"
    plan.write_text(plan.read_text().replace("    approvals: [{role: qa_lead}]\n", ""))
    ready(place, "observer=Anybody At All")
    [entry] = place.ledger.entries()
    assert entry.payload["signed"] is False
    ready(place)
    place.patch.chdir(place.root)
    words = ["assign", SYSTEM, "--env", "staging", "--release", RELEASE, "--format", "json"]
    asked = CliRunner().invoke(app, words)
    assert asked.exit_code == 0, repr(asked.exception)
    shown = json.loads(asked.stdout)
    assert [(one["role"], one["person"]) for one in shown["roles"]] == [("observer", "Anybody At All")]
    done = CliRunner().invoke(app, ["assign", SYSTEM, "observer", "Bea", "--env", "staging", "--release", RELEASE])
    assert done.stdout == f"observer of {SYSTEM} {RELEASE} in staging: Bea, UNSIGNED: there is no trust.yaml\n"


@pytest.mark.parametrize("text", ["observer", "observer=", "=Ana", "watcher=Ana"])
def test_an_option_that_is_no_assignment_is_refused(text: str) -> None:
    from gonogo.model.release_plan import Role

    with pytest.raises(UsageError, match="--role"):
        parse_assignments([text], {"observer": Role(name="Observer")})
