"""A small system with a ladder, and bundles in its ledger that nobody had to run for."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gonogo.evidence.approval_record import Meaning
from gonogo.evidence.desk import load_subject, prepare_approval, prepare_waiver, sign_and_file
from gonogo.evidence.keys import SigningKey
from gonogo.evidence.ledger import Ledger, open_ledger
from gonogo.evidence.trust import load_trust, sign_trust
from gonogo.model.outcome import CheckClass, CheckResult, Outcome, PlannedCheck, SourceRef, Verdict
from gonogo.model.trigger import TriggerState
from gonogo.model.waiver import WaiverScope
from gonogo.release.climb import Ladder
from gonogo.release.decide import DecideRequest, StageReport, decide_stage
from gonogo.release.ladder import read_ladder
from gonogo.run import activity as activities
from gonogo.run.activity import Activity, ActivityReport, begin_activity, conclude_activity
from gonogo.run.sealing import Sealer
from gonogo.sources.checklist.reader import parse_checklist
from gonogo.sources.project import Project

SOURCES = Path(__file__).parents[2] / "smoke_cases" / "richpanel"
SYSTEM, RELEASE, BUILD = "richpanel", "2026.11.2", "b-1"
PEOPLE = {"Rita Runner": ["release_driver"], "Ana Ferreira": ["qa_lead"], "Bob Okafor": ["release_manager"]}
ROWS = ("ST-001", "ST-020")
PLAN = """
system: richpanel
roles:
  observer: {name: Observer, duty: Watches.}
stages:
  - id: 0
    name: Before
    safe_mode: true
    automation_enabled: false
    channels: [livechat, email]
    templates: []
    packs: [smoke.csv]
    environment: staging
    after: []
    fresh_for: 2d
  - id: 1
    name: First
    safe_mode: true
    automation_enabled: false
    channels: [livechat, email]
    templates: []
    packs: [smoke.csv]
    checklists: [team.md]
    environment: production
    preconditions: [ST-001]
    soak: {minimum: 60s}
    fresh_for: 1d
    approvals: [{role: qa_lead}]
  - id: 2
    name: Second
    safe_mode: true
    automation_enabled: false
    channels: [livechat, email]
    templates: []
    packs: [smoke.csv]
    environment: production
    fresh_for: 1d
follow_ups:
  - {id: FUP-1, name: Incident note, after: rollback, due: 1d, role: observer, blocks_next_stage: true}
monitoring:
  - {id: MON-1, name: Look, due: 24h, role: observer}
