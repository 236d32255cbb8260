"""Every bundle that is recorded for one stage, build, release and environment: verified, read, and judged to count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.evidence.bundle import MANIFEST, PLAN, PLANNED, TRIGGERS, digest_file
from gonogo.evidence.ledger import Entry
from gonogo.evidence.trust import Trust
from gonogo.evidence.verify.result import Terms, verify_bundle
from gonogo.evidence.verify.story import read_story
from gonogo.model.environment import Kind
from gonogo.model.outcome import CheckResult
from gonogo.model.plan import Stage
from gonogo.model.trigger import TriggerState, trigger_from_json
from gonogo.model.vocabulary import Vocabulary
from gonogo.model.waiver import WAIVABLE
from gonogo.release.decided import ANY_AGE
from gonogo.release.recorded import Recorded, read_recorded, rollbacks
from gonogo.release.standing import CLOCK_TOLERANCE, show_age
from gonogo.sources.system_files import load_plan

ACTIVITIES = ("run", "watch", "load", "drill")
# What of a stage's entry says under which switches something was observed, and what it was compared with.
_SWITCHES = ("safe_mode", "automation_enabled", "channels", "templates", "tier2", "instead")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One bundle: what it holds, `fault` where it cannot be believed, `reason` where it does not count.

    `keeps_failures` says whether a failure in it stays although it does not count otherwise. `series` is what a later
    bundle takes the place of. `people` ran or deployed it.
    """

    recorded: Recorded
    series: str
    finished: datetime
    folder: Path | None = None
    results: tuple[CheckResult, ...] = ()
    triggers: tuple[TriggerState, ...] = ()
    cases: frozenset[str] = frozenset()
    people: tuple[str, ...] = ()
    fault: str = ""
    reason: str = ""
    keeps_failures: bool = True
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Return the id of the bundle."""
        return self.recorded.run

    @property
    def counts(self) -> bool:
        """Return whether what it shows counts for the stage."""
        return not self.fault and not self.reason

    def to_json(self) -> dict[str, Any]:
        """Return the bundle as it stands in gathered.json."""
        return {
            "run": self.run,
            "activity": self.recorded.activity,
            "entry": self.recorded.entry,
            "manifest_sha256": self.recorded.manifest_sha256,
            "decision": self.recorded.decision,
            "finished": self.finished.isoformat(),
            "counts": self.counts,
            "why": self.fault or self.reason or None,
            # A waiver of a single bundle reaches no further than the failures of that bundle.
            "failed": [one.id for one in self.results if one.outcome in WAIVABLE],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What a stage's decision is asked about, and by which rules evidence counts for it."""

    root: Path
    sources: Path
    system: str
    stage: Stage
    environment: str
    kind: Kind
    release: str
    vocabulary: Vocabulary
    trust: Trust | None
    now: datetime
    fresh_for: timedelta | None = None
    elsewhere: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathering:
    """The bundles of one build, oldest first, and those of other builds, which say nothing about this one."""

    build: str | None
    bundles: tuple[Gathered, ...]
    others: tuple[Recorded, ...]

    @property
    def counting(self) -> tuple[Gathered, ...]:
        """Return the bundles that count."""
        return tuple(one for one in self.bundles if one.counts)

    @property
    def since(self) -> datetime | None:
        """Return when the oldest evidence was made that is still the last of its series."""
        latest = {one.series: one.finished for one in self.counting}
        return min(latest.values(), default=None)


def gather_bundles(entries: Sequence[Entry], question: Question) -> Gathering:
    """Return everything that the ledger tells of for the newest build of a release at a stage in an environment.

    A bundle that does not verify or is not here is among them, with its fault: nothing is silently left out.
    """
    stage, where = question.stage, question.environment
    found = [
        one
        for one in read_recorded(entries)
        if one.environment == where
        and one.activity in ACTIVITIES
        and (one.stage == stage.id or (one.activity == "drill" and not one.stage))
        and one.is_of(question.release)
    ]
    builds = [one.build for one in found if one.build is not None]
    build = builds[-1] if builds else None
    back = rollbacks(entries, where)
    last_back = back[-1].number if back else 0
    mine = [one for one in found if one.build in (build, None)]
    others = tuple(one for one in found if one.build not in (build, None))
    return Gathering(build, tuple(_gather(one, question, build, last_back) for one in mine), others)


