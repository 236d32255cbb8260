"""`gonogo gate regression`: is the new model worse than the old one?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from gonogo.gates.baseline import BaselineHistory
    from gonogo.model.vocabulary import Vocabulary
    from gonogo.run.regression import NamedFile, RegressionReport
    from gonogo.sources.project import Project

FOLDER = "regression"
SHOWN_REASONS = 12


def regression(
    outputs: Annotated[
        Path | None, typer.Option("--outputs", help="JSONL: {id, output, model, tokens} a line.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="JSONL of labels [default: smoke_cases/SYSTEM/regression/labels.jsonl]."),
    ] = None,
    baseline: Annotated[Path | None, typer.Option("--baseline", help="metrics.json of the baseline.")] = None,
    baseline_outputs: Annotated[
        Path | None, typer.Option("--baseline-outputs", help="JSONL of the baseline's outputs, compared case by case.")
    ] = None,
    schema: Annotated[
        Path | None, typer.Option("--schema", help="JSON Schema of a decision [default: the system's schema.json].")
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", help="YAML of prices by model [default: the system's prices.yaml with --env]."),
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="The system whose words the labels use.")] = None,
    env: Annotated[
        str | None, typer.Option("--env", help="Get the outputs from this environment's classifier.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the artefacts [default: evidence/SYSTEM/regression/ID].")
    ] = None,
    intent: Annotated[
        list[str] | None, typer.Option("--intent", help="Judge only this intent one by one; repeatable [default: all].")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Fault of the embedded sandbox; repeatable.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Judge a model's outputs against labels and the recorded baseline: GO (0), NO-GO (1) or HOLD (3).

    Writes metrics.json, confusion_matrix.csv and .svg, tier0_report.json, tier2_report.json, invalid_outputs.jsonl and
    summary.md. A file with a problem is an error (2), and then nothing is judged.

    Examples:

        gonogo gate regression --env sandbox

        gonogo gate regression --outputs new.jsonl --labels labels.jsonl --schema decision.json --out build/regression

        gonogo gate regression --outputs new.jsonl --labels labels.jsonl --baseline metrics.json --out build/regression
    """
    from gonogo.errors import EXIT_GO, EXIT_HOLD, EXIT_NO_GO, SourceError, UsageError
    from gonogo.extras import import_extra
    from gonogo.model.decision import Verb
    from gonogo.sources.project import Project
    from gonogo.sources.system_files import load_vocabulary

    check_format(format_)
    for package in ("orjson", "jsonschema_rs", "numpy", "scipy.stats", "matplotlib"):
        import_extra(package, "gates")
    from gonogo.model.regression import Taxonomy
    from gonogo.run.orchestrate import new_run_id
    from gonogo.run.regression import RegressionRequest, run_regression

    if (outputs is None) == (env is None):
        raise UsageError("give either --outputs, or --env to get them from an environment's classifier")
    if fault and env is None:
        raise UsageError("--fault works with --env only")
    project = Project.from_path(Path.cwd())
    name = system or find_system(project, labels)
    path = project.sources_of(name) / "vocabulary.yaml"
    vocabulary, problems = load_vocabulary(path, project.relative(path))
    if vocabulary is None or problems:
        raise SourceError(problems)
    taxonomy = Taxonomy.from_vocabulary(vocabulary)
    _check_intents(intent, vocabulary)
    folder = project.sources_of(name) / FOLDER
    labels = labels or folder / "labels.jsonl"
    out = (out or project.root / "evidence" / name / FOLDER / new_run_id()).resolve()
    sandbox = False
    if env is not None:
        prices = prices or _existing(folder / "prices.yaml")
        outputs = out / "outputs.jsonl"
        sandbox = _fetch_outputs(project, name, env, labels, outputs, tuple(fault or ()))
    if outputs is None:
        raise AssertionError("either was given")
    schema = schema or _existing(folder / "schema.json")
    request = RegressionRequest(
        taxonomy,
        _named(project, outputs),
        _named(project, labels),
        out,
        _named(project, baseline) if baseline else None,
        _named(project, baseline_outputs) if baseline_outputs else None,
        _named(project, schema) if schema else None,
        _named(project, prices) if prices else None,
        read_baselines(project, name),
        not sandbox,
        tuple(intent) if intent else None,
    )
    report = run_regression(request)
    _print_report(report, name, project.relative(out), as_json=format_ == "json")
    codes = {Verb.GO: EXIT_GO, Verb.HOLD: EXIT_HOLD, Verb.NO_GO: EXIT_NO_GO}
    raise typer.Exit(codes[report.decision.verb])