"""
LIST = "# Team\n\n### M1) The desk knows\n- Ask them.\n- Expect: they nod\n"


def seed(name: str) -> bytes:
    return hashlib.sha256(f"release: {name}".encode()).digest()


def key_of(name: str) -> SigningKey:
    return SigningKey.from_seed(seed(name), name)


def as_person(name: str) -> dict[str, str]:
    """Return the environment variables with which a person signs."""
    return {"GONOGO_SIGNING_KEY": base64.b64encode(seed(name)).decode()}


def write_project(root: Path) -> Path:
    """Write the small system; returns the project's folder."""
    folder = root / "project" / "smoke_cases" / SYSTEM
    folder.mkdir(parents=True)
    for name in ("vocabulary.yaml", "environments.yaml", "evidence.yaml"):
        shutil.copy(SOURCES / name, folder / name)
    with (SOURCES / "smoke.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["test_id"] in ROWS]
    with (folder / "smoke.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "plan.yaml").write_text(PLAN.lstrip(), "utf-8")
    (folder / "team.md").write_text(LIST, "utf-8")
    digest = parse_checklist(LIST, "team.md", "").by_id["M1"].digest[:16]
    (folder / "team.bindings.yaml").write_text(
        f'items:\n  M1:\n    words: "{digest}"\n    manual: {{role: qa_lead, evidence: [note]}}\n', "utf-8"
    )
    return root / "project"


def write_trust(root: Path) -> None:
    """Write and sign a trust file for the stages of staging and production."""
    data: dict[str, Any] = {
        "version": 1,
        "expires": "2099-12-31",
        "root": key_of("Root").public.to_base64(),
        "people": [
            {"name": name, "roles": roles, "keys": [{"public": key_of(name).public.to_base64()}]}
            for name, roles in PEOPLE.items()
        ],
        "machines": [{"name": "ci", "roles": ["ci"], "keys": [{"public": key_of("ci").public.to_base64()}]}],
        "systems": {
            SYSTEM: [
                {
                    "stages": ["0", "1", "2"],
                    "environments": ["staging", "production"],
                    "approvals": [{"roles": ["qa_lead", "release_manager"], "count": 1}],
                    "fresh_for": {"evidence": "30d", "approval": "30d"},
                    "waivers": ["release_manager"],
                }
            ]
        },
    }
    with (root / "trust.yaml").open("w") as file:
        YAML().dump(data, file)
    sign_trust(root / "trust.yaml", key_of("Root"))


class ReleasePlace:
    """The small system in a folder, with what its people do."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, *, copy_of: Path | None = None) -> None:
        if copy_of is None:
            self.root = write_project(root)
            write_trust(self.root)
        else:
            self.root = root / "project"
            shutil.copytree(copy_of, self.root)
        self.patch = patch
        # In these tests a run is made like any other activity: what is in it is written down, not observed.
        patch.setattr(activities, "KINDS", (*activities.KINDS, "run"))
        patch.setenv("GONOGO_KEYS", str(root / "no-keys"))
        patch.delenv("GONOGO_LEDGER", raising=False)
        patch.setenv("GONOGO_TRUST_ROOT", key_of("Root").public.keyid)
        patch.setattr(Project, "load_system", _load_once)
        self.number = len(list(self.folder.iterdir())) if self.folder.is_dir() else 0

    @property
    def project(self) -> Project:
        return Project.from_path(self.root)

    @property
    def ledger(self) -> Ledger:
        return open_ledger(str(self.root / "evidence"), SYSTEM)

    @property
    def folder(self) -> Path:
        return self.root / "evidence" / SYSTEM

    def record(
        self,
        kind: str,
        stage: str,
        outcomes: dict[str, str],
        *,
        env: str = "staging",
        build: str | None = BUILD,
        release: str | None = RELEASE,
        age: timedelta = timedelta(0),
        signed_by: str | None = "ci",
        counts: bool = True,
        cases: Sequence[str] = ROWS,
        triggers: Sequence[TriggerState] = (),
        samples: Sequence[dict[str, Any]] = (),
        reasons: dict[str, str] | None = None,
        cls: CheckClass = CheckClass.REQUIRED,
        run_by: str | None = "Rita Runner",
    ) -> ActivityReport:
        """Seal a bundle of this kind with these outcomes by check id, as if it had ended `age` ago."""
        self.number += 1
        system = self.project.load_system(SYSTEM)
        run_id = f"{kind}-{self.number:03d}"
        activity = Activity(
            kind, run_id, self.project, system, system.plan.by_id[stage], env, system.environments.environments[env],
            self.folder / run_id, release, run_by, (), counts,
        )  # fmt: skip
        source = SourceRef("smoke_cases/richpanel/smoke.csv", 2)
        planned = [PlannedCheck(*check.split("/"), cls, source) for check in outcomes]  # type: ignore[arg-type]
        # A run names every case of its packs and lists.
        planned += [PlannedCheck(case, "sent", CheckClass.ADVISORY, source) for case in cases if kind == "run"]
        told = {one.id: Outcome[outcomes.get(one.id, "PASSED")] for one in planned}
        why = {**dict.fromkeys(told, ""), **(reasons or {})}
        results = [
            CheckResult.of(one, Verdict(told[one.id], (why[one.id] or "seen",) if told[one.id] else ()))
            for one in planned
        ]
        at = datetime.now(UTC) - age
        with pytest.MonkeyPatch.context() as patch:
            if age:
                patch.setattr("gonogo.run.activity.datetime", stopped_clock(at))
                patch.setattr("gonogo.run.sealing.datetime", stopped_clock(at))
            sealer = Sealer(key_of(signed_by) if signed_by else None, self.ledger)
            begin_activity(activity, planned, sealer)
            if samples:
                lines = "".join(json.dumps(one) + "\n" for one in samples)
                (activity.folder / "samples.jsonl").write_text(lines, "utf-8")
            report = conclude_activity(
                activity, planned, results, sealer, started=at, build={"before": build, "after": build},
                flags={"before": None, "after": None}, triggers=triggers,
            )  # fmt: skip
        assert report.seal_error is None, report.seal_error
        return report

    def watched(self, stage: str, seconds: float, *, every: float = 10.0, **more: Any) -> ActivityReport:
        """Seal a watch in which all was well for so many seconds up to now."""
        end = datetime.now(UTC).timestamp()
        times = [end - seconds + every * index for index in range(int(seconds / every) + 1)]
        samples = [
            {"at": at, "health": "ok", "build": BUILD, "flags": "f", "session": f"s{self.number}", "every": every}
            | {"host": "here", "elapsed": at - times[0]}
            for at in times
        ]
        return self.record("watch", stage, {"W-QUEUE/limit": "PASSED"}, samples=samples, **more)

    def decide(
        self, stage: str, env: str, *, release: str = RELEASE, by: str | None = "Rita Runner", **more: Any
    ) -> Any:
        """Decide a stage as a person."""
        if by is not None:
            self.patch.setenv("GONOGO_SIGNING_KEY", as_person(by)["GONOGO_SIGNING_KEY"])
        else:
            self.patch.delenv("GONOGO_SIGNING_KEY", raising=False)
        report: StageReport = decide_stage(self.project, DecideRequest(SYSTEM, stage, env, release, run_by=by, **more))
        assert report.report.seal_error is None, report.report.seal_error
        return report

    def approve(self, folder: Path, name: str = "Ana Ferreira") -> None:
        """Sign an approval of a bundle."""
        now, trust = datetime.now(UTC), self.trust
        subject = load_subject(folder, self.ledger, trust, now)
        key, role = key_of(name), PEOPLE[name][0]
        record = prepare_approval(subject, trust, key, meaning=Meaning.APPROVAL, role=role, comment="", now=now)
        sign_and_file(subject, record, key, now)

    def waive(self, folder: Path, check: str, scope: WaiverScope = WaiverScope.BUNDLE) -> None:
        """Sign a waiver of a check, as the release manager."""
        now, trust = datetime.now(UTC), self.trust
        subject = load_subject(folder, self.ledger, trust, now)
        record = prepare_waiver(
            subject, trust, key_of("Bob Okafor"), check=check, role="release_manager", reason="Agreed.", scope=scope,
            until=now + timedelta(days=1), now=now,
        )  # fmt: skip
        sign_and_file(subject, record, key_of("Bob Okafor"), now)

    @property
    def trust(self) -> Any:
        return load_trust(self.root / "trust.yaml", now=datetime.now(UTC), root=key_of("Root").public.keyid)

    def assign(self, env: str, release: str = RELEASE, **roles: str) -> None:
        """Assign roles, signed by Rita."""
        from gonogo.release.crew import write_crew

        crew = {role: (person,) for role, person in roles.items()}
        write_crew(
            self.ledger, crew, self.trust, key_of("Rita Runner"), datetime.now(UTC), system=SYSTEM, environment=env,
            release=release,
        )  # fmt: skip

    def ladder(self, env: str = "production", release: str | None = RELEASE, **more: Any) -> Ladder:
        """Return the ladder as it stands."""
        return read_ladder(self.project, self.project.load_system(SYSTEM), env, release, datetime.now(UTC), **more)

    def checks(self, report: StageReport) -> dict[str, str]:
        """Return the outcome of every check of a decision."""
        return {one.id: one.outcome.name for one in report.report.checks}


_load = Project.load_system
_loaded: dict[tuple[Any, ...], Any] = {}


def _load_once(project: Project, name: str, **more: Any) -> Any:
    """Load a system once for the same files: every test reads the same few."""
    files = [*sorted(project.sources_of(name).iterdir()), *sorted(project.root.glob("trust.yaml"))]
    key = (tuple((path.name, path.read_bytes()) for path in files), tuple(sorted(more.items())))
    if key not in _loaded:
        _loaded[key] = _load(project, name, **more)
    return _loaded[key]


def stopped_clock(at: datetime) -> type[datetime]:
    """Return what stands in the place of `datetime` in a module so that it is always the same time there."""
    return type("Still", (datetime,), {"now": classmethod(lambda cls, tz=None: at)})
