"""The preflight's looks at this machine and the project: nothing is asked of the target."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from gonogo.evidence.keys import find_signing_key
from gonogo.evidence.ledger import ledger_location, open_ledger
from gonogo.evidence.ledger.journal import Journal
from gonogo.evidence.ledger.lock import SKEW_SECONDS, read_holder
from gonogo.evidence.ledger.storage import Storage
from gonogo.gherkin.compile import compile_packs
from gonogo.model.environment import Kind
from gonogo.release.patient import Look, Patient
from gonogo.release.symptoms import FAIL, OK, WARN, Symptom
from gonogo.run.attested import project_trust
from gonogo.run.dryrun import plan_dry_run
from gonogo.run.orchestrate import new_run_id
from gonogo.run.setup import RunRequest
from gonogo.targets.guard import Answer

_FULL, _NEARLY_FULL = 200 * 2**20, 2**30
_CHROMIUM = "/usr/bin/chromium"
# A person gives these when the run is started; here nobody is asked.
_ASKED_LATER = ("confirm-missing", "release-missing", "unsigned", "previous-stage", "release-mismatch")


def look_at_features(patient: Patient) -> Iterator[Symptom]:
    """Compare the committed features with what their sources compile to."""
    system, project = patient.system, patient.project
    if system is None:
        return
    compiled = compile_packs(
        list(system.packs.values()),
        system.vocabulary,
        list(system.gates.values()),
        list(system.checklists.values()),
    )
    folder = project.features_of(system.name)
    drift = compiled.find_drift(folder, project.relative(folder))
    for problem in drift:
        yield Symptom("features", FAIL, str(problem), "gonogo compile, review the change, and commit it")
    if not drift:
        yield Symptom("features", OK, "the committed features are what their sources compile to")


def look_at_variables(patient: Patient) -> Iterator[Symptom]:
    """Look whether the variables that hold secrets are set; no value is shown."""
    token = patient.interface.token
    if patient.environment.embedded is not None:
        yield Symptom("variables", OK, "the sandbox makes its own token")
    elif token is None:
        yield Symptom("variables", OK, "environments.yaml names no variable")
    elif not os.environ.get(token.env):
        yield Symptom("variables", FAIL, f"{token.env} is not set", f"export {token.env}=… (the webhook's token)")
    else:
        yield Symptom("variables", OK, f"{token.env} is set")


def look_at_ledger(patient: Patient) -> Iterator[Symptom]:
    """Try whether the ledger can be written and holds."""
    project = patient.project
    ledger = open_ledger(ledger_location(project.root, os.environ, project.ledger), patient.name)
    entries = ledger.entries()
    yield Symptom("ledger", OK, f"{ledger.storage.location} can be written; {len(entries)} entries, the chain holds")


def look_at_lock(patient: Patient) -> Iterator[Symptom]:
    """Look whether another is at work in the environment."""
    if patient.environment.embedded is not None:
        yield Symptom("lock", OK, "nobody else reaches a sandbox that the run starts")
        return
    holder = read_holder(_storage(patient), patient.environment_name)
    if holder is None:
        yield Symptom("lock", OK, "nobody is at work there")
        return
    until = f"{holder.owner or 'somebody'} is at work there until {holder.expires or 'nobody knows when'}"
    over = holder.expires is not None and patient.now > holder.expires + timedelta(seconds=SKEW_SECONDS)
    if over:
        yield Symptom("lock", WARN, f"{until}; that is over", "Nothing: the next run takes it.")
    else:
        yield Symptom("lock", FAIL, until, "Wait for it to end; a rollback takes the lock from it.")


def look_at_journal(patient: Patient) -> Iterator[Symptom]:
    """Look for flags that an earlier run changed and did not return."""
    if patient.environment.embedded is not None:
        yield Symptom("journal", OK, "the flags of an embedded sandbox end with it")
        return
    still_open = Journal(_storage(patient), patient.environment_name).open_changes()
    more = f" --environments {patient.environments}" if patient.environments else ""
    action = f"gonogo restore {patient.name} --env {patient.environment_name}{more} --confirm"
    for change in still_open:
        text = f"{change.flag} was changed from {change.old} to {change.new} by {change.run} and not returned"
        yield Symptom("journal", FAIL, text, action)
    if not still_open:
        yield Symptom("journal", OK, "every flag that was borrowed was returned")


def _storage(patient: Patient) -> Storage:
    project = patient.project
    location = ledger_location(project.root, os.environ, project.ledger)
    return open_ledger(location, patient.name, for_reading=True).storage


def look_at_key(patient: Patient) -> Iterator[Symptom]:
    """Look for the key that signs."""
    key = find_signing_key(patient.key_name, os.environ)
    if key is not None:
        yield Symptom("key", OK, f"evidence is signed by {key.name or key.public.keyid}")
        return
    level = FAIL if patient.environment.kind is Kind.PRODUCTION else WARN
    text = "there is no key: evidence is UNSIGNED and counts neither for staging nor for production"
    yield Symptom("key", level, text, 'gonogo keys new --name "Printed Name"')


def look_at_trust(patient: Patient) -> Iterator[Symptom]:
    """Look whether the trust file holds."""
    trust = project_trust(patient.project, patient.now)
    if trust is not None:
        yield Symptom("trust", OK, "trust.yaml holds")
    elif patient.environment.kind is Kind.SANDBOX:
        yield Symptom("trust", OK, "there is no trust.yaml; a sandbox needs none")
    else:
        text = "there is no trust.yaml, so nobody can approve"
        yield Symptom("trust", WARN, text, "Write one; docs/trust.md says how.")


def look_at_disk(patient: Patient) -> Iterator[Symptom]:
    """Look whether there is room for evidence."""
    free = shutil.disk_usage(patient.project.root).free
    text = f"{free / 2**30:.1f} GiB are free for evidence"
    level = FAIL if free < _FULL else WARN if free < _NEARLY_FULL else OK
    yield Symptom("disk", level, text, "" if level == OK else "Make room, or move evidence/ elsewhere.")


def look_at_browser(patient: Patient) -> Iterator[Symptom]:
    """Look for a browser where a feature needs one."""
    folder = patient.project.features_of(patient.name)
    needs = [path.name for path in sorted(folder.glob("*.feature")) if _needs_browser(path)]
    if not needs:
        yield Symptom("browser", OK, "no feature looks at a page")
        return
    if importlib.util.find_spec("playwright") is None:
        text = f"{', '.join(needs)} looks at pages, and playwright is not installed"
        yield Symptom("browser", FAIL, text, "pip install 'gonogo[browser]'")
    elif not Path(_CHROMIUM).is_file() and shutil.which("chromium") is None:
        yield Symptom("browser", FAIL, f"{', '.join(needs)} looks at pages, and there is no chromium", "Install it.")
    else:
        yield Symptom("browser", OK, "playwright and chromium are here")


def _needs_browser(path: Path) -> bool:
    words = {
        word for line in path.read_text("utf-8").splitlines() if line.lstrip().startswith("@") for word in line.split()
    }
    return "@browser" in words


def look_at_guard(patient: Patient) -> Iterator[Symptom]:
    """Ask the production guard about a run of the stage, as far as it does not wait for a person's word."""
    if patient.system is None or patient.stage is None:
        return
    release = patient.release or "RELEASE"
    confirm = f"{patient.environment_name}/{release}"
    request = RunRequest(
        patient.name,
        patient.stage,
        patient.environment_name,
        str(patient.project.root),
        new_run_id(),
        str(patient.project.root / "evidence"),
        environments=str(patient.environments) if patient.environments else None,
        release=release,
        confirm=confirm,
        may_change_flags=patient.system.plan.by_id[patient.stage].allows.flag_changes,
    )
    dry = plan_dry_run(request, key_name=patient.key_name, now=patient.now)
    refusals = [one for one in dry.verdicts if one.answer is Answer.REFUSES and one.rule not in _ASKED_LATER]
    for verdict in refusals:
        yield Symptom("guard", FAIL, f"[{verdict.rule}] {verdict.text}", "docs/production.md says what it wants.")
    if not refusals:
        most = f"at most {dry.estimate.sends} messages and {dry.estimate.seconds / 60:.0f} minutes"
        yield Symptom("guard", OK, f"a run of stage {patient.stage} is within every rule: {most}")


LOOKS: tuple[Look, ...] = (
    look_at_features,
    look_at_variables,
    look_at_key,
    look_at_trust,
    look_at_ledger,
    look_at_lock,
    look_at_journal,
    look_at_disk,
    look_at_browser,
    look_at_guard,
)