def find_system(project: Project, labels: Path | None) -> str:
    """Return the system that the labels lie in, or the only one there is; raises `UsageError` where that is open."""
    from gonogo.errors import UsageError

    cases = project.root / "smoke_cases"
    if labels is not None and labels.resolve().is_relative_to(cases):
        return labels.resolve().relative_to(cases).parts[0]
    known = [name for name in project.systems if (project.sources_of(name) / "vocabulary.yaml").is_file()]
    labelled = [name for name in known if (project.sources_of(name) / FOLDER).is_dir()]
    for candidates in (labelled, known):
        if len(candidates) == 1:
            return candidates[0]
    raise UsageError(f"--system is missing; allowed: {', '.join(known) or 'none is here'}")


def read_baselines(project: Project, system: str) -> BaselineHistory:
    """Return the acts on a system's baseline that its ledger holds; raises `LedgerError` where its chain is broken."""
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.gates.baseline import KIND, read_history

    location = ledger_location(project.root, os.environ, project.ledger)
    entries = open_ledger(location, system, for_reading=True).entries()
    return read_history((entry.number, entry.at, entry.payload) for entry in entries if entry.kind == KIND)


def _check_intents(intents: list[str] | None, vocabulary: Vocabulary) -> None:
    from gonogo.errors import UsageError
    from gonogo.sources.suggest import suggest

    for name in intents or ():
        if name not in vocabulary.intents:
            raise UsageError(f"--intent is {name!r}; {suggest(name, vocabulary.intents)}")


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _named(project: Project, path: Path) -> NamedFile:
    from gonogo.run.regression import NamedFile

    return NamedFile(path, project.relative(path))


def _fetch_outputs(
    project: Project, system: str, env: str, labels: Path, outputs: Path, faults: tuple[str, ...]
) -> bool:
    """Write the outputs of an environment's classifier; returns whether it is a sandbox."""
    from gonogo.errors import UsageError
    from gonogo.model.environment import Kind
    from gonogo.model.regression import Taxonomy
    from gonogo.run.classify import classify_messages, read_messages
    from gonogo.sources.suggest import suggest

    loaded = project.load_system(system, with_packs=False)
    environment = loaded.environments.environments.get(env)
    if environment is None:
        raise UsageError(f"environment {env!r} is not here; {suggest(env, loaded.environments.environments)}")
    interface = loaded.environments.interfaces[environment.interface]
    messages = read_messages(labels, project.relative(labels), Taxonomy.from_vocabulary(loaded.vocabulary))
    outputs.parent.mkdir(parents=True, exist_ok=True)
    options = tuple(word for name in faults for word in ("--fault", name))
    classify_messages(messages, environment, interface, outputs, options)
    return environment.kind is Kind.SANDBOX


def _print_report(report: RegressionReport, system: str, folder: str, *, as_json: bool) -> None:
    from gonogo.gates.report import gate_lines, gates_json
    from gonogo.model.outcome import CheckClass, Outcome

    if as_json:
        data: dict[str, Any] = gates_json(report.gates, report.decision)
        pinned = {"sha256": report.baseline_sha256, "standing": report.state.standing.value}
        print_line(
            json.dumps({**data, "system": system, "baseline": pinned, "folder": folder}, ensure_ascii=False, indent=1)
        )
        return
    shown = [gate for gate in report.gates if "[" not in gate.sentence or gate.outcome is not Outcome.PASSED]
    shown = [gate for gate in shown if gate.cls is not CheckClass.ADVISORY or gate.would_block is False]
    for line in gate_lines(shown):
        print_line(line)
    left = len(report.gates) - len(shown)
    if left:
        print_line(f"{left} more gates, passed or recorded only, stand in {folder}/summary.md")
    reasons = report.decision.reasons
    for reason in reasons[:SHOWN_REASONS]:
        print_line(f"  {reason}")
    if len(reasons) > SHOWN_REASONS:
        print_line(f"  and {len(reasons) - SHOWN_REASONS} more")
    print_line(f"{report.decision.verb.value}  {report.metrics.labels.n:,} messages, {folder}/summary.md")