def _gather(recorded: Recorded, question: Question, build: str | None, last_back: int) -> Gathered:
    folder, why = _find_folder(recorded, question)
    if folder is None:
        return Gathered(recorded, recorded.activity, recorded.at, fault=why)
    fault = _verify(folder, recorded, question)
    story, _ = read_story(folder)
    if fault or story is None:
        return Gathered(recorded, recorded.activity, recorded.at, folder, fault=fault or "its outcomes cannot be read")
    record = story.record
    try:
        finished = datetime.fromisoformat(record["finished"])
        triggers = _read_triggers(folder)
        planned = json.loads((folder / PLANNED).read_bytes())
        cases = frozenset(str(one["id"]) for one in planned.get("cases", []))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Gathered(recorded, recorded.activity, recorded.at, folder, fault=f"cannot be read: {error}")
    reason, keeps = _explain(recorded, record, folder, question, build, last_back, finished)
    people = [record.get("run_by"), record.get("signer"), *record.get("deployed_by", [])]
    return Gathered(
        recorded,
        _series(recorded.activity, folder, record),
        finished,
        folder,
        tuple(story.merged),
        triggers,
        cases,
        tuple(str(one) for one in people if one and one != "UNSIGNED"),
        "",
        reason,
        keeps,
        record,
    )


def _find_folder(recorded: Recorded, question: Question) -> tuple[Path | None, str]:
    """Return where the files of a bundle are, or None with where they were looked for."""
    name = Path(recorded.folder).name
    places = [question.root / "evidence" / question.system / name]
    places += [place if place.name == name else place / name for place in question.elsewhere]
    if not name:
        return None, "the ledger does not say where its files are"
    changed = False
    for place in places:
        try:
            if digest_file(place / MANIFEST)[1] == recorded.manifest_sha256:
                return place, ""
            changed = True
        except OSError:
            continue
    if changed:
        return None, f"{name} is not the bundle that entry {recorded.entry} of the ledger names: other files"
    return None, f"its files are not here: {name} of entry {recorded.entry}. Name their folder with --bundles."


def _verify(folder: Path, recorded: Recorded, question: Question) -> str:
    """Return what is wrong with a bundle, or nothing; one that nobody signed is compared with the ledger's digest."""
    if recorded.signed:
        terms = Terms(
            question.now,
            trust=question.trust,
            release=recorded.release,
            environment=question.environment,
            stage=recorded.stage,
            max_age=ANY_AGE,
        )
    else:
        terms = Terms(question.now, trust=question.trust, max_age=ANY_AGE, allow_unsigned=True)
    faults = verify_bundle(folder, terms).faults
    shown = "; ".join(f"{one.file}: {one.detail}" for one in faults[:3])
    return f"does not verify: {shown}" if faults else ""


def _explain(
    recorded: Recorded,
    record: Mapping[str, Any],
    folder: Path,
    question: Question,
    build: str | None,
    last_back: int,
    finished: datetime,
) -> tuple[str, bool]:
    """Return why a bundle that holds does not count, or nothing, and whether its failures stay all the same."""
    if record.get("counts_for_stage") is not True:
        return "was made not to count: rehearsed, compressed in time, or of other cases", False
    changed = _changed_switches(folder, question)
    if changed:
        return f"was made under another plan: {', '.join(changed)} of stage {question.stage.id} differ", False
    if not recorded.signed and question.kind is not Kind.SANDBOX:
        return "is UNSIGNED, which never counts here", True
    if recorded.build is None and build is not None:
        return "does not say of which build it is", True
    if recorded.entry < last_back:
        return f"was made before the rollback of entry {last_back}", True
    age = question.now - finished
    if age < -CLOCK_TOLERANCE:
        return f"is dated in the future: {finished.isoformat()}", True
    if question.fresh_for is not None and age >= question.fresh_for:
        return f"is {show_age(age)} old; evidence counts for {show_age(question.fresh_for)}", True
    return "", True


def _changed_switches(folder: Path, question: Question) -> list[str]:
    """Return in what the stage's switches differ between the plan of a bundle and today's."""
    if (folder / PLAN).read_bytes() == (question.sources / PLAN).read_bytes():
        return []
    plan, _ = load_plan(folder / PLAN, PLAN, question.vocabulary)
    stage = plan.by_id.get(question.stage.id) if plan is not None else None
    if stage is None:
        return ["the plan as a whole"]
    return [name for name in _SWITCHES if getattr(stage, name) != getattr(question.stage, name)]


def _read_triggers(folder: Path) -> tuple[TriggerState, ...]:
    path = folder / TRIGGERS
    if not path.is_file():
        return ()
    return tuple(trigger_from_json(one) for one in json.loads(path.read_bytes())["triggers"])


def _series(activity: str, folder: Path, record: Mapping[str, Any]) -> str:
    """Return what a later bundle of the same kind takes the place of: a load of one profile not of another's."""
    if activity != "load":
        return activity
    return f"load {_profile(folder, record)}"


def _profile(folder: Path, record: Mapping[str, Any]) -> str:
    try:
        told: Any = json.loads((folder / "load.json").read_bytes())
        return str(told["profile"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(record.get("profile") or "without a name")
