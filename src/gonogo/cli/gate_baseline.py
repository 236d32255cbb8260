"""`gonogo gate baseline`: which metrics later ones are held against, as recorded acts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.gate_regression import read_baselines
from gonogo.cli.output import check_format, print_line

if TYPE_CHECKING:
    from gonogo.gates.baseline import Act, BaselineHistory, Recorded
    from gonogo.model.regression_metrics import MetricsFile
    from gonogo.sources.project import Project

baseline_app = typer.Typer(
    name="baseline",
    help="Record and show the baseline that a system's regression gates compare with.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_System = Annotated[str, typer.Argument(help="The system, such as richpanel.")]
_By = Annotated[str, typer.Option("--by", help="Name of the person who decides this.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence; it stays in the ledger.")]


def init(
    system: _System,
    by: _By,
    reason: _Reason,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", help="metrics.json to become the first baseline.")
    ] = None,
    cold: Annotated[bool, typer.Option("--cold", help="Record that there is no baseline yet.")] = False,
) -> None:
    """Record the first baseline of a system, or with --cold that there is none yet. It is the anchor as well.

    Examples:

        gonogo gate baseline init richpanel --metrics out/metrics.json --by "Ada Okafor" --reason "first release"

        gonogo gate baseline init richpanel --cold --by "Ada Okafor" --reason "no model is deployed yet"
    """
    from gonogo.errors import UsageError
    from gonogo.gates.baseline import Act

    if cold == (metrics is not None):
        raise UsageError("give either --metrics with the first baseline, or --cold where there is none yet")
    _record(system, Act.COLD if cold else Act.INIT, metrics, by, reason)


def promote(
    system: _System,
    metrics: Annotated[Path, typer.Option("--metrics", help="metrics.json to become the baseline.")],
    by: _By,
    reason: _Reason,
    anchor: Annotated[
        bool, typer.Option("--anchor", help="Make it the anchor too: the slide is counted from here on.")
    ] = False,
) -> None:
    """Record the next baseline; refused where it lies too far below the anchor, unless it becomes the anchor itself.

    Examples:

        gonogo gate baseline promote richpanel --metrics out/metrics.json --by "Ada Okafor" --reason "release 2026.11.2"

        gonogo gate baseline promote richpanel --metrics out/metrics.json --anchor --by "Ada Okafor" --reason relabelled
    """
    from gonogo.gates.baseline import Act

    _record(system, Act.ANCHOR if anchor else Act.PROMOTE, metrics, by, reason)


def show(
    system: _System,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show the baseline that counts, the anchor, and every act that led there.

    Examples:

        gonogo gate baseline show richpanel

        gonogo gate baseline show richpanel --format json
    """
    check_format(format_)
    history = read_baselines(_project(system), system)
    if format_ == "json":
        acts = [{"number": act.number, "at": act.at, **act.to_payload(system)} for act in history.acts]
        current, anchor = history.current, history.anchor
        data = {
            "schema": "gonogo/baselines/1",
            "system": system,
            "current": current.number if current else None,
            "anchor": anchor.number if anchor else None,
            "acts": acts,
        }
        print_line(json.dumps(data, ensure_ascii=False, indent=1))
        return
    for act in history.acts:
        marks = [word for word, one in (("baseline", history.current), ("anchor", history.anchor)) if one is act]
        print_line(_describe(act) + (f"  <- {', '.join(marks)}" if marks else ""))
    if not history.acts:
        print_line(f"Nobody has recorded a baseline of {system}, nor a cold start.")


def _record(system: str, act: Act, metrics: Path | None, by: str, reason: str) -> None:
    """Check and append one act; raises `RefusedError` where history does not allow it."""
    from gonogo.errors import RefusedError, UsageError
    from gonogo.evidence.ledger import ledger_location, open_ledger
    from gonogo.gates.baseline import KIND, Recorded, refuse_act

    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip() or not text.isprintable():
            raise UsageError(f"{option} is empty or holds control characters")
    project = _project(system)
    history = read_baselines(project, system)
    figures, digest = _read(project, system, metrics) if metrics is not None else (None, None)
    refused = refuse_act(history, act, figures.labels.sha256 if figures else None, _too_far(history, figures))
    if refused:
        raise RefusedError(f"not recorded: {refused}")
    recorded = Recorded(
        0,
        act,
        "",
        by.strip(),
        reason.strip(),
        digest,
        figures.labels.sha256 if figures else None,
        figures.labels.n if figures else None,
        figures.accuracy.value if figures else None,
        figures.macro_f1 if figures else None,
    )
    location = ledger_location(project.root, os.environ, project.ledger)
    entry = open_ledger(location, system).append(KIND, recorded.to_payload(system), datetime.now(UTC))
    what = f"SHA-256 {digest}" if digest else "no baseline yet"
    print_line(f"{system}#{entry.number}: {act.value} recorded by {by.strip()}, {what}")


def _read(project: Project, system: str, path: Path) -> tuple[MetricsFile, str]:
    from gonogo.errors import SourceError, UsageError
    from gonogo.metrics.metrics_file import digest_file, read_metrics
    from gonogo.model.regression import Taxonomy
    from gonogo.sources.system_files import load_vocabulary

    words = project.sources_of(system) / "vocabulary.yaml"
    vocabulary, problems = load_vocabulary(words, project.relative(words))
    taxonomy = Taxonomy.from_vocabulary(vocabulary) if vocabulary else None
    metrics, file = read_metrics(path, project.relative(path), taxonomy)
    digest = digest_file(path)
    if metrics is None or digest is None or problems:
        raise SourceError([*problems, *file.problems], "Nothing was recorded.")
    if metrics.accuracy.value is None or metrics.macro_f1 is None:
        raise UsageError("these metrics are over no message at all; nothing can be held against them")
    return metrics, digest


def _too_far(history: BaselineHistory, metrics: MetricsFile | None) -> list[str]:
    """Return the figures that lie further below the anchor's than a slide may lead."""
    from gonogo.gates.exact import to_exact
    from gonogo.gates.regression import ANCHOR_DROP

    anchor = history.anchor
    if anchor is None or metrics is None:
        return []
    found = []
    for name, then, now in (
        ("accuracy", anchor.accuracy, metrics.accuracy.value),
        ("macro F1", anchor.macro_f1, metrics.macro_f1),
    ):
        before, after = to_exact(then or 0.0), to_exact(now or 0.0)
        if before is not None and after is not None and before - after > to_exact(ANCHOR_DROP):  # type: ignore[operator]
            found.append(f"{name} {float(after):.4f} against {float(before):.4f}")
    return found


def _project(system: str) -> Project:
    from gonogo.errors import UsageError
    from gonogo.sources.project import Project
    from gonogo.sources.suggest import suggest

    project = Project.from_path(Path.cwd())
    if system not in project.systems:
        raise UsageError(f"system {system!r} is not here; {suggest(system, project.systems)}")
    return project


def _describe(act: Recorded) -> str:
    what = (
        f"{act.metrics_sha256[:16]}…  accuracy {act.accuracy:.4f}, macro F1 {act.macro_f1:.4f}, n={act.n:,}"
        if (act.metrics_sha256)
        else "no baseline yet"
    )
    return f"{act.number}  {act.at}  {act.act.value:<8}  {what}  by {act.by}: {act.reason}"


baseline_app.command("init")(init)
baseline_app.command("promote")(promote)
baseline_app.command("show")(show)
