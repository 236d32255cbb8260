"""Whether a target is after a run what it was before: its flags and its build."""

from __future__ import annotations

from gonogo.evidence.record import Recorder, Stream
from gonogo.model.flags import FlagValue
from gonogo.model.outcome import InconclusiveReason, Outcome, Verdict
from gonogo.run.flagjournal import flag_json
from gonogo.run.observation import judge_absence
from gonogo.targets.interface import Identity, NotAvailable, Observed

Flags = dict[str, FlagValue] | NotAvailable | None


def compare_flags(before: Flags, after: Flags, recorder: Recorder) -> Verdict:
    """Return whether the flags of the store are those of before, and record both; None were never read."""
    expected = "the flags of the stage, before and after"
    for side in (before, after):
        if side is None:
            return Verdict(Outcome.NOT_RUN, ("the flags were never read",), expected)
        if isinstance(side, NotAvailable):
            return judge_absence(side, expected)
    if not isinstance(before, dict) or not isinstance(after, dict):
        raise TypeError("both sides were read")
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    recorder.record(
        Stream.FLAGS,
        {
            "state": "compared",
            "before": {name: flag_json(value) for name, value in before.items()},
            "after": {name: flag_json(value) for name, value in after.items()},
        },
    )
    if changed:
        text = f"{InconclusiveReason.TARGET_CHANGED.value}: {', '.join(changed)} changed during the run"
        return Verdict(Outcome.INCONCLUSIVE, (text,), expected)
    return Verdict(Outcome.PASSED, (), expected, f"{len(after)} flags alike")


def compare_build(
    before: Observed[Identity] | NotAvailable | None,
    after: Observed[Identity] | NotAvailable,
    release: str | None,
    recorder: Recorder,
) -> Verdict:
    """Return whether one build ran all the time, and it is that of the release; before None was never read."""
    expected = "one build before, during and after the run"
    if before is None:
        return Verdict(Outcome.NOT_RUN, ("the build was never read",), expected)
    if isinstance(before, NotAvailable):
        return judge_absence(before, expected)
    if isinstance(after, NotAvailable):
        return judge_absence(after, expected)
    recorder.record(Stream.PROGRESS, {"phase": "build", "before": before.value.build, "after": after.value.build})
    if before.value != after.value:
        text = f"build was {before.value.build} and is {after.value.build}"
        return Verdict(Outcome.INCONCLUSIVE, (f"target_changed: {text}",), expected, after.value.build)
    if release is not None and release not in (after.value.build, after.value.release):
        shown = after.value.release or after.value.build
        text = f"target_changed: the target runs {shown}, and the release to verify is {release}"
        return Verdict(Outcome.INCONCLUSIVE, (text,), f"release {release}", shown)
    return Verdict(Outcome.PASSED, (), expected, after.value.build)
